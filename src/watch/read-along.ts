import { isStored, type Holding } from './stock.ts';

/** Of how often KV is read, the part within which others of the same kind are read along: their changes are one. */
const READ_ALONG = 0.1;

/**
 * What is read with those that are due.
 * @param refreshS how often KV is read
 * @param nowS of the life clock
 */
export function readAlong(
  due: readonly Holding[],
  all: readonly Holding[],
  refreshS: number,
  nowS: number,
): readonly Holding[] {
  const untilS = nowS + READ_ALONG * refreshS;
  const isAlong = ({ fetched, fault, plan, dueAtS }: Holding): boolean =>
    fetched !== undefined &&
    isStored(plan, fetched) &&
    fault === undefined &&
    plan.refreshMs === undefined &&
    dueAtS <= untilS;
  return due.some(isAlong) ? all.filter(isAlong) : [];
}

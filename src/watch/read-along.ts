import { isStored, type Holding } from './stock.ts';

/** Of how often KV is read, the part within which others of the same kind are read along: their changes are one. */
const READ_ALONG = 0.1;

/**
 * @param refreshS how often KV is read
 * @param nowS of the life clock
 * @returns the names of those that are due, and of what is read with them
 */
export function withReadAlong(
  due: readonly Holding[],
  all: readonly Holding[],
  refreshS: number,
  nowS: number,
): ReadonlySet<string> {
  const untilS = nowS + READ_ALONG * refreshS;
  const isAlong = ({ fetched, fault, plan, dueAtS }: Holding): boolean =>
    fetched !== undefined &&
    isStored(plan, fetched) &&
    fault === undefined &&
    plan.refreshMs === undefined &&
    dueAtS <= untilS;
  const along = due.some(isAlong) ? all.filter(isAlong) : [];
  return new Set([...due, ...along].map(({ plan }) => plan.name));
}

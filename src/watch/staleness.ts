import type { Failure } from '../base/errors.ts';
import type { Holding } from './stock.ts';

/** Since when it is not what it should be, in seconds of the life clock; Infinity: it is good. */
export function sinceWhenS({ fault, endsAtS }: Holding): number {
  if (fault === undefined) return Infinity;
  return endsAtS === Infinity ? fault.sinceS : endsAtS;
}

/** @param nowS of the life clock */
export function tooStale({ plan, fault, ...times }: Holding, nowS: number): Failure {
  const seconds = String(Math.round(nowS - sinceWhenS({ plan, fault, ...times })));
  return {
    kind: 'unavailable',
    message: `${plan.name} could not be replaced for ${seconds} s: ${fault?.failure.message ?? ''}`,
    where: plan.where,
    hint: fault?.failure.hint ?? 'is the server up?',
  };
}

/** When `max_stale` ends the process, in seconds of the life clock; Infinity: never. */
export function staleAtS(holdings: readonly Holding[], maxStaleS: number): number {
  return maxStaleS === 0 ? Infinity : Math.min(...holdings.map(sinceWhenS)) + maxStaleS;
}

import type { WireCounters } from '../vault/client.ts';

/** Pieces of work that are over are added up, so that they do not grow in number. */
const MOST_UNDER_WAY = 16;

/** Requests of all that was done with a token. */
interface Traffic {
  readonly requests: number;
  add(counters: WireCounters): void;
}

export function createTraffic(): Traffic {
  const under: WireCounters[] = [];
  let done = 0;
  return {
    get requests() {
      return under.reduce((sum, { requests }) => sum + requests, done);
    },
    add(counters) {
      under.push(counters);
      if (under.length > MOST_UNDER_WAY) done += under.shift()?.requests ?? 0;
    },
  };
}

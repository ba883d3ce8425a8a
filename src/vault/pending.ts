import type { PendingRequest, Scope } from '../host/scope.ts';

/** The first sign of a server that is silent; each further one after twice as long. */
const FIRST_MS = 5000;

type Surroundings = Pick<Scope, 'log' | 'now' | 'pending'>;

/** Notes the requests under way to a server, for the error at the deadline, and logs now and then that it is silent. */
export interface PendingRequests {
  /** @returns to call at the end of the request */
  begin(request: Omit<PendingRequest, 'sinceMs'>): () => void;
}

/** One line for all of them: that of the oldest. */
export function createPendingRequests({ log, now, pending }: Surroundings): PendingRequests {
  const own = new Set<PendingRequest>();
  let timer: NodeJS.Timeout | undefined;
  const tell = (afterMs: number): void => {
    const [oldest] = own;
    if (oldest === undefined) return;
    const { sinceMs, ...request } = oldest;
    const waited_ms = Math.round(now() - sinceMs);
    if (waited_ms >= FIRST_MS) log.write({ event: 'waiting', ...request, waited_ms, others: own.size - 1 });
    start(waited_ms >= FIRST_MS ? 2 * afterMs : FIRST_MS - waited_ms);
  };
  const start = (afterMs: number): void => {
    timer = setTimeout(tell, afterMs, afterMs);
  };
  return {
    begin(asked) {
      const request = { ...asked, sinceMs: now() };
      own.add(request);
      pending.add(request);
      if (own.size === 1) start(FIRST_MS);
      return () => {
        own.delete(request);
        pending.delete(request);
        if (own.size === 0) clearTimeout(timer);
      };
    },
  };
}

import type { CancelSignal } from '../base/cancellation.ts';
import { sleep } from '../http/delay.ts';
import type { RateLimit } from '../shape/rate-limit.ts';

/** When the next request of the run may be sent. */
export interface Pace {
  /** Waits for this request's turn. @returns undefined: it may be sent at once */
  turn(signal: CancelSignal): Promise<void> | undefined;
  /** Holds back all requests: a 429 concerns the run, not just the request that got it. */
  pause(milliseconds: number): void;
  /** How long it still holds them back. */
  pausedMs(): number;
}

/** @param now monotonic milliseconds */
export function createPace(rateLimit: RateLimit | undefined, now: () => number): Pace {
  let pausedUntilMs = 0;
  const nextStartMs = rateLimit === undefined ? () => 0 : tokenBucket(rateLimit, now);
  const waitUntil = async (startMs: number, signal: CancelSignal): Promise<void> => {
    for (;;) {
      const waitMs = Math.max(startMs, pausedUntilMs) - now();
      if (waitMs <= 0) return;
      await sleep(waitMs, signal);
    }
  };
  return {
    turn(signal) {
      const startMs = nextStartMs();
      return Math.max(startMs, pausedUntilMs) === 0 ? undefined : waitUntil(startMs, signal);
    },
    pause(milliseconds) {
      pausedUntilMs = Math.max(pausedUntilMs, now() + milliseconds);
    },
    pausedMs: () => Math.max(0, pausedUntilMs - now()),
  };
}

/** Hands out start times: `burst` at once, then `perSecond` (the meaning of VAULT_RATE_LIMIT). */
function tokenBucket({ perSecond, burst }: RateLimit, now: () => number): () => number {
  const intervalMs = 1000 / perSecond;
  let nextMs = now() - (burst - 1) * intervalMs;
  return () => {
    const startMs = Math.max(nextMs, now() - (burst - 1) * intervalMs);
    nextMs = startMs + intervalMs;
    return startMs;
  };
}

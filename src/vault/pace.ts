import type { CancelSignal } from '../base/cancellation.ts';
import { sleep } from '../http/delay.ts';
import type { RateLimit } from '../shape/rate-limit.ts';

/** When the next request of the run may be sent. */
export interface Pace {
  /** Waits for this request's turn. */
  turn(signal: CancelSignal): Promise<void>;
  /** Holds back all requests: a 429 concerns the run, not just the request that got it. */
  pause(milliseconds: number): void;
  /** How long it still holds them back. */
  pausedMs(): number;
}

/** @param now monotonic milliseconds */
export function createPace(rateLimit: RateLimit | undefined, now: () => number): Pace {
  let pausedUntilMs = 0;
  const nextStartMs = rateLimit === undefined ? () => 0 : tokenBucket(rateLimit, now);
  return {
    async turn(signal) {
      for (let startMs = nextStartMs(); ; startMs = Math.max(startMs, pausedUntilMs)) {
        const waitMs = Math.max(startMs, pausedUntilMs) - now();
        if (waitMs <= 0) return;
        await sleep(waitMs, signal);
      }
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

import type { CancelSignal } from '../base/cancellation.ts';
import { sleep } from '../http/delay.ts';
import type { RateLimit } from '../shape/rate-limit.ts';

/** When the next request of the run may be sent. */
export interface Pace {
  /**
   * Waits for this request's turn.
   * @param isUrgent it does not wait for the rate limit
   * @returns undefined: it may be sent at once
   */
  turn(signal: CancelSignal, isUrgent?: boolean): Promise<void> | undefined;
  /** Holds back all requests: a 429 concerns the run, not just the request that got it. */
  pause(milliseconds: number): void;
  /** How long it still holds them back. */
  pausedMs(): number;
}

/** @param now monotonic milliseconds */
export function createPace(rateLimit: RateLimit | undefined, now: () => number): Pace {
  let pausedUntilMs = 0;
  const slots = rateLimit === undefined ? NO_LIMIT : tokenBucket(rateLimit, now);
  const waitUntil = async (startMs: number, own: Slots, signal: CancelSignal): Promise<void> => {
    try {
      for (;;) {
        const waitMs = Math.max(startMs, pausedUntilMs) - now();
        if (waitMs <= 0) return;
        await sleep(waitMs, signal);
      }
    } catch (error) {
      own.putBack();
      throw error;
    }
  };
  return {
    turn(signal, isUrgent = false) {
      const own = isUrgent ? NO_LIMIT : slots;
      const startMs = own.take();
      return Math.max(startMs, pausedUntilMs) === 0 ? undefined : waitUntil(startMs, own, signal);
    },
    pause(milliseconds) {
      pausedUntilMs = Math.max(pausedUntilMs, now() + milliseconds);
    },
    pausedMs: () => Math.max(0, pausedUntilMs - now()),
  };
}

/** When requests may start. */
interface Slots {
  take(): number;
  /** One that no request has started at. */
  putBack(): void;
}

const NO_LIMIT: Slots = { take: () => 0, putBack: () => undefined };

/** `burst` at once, then `perSecond` (the meaning of VAULT_RATE_LIMIT). */
function tokenBucket({ perSecond, burst }: RateLimit, now: () => number): Slots {
  const intervalMs = 1000 / perSecond;
  let nextMs = now() - (burst - 1) * intervalMs;
  return {
    take() {
      const startMs = Math.max(nextMs, now() - (burst - 1) * intervalMs);
      nextMs = startMs + intervalMs;
      return startMs;
    },
    putBack() {
      nextMs -= intervalMs;
    },
  };
}

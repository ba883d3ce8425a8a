import { retryIn } from './due-times.ts';
import type { LifeClock } from './life-clock.ts';

/** Of something that fails again and again. */
export interface Tries {
  /** In vain, one after the other. */
  readonly count: number;
  /**
   * One more.
   * @param longestS see `retryIn`
   * @returns when the next is due, in seconds of the life clock
   */
  failed(longestS?: number): number;
  /** One has succeeded. */
  over(): void;
}

/** @param random in [0, 1) */
export function createTries(clock: LifeClock, random: () => number): Tries {
  let count = 0;
  let sinceS = 0;
  return {
    get count() {
      return count;
    },
    failed(longestS) {
      const nowS = clock.now();
      if (count === 0) sinceS = nowS;
      count += 1;
      return nowS + retryIn(count, nowS - sinceS, random(), longestS);
    },
    over() {
      count = 0;
    },
  };
}

import { retryIn } from './due-times.ts';
import type { LifeClock } from './life-clock.ts';

/** Of something that fails again and again. */
export interface Tries {
  /** In vain, one after the other. */
  readonly count: number;
  /**
   * One more.
   * @param longestS see `retryIn`
   * @returns seconds until the next is due
   */
  failed(longestS?: number): number;
  /** One has succeeded. */
  over(): void;
}

/** @param random in [0, 1) */
export function createTries(clock: Pick<LifeClock, 'now'>, random: () => number): Tries {
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
      return retryIn(count, nowS - sinceS, random(), longestS);
    },
    over() {
      count = 0;
    },
  };
}

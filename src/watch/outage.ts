import type { FailureKind } from '../base/errors.ts';
import type { LifeClock } from './life-clock.ts';
import { createTries } from './tries.ts';

/**
 * That the server cannot be reached, or does not answer as it should. All that waits for it waits as one, so that a process asks once
 * in a while, however much it has to ask for, and reads all of it when there is an answer.
 */
export interface Outage {
  readonly isOn: boolean;
  /**
   * Something was asked for in vain.
   * @returns when everything is tried again, in seconds of the life clock
   */
  failed(): number;
  /** The server has answered. */
  over(): void;
}

/**
 * Before another try, in seconds, at most. A thousand processes are then back within two minutes, and the server has 17 of them
 * in a second at most, or twice the number of an even spread: test/bench/README.md.
 */
const LONGEST_WAIT_S = 120;

/** @param random in [0, 1) */
export function createOutage(clock: LifeClock, random: () => number): Outage {
  const tries = createTries(clock, random);
  let untilS = -Infinity;
  return {
    get isOn() {
      return tries.count > 0;
    },
    failed() {
      // What fails at the same time is one try.
      const nowS = clock.now();
      if (untilS <= nowS) untilS = nowS + tries.failed(LONGEST_WAIT_S);
      return untilS;
    },
    over() {
      tries.over();
      untilS = -Infinity;
    },
  };
}

/** Whether such a failure is one of the server, not of what was asked for. */
export function isOutage(kind: FailureKind | undefined): boolean {
  return kind === 'unavailable' || kind === 'deadline';
}

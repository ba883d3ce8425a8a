import type { Scope } from '../host/scope.ts';
import type { LifeClock } from './life-clock.ts';

/** Waits for the next thing to do. */
export interface Alarm {
  /**
   * Resolves at this time, in seconds of the life clock, or as soon as somebody has rung.
   * @throws RunError when the scope has ended
   */
  until(atS: number): Promise<void>;
  /** Wakes whoever waits, or waits next. */
  ring(): void;
}

/** A timer does not run while the machine sleeps, nor notice that a clock was set: it is looked at this often. */
const LOOK_EVERY_MS = 15_000;

/** Less is what clocks are set by all the time, in seconds. */
const JUMP_S = 5;

export function createAlarm(clock: LifeClock, scope: Scope): Alarm {
  let isRinging = false;
  let wake: (() => void) | undefined;
  const wait = async (milliseconds: number): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    wake = () => {
      resolve(undefined);
    };
    const timer = setTimeout(wake, milliseconds);
    scope.signal.addEventListener('abort', wake);
    await promise;
    scope.signal.removeEventListener('abort', wake);
    clearTimeout(timer);
    wake = undefined;
  };
  return {
    async until(atS) {
      for (;;) {
        scope.throwIfEnded();
        const jumpS = clock.takeJump();
        if (Math.abs(jumpS) > JUMP_S) scope.log.write({ event: 'clock_jumped', by: Math.round(jumpS) });
        const leftMs = (atS - clock.now()) * 1000;
        if (isRinging || leftMs <= 0) break;
        await wait(Math.min(leftMs, LOOK_EVERY_MS));
      }
      isRinging = false;
    },
    ring() {
      isRinging = true;
      wake?.();
    },
  };
}

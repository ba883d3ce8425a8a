import { Cancellation, onAbort, type CancelSignal } from '../base/cancellation.ts';

/** A signal that follows another one some time later. */
export interface GracefulSignal {
  readonly signal: CancelSignal;
  [Symbol.dispose](): void;
}

/**
 * For requests that clean up: they may go on for a moment after the run was ended.
 * @param graceMs how much longer than `outer`
 * @param limitMs how long in any case; undefined: as long as `outer` lasts
 */
export function gracefulSignal(outer: CancelSignal, graceMs: number, limitMs?: number): GracefulSignal {
  const signal = new Cancellation();
  const timers: NodeJS.Timeout[] = [];
  const abort = (): void => {
    signal.abort(outer.reason);
  };
  const startGrace = (): void => {
    timers.push(setTimeout(abort, graceMs));
  };
  onAbort(outer, startGrace);
  // On a busy machine the time may be over already: Node warns of a negative one.
  if (limitMs !== undefined) timers.push(setTimeout(abort, Math.max(0, limitMs)));
  return {
    signal,
    [Symbol.dispose]() {
      timers.forEach(clearTimeout);
      outer.removeEventListener('abort', startGrace);
    },
  };
}

/** A signal that follows another one some time later. */
export interface GracefulSignal {
  readonly signal: AbortSignal;
  [Symbol.dispose](): void;
}

/**
 * For requests that clean up: they may go on for a moment after the run was ended.
 * @param graceMs how much longer than `outer`
 * @param limitMs how long in any case; undefined: as long as `outer` lasts
 */
export function gracefulSignal(outer: AbortSignal, graceMs: number, limitMs?: number): GracefulSignal {
  const controller = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const abort = (): void => {
    controller.abort(outer.reason);
  };
  const startGrace = (): void => {
    timers.push(setTimeout(abort, graceMs));
  };
  if (outer.aborted) startGrace();
  else outer.addEventListener('abort', startGrace, { once: true });
  if (limitMs !== undefined) timers.push(setTimeout(abort, limitMs));
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      timers.forEach(clearTimeout);
      outer.removeEventListener('abort', startGrace);
    },
  };
}

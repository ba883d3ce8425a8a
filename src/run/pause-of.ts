import type { Scope } from '../host/scope.ts';
import type { Pause } from '../render/pause.ts';

/** Longer work without a turn of the event loop would keep signals waiting. */
const LONGEST_TURN_MS = 20;

/** Ends work with its scope. Signals come in with the event loop, which gets a turn now and then. */
export function pauseOf(scope: Scope): Pause {
  let sinceMs = scope.now();
  return () => {
    scope.throwIfEnded();
    if (scope.now() - sinceMs < LONGEST_TURN_MS) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      sinceMs = scope.now();
      scope.throwIfEnded();
    });
  };
}

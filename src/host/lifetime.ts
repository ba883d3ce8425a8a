import { Cancellation, type CancelSignal } from '../base/cancellation.ts';
import { RunError } from '../base/errors.ts';

/** What can end a run early. */
export interface Lifetime {
  /** Aborted with a RunError as its reason: `deadline`, `interrupted` or `terminated`. */
  readonly signal: CancelSignal;
  /** Sets the deadline, counted from the start of the process. */
  limit(timeoutMs: number): void;
  /** Milliseconds left; Infinity before `limit` was called. */
  remainingMs(): number;
  /** Ends the run with this error; only the first call counts. */
  end(reason: RunError): void;
  /** Throws the reason if the run has been ended. */
  throwIfEnded(): void;
  /** Stops the clock, so that it does not hold up the exit. */
  [Symbol.dispose](): void;
}

/** @param now milliseconds since the start of the process */
export function createLifetime(now: () => number): Lifetime {
  const signal = new Cancellation();
  let deadlineMs = Infinity;
  let timer: NodeJS.Timeout | undefined;
  const end = (reason: RunError): void => {
    signal.abort(reason);
  };
  const expire = (timeoutMs: number): void => {
    end(
      new RunError('deadline', `not finished within the timeout of ${String(timeoutMs / 1000)} s`, {
        hint: 'look at the retries above for what was slow or down; raise `timeout` or --timeout if the server needs longer',
      }),
    );
  };
  return {
    signal,
    limit(timeoutMs) {
      deadlineMs = timeoutMs;
      clearTimeout(timer);
      timer = setTimeout(expire, Math.max(0, timeoutMs - now()), timeoutMs);
    },
    remainingMs: () => deadlineMs - now(),
    end,
    throwIfEnded() {
      if (now() >= deadlineMs) expire(deadlineMs);
      signal.throwIfAborted();
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
    },
  };
}

/** Ends work early. The parts of an AbortSignal that this program uses. */
export interface CancelSignal {
  readonly aborted: boolean;
  /** Why, once it is aborted. */
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** An AbortController that is its own signal. Node's is slow to load and to use: see test/bench/README.md. */
export class Cancellation implements CancelSignal {
  readonly #listeners = new Set<() => void>();
  #reason: unknown;
  #aborted = false;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  /** Only the first call counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    for (const listener of this.#listeners) listener();
  }

  throwIfAborted(): void {
    if (this.#aborted) throw this.#reason;
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }
}

/** Does the work; calls the listener if the signal is aborted meanwhile. */
export async function listening<T>(
  signal: CancelSignal,
  listener: () => void,
  work: () => Promise<T>,
): Promise<T> {
  signal.addEventListener('abort', listener);
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', listener);
  }
}

/** Calls the listener once the signal is aborted: at once, if it is already. */
export function onAbort(signal: CancelSignal, listener: () => void): void {
  if (signal.aborted) listener();
  else signal.addEventListener('abort', listener);
}

/** For APIs that accept only the platform's AbortSignal. */
export function abortSignalOf(signal: CancelSignal): AbortSignal {
  const controller = new AbortController();
  onAbort(signal, () => {
    controller.abort(signal.reason);
  });
  return controller.signal;
}

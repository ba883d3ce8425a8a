import { listening, type CancelSignal } from '../base/cancellation.ts';

const BASE_MS = 200;
const CAP_MS = 5_000;

/**
 * How long to wait before the next try: full jitter, so that many pods that start together do not come back together.
 * @param attempt tries made so far, from 1
 * @param random in [0, 1)
 * @param retryAfterMs what the server asked for; 0: nothing
 * @returns milliseconds
 */
export function delayMs(attempt: number, random: number, retryAfterMs = 0): number {
  if (retryAfterMs > 0) return retryAfterMs + random * BASE_MS;
  return random * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
}

/** What a last try is left at least, and at most. */
const SHORTEST_TRY_MS = 250;
const LONGEST_TRY_MS = 2000;

/**
 * A delay shortened so that one more try fits before the deadline: a run that gives up early has wasted the rest of its time.
 * @param tookMs how long the failed try took; the next one is left twice that, within limits
 * @param isAsked by the server: it is then not shortened
 * @returns undefined: no other try fits
 */
export function delayWithin(
  delay: number,
  remainingMs: number,
  tookMs: number,
  isAsked: boolean,
): number | undefined {
  const leftMs = remainingMs - Math.min(LONGEST_TRY_MS, Math.max(SHORTEST_TRY_MS, 2 * tookMs));
  if (leftMs <= 0 || (isAsked && delay >= remainingMs)) return undefined;
  return isAsked ? delay : Math.min(delay, leftMs);
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export async function sleep(milliseconds: number, signal: CancelSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const abort = (): void => {
    reject(signal.reason);
  };
  const timer = setTimeout(resolve, milliseconds, undefined);
  try {
    await listening(signal, abort, () => promise);
  } finally {
    clearTimeout(timer);
  }
}

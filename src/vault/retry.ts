import type { Scope } from '../host/scope.ts';
import { delayMs, delayWithin } from '../http/delay.ts';
import type { Answer, Unavailable } from './vault-answer.ts';
import type { Attempt, VaultRequest, VaultResponse } from './request.ts';

/** An answer that something in between has cut off is asked for again this many times. */
const CUTS_RETRIED = 3;

export interface AlsoRetry {
  readonly when: (answer: Answer) => boolean;
  /** How many times at most. */
  readonly limit?: number;
  /** Until so many milliseconds after the first of them. */
  readonly forMs?: number;
  /** Called at the first of them. */
  readonly onFirst?: (answer: Answer) => void;
}

/** An attempt, and what is to be done about it. */
export interface Try {
  readonly result: Attempt;
  readonly outcome: Answer | Unavailable;
  readonly tookMs: number;
  /** Why another attempt is worthwhile, or undefined. */
  readonly retryReason: string | undefined;
  /** How long to wait for it at most. */
  readonly limitMs?: number;
}

/** Decides which answers are retried that a request takes for passing, and how long. */
export function againAfter(
  alsoRetry: AlsoRetry | undefined,
  { now }: Pick<Scope, 'now'>,
): (tried: Try) => Try {
  let count = 0;
  let endMs = Infinity;
  return (tried) => {
    const { outcome } = tried;
    if (alsoRetry === undefined || outcome.kind === 'unavailable' || !alsoRetry.when(outcome)) return tried;
    count += 1;
    if (count === 1) {
      endMs = now() + (alsoRetry.forMs ?? Infinity);
      alsoRetry.onFirst?.(outcome);
    }
    const limitMs = endMs - now();
    if (count > (alsoRetry.limit ?? Infinity) || limitMs <= 0) return tried;
    return { ...tried, retryReason: outcome.errors.join('; '), limitMs };
  };
}

/** Why another attempt is worthwhile after this result, or undefined. */
export function retryReason(
  result: Attempt,
  outcome: Answer | Unavailable,
  request: VaultRequest,
  attempt: number,
): string | undefined {
  if (result.kind === 'connection_failure') {
    return result.permanent || (request.mints && result.ambiguous) ? undefined : result.message;
  }
  if (outcome.kind === 'answer') return undefined;
  if (outcome.isFinal === true) return undefined;
  return isPassing(result, request.mints, attempt) ? outcome.failure.message : undefined;
}

/** 412: a replica lags behind. 429: too many requests. 503: sealed, or no leader. All three mean that nothing was done. */
function isPassing({ status, isCut }: VaultResponse, mints: boolean, attempt: number): boolean {
  if (status === 412 || status === 429 || status === 503) return true;
  if (mints) return false;
  return isCut && status < 500 ? attempt <= CUTS_RETRIED : status >= 500;
}

export function isRateLimited(result: Attempt): boolean {
  return result.kind === 'response' && result.status === 429;
}

/** @param remainingMs for the request @returns undefined: no other attempt fits before the deadline */
export function delayAfter(
  { result, tookMs, limitMs = Infinity }: Try,
  attempt: number,
  { random }: Pick<Scope, 'random'>,
  remainingMs: number,
): number | undefined {
  const { retryAfterMs: asked = 0 } = result.kind === 'response' ? result : {};
  const wanted = Math.min(delayMs(attempt, random(), asked), limitMs);
  // A try that hung says nothing about the next one.
  const hung = result.kind === 'connection_failure' && result.code === 'TIMEOUT';
  return delayWithin(wanted, remainingMs, hung ? 0 : tookMs, asked > 0);
}

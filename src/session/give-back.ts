import type { Scope } from '../host/scope.ts';
import { GIVE_BACK_LIMIT_MS } from '../host/shutdown-budget.ts';
import { gracefulSignal } from '../http/grace.ts';
import type { VaultRequest } from '../vault/request.ts';
import type { Answer, Unavailable } from '../vault/vault-answer.ts';
import type { Sender, SendOptions } from '../vault/sender.ts';

/** How long a request may take that gives something back. */
export interface GiveBackLimit {
  /** After the run was ended, in milliseconds. */
  readonly graceMs: number;
  /** While it is still going on: the part of its time that is left. The rest is for what comes after. */
  readonly share: number;
}

/**
 * Sends a request that gives something back. It never fails a run, which is complete without it, and it ends within its
 * limit: a server that hangs must not hold up the exit, nor use up the time that a complete run needs for its outputs.
 */
export async function sendWithin(
  request: VaultRequest,
  { graceMs, share }: GiveBackLimit,
  sender: Sender,
  scope: Scope,
  options: Pick<SendOptions, 'alsoRetry'> = {},
): Promise<Answer | Unavailable> {
  const { signal } = scope;
  const part = signal.aborted ? graceMs : scope.remainingMs() * share;
  const limitMs = Math.min(GIVE_BACK_LIMIT_MS, part);
  const endMs = scope.now() + limitMs;
  using grace = gracefulSignal(signal, graceMs, limitMs);
  try {
    return await sender.send(request, {
      ...options,
      signal: grace.signal,
      isUrgent: signal.aborted,
      remainingMs: () => endMs - scope.now(),
    });
  } catch {
    const message = 'there was no answer in time';
    return { kind: 'unavailable', failure: { kind: 'unavailable', message } };
  }
}

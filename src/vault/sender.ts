import type { CancelSignal } from '../base/cancellation.ts';
import type { Scope } from '../host/scope.ts';
import { sleep } from '../http/delay.ts';
import type { RateLimit } from '../shape/rate-limit.ts';
import { answerOf, hintOf, unavailable, type Answer, type Unavailable } from './vault-answer.ts';
import type { AttemptContext, VaultClient, WireCounters } from './client.ts';
import { createPace, type Pace } from './pace.ts';
import { activeNodeOf, isRedirect } from './redirect.ts';
import type { Attempt, VaultRequest } from './request.ts';
import { againAfter, delayAfter, isRateLimited, retryReason, type AlsoRetry, type Try } from './retry.ts';

/** The most redirects that one request follows. */
const MOST_REDIRECTS = 3;

export interface SendOptions {
  /** Ends the sending early; by default the run's own signal. */
  readonly signal?: CancelSignal;
  /** Ends an attempt under way; by default the same signal. */
  readonly attemptSignal?: CancelSignal;
  /** False once the run has failed anyway: no more retries, the first answer counts. */
  readonly worthRetrying?: () => boolean;
  /** Answers that are retried like outages. */
  readonly alsoRetry?: AlsoRetry;
  /** Milliseconds that are left for it; by default those of the run. */
  readonly remainingMs?: () => number;
  /** It does not wait for the rate limit. */
  readonly isUrgent?: boolean;
  /** Rebuilds the request for each retry, so that a rotated service account token is read again. */
  readonly rebuild?: () => Promise<VaultRequest>;
}

/** Sends requests, and repeats them on outages within the run's deadline. */
export interface Sender {
  readonly client: VaultClient;
  /** What it has sent. */
  readonly counters: WireCounters;
  send(request: VaultRequest, options?: SendOptions): Promise<Answer | Unavailable>;
}

export interface SenderSettings {
  /** Undefined: as many as the deadline allows. */
  readonly maxRetries: number | undefined;
  readonly rateLimit: RateLimit | undefined;
}

/** The pace that the config or a server sets, shared by all senders to it. */
export function paceOf({ rateLimit }: SenderSettings, { now }: Pick<Scope, 'now'>): Pace {
  return createPace(rateLimit, now);
}

/** @param scope of the run that the requests belong to: it ends and logs them */
export function createSender(
  client: VaultClient,
  settings: SenderSettings,
  scope: Scope,
  pace: Pace,
): Sender {
  const counters: WireCounters = { requests: 0, retries: 0, bytes: 0 };

  const tryOnce = async (request: VaultRequest, attempt: number, options: SendOptions): Promise<Try> => {
    const signal = options.signal ?? scope.signal;
    await pace.turn(signal, options.isUrgent);
    const startMs = scope.now();
    const context = { signal: options.attemptSignal ?? signal, counters, log: scope.log };
    let result = await client.attempt(request, context);
    if (isRedirect(result)) result = await attemptAtActive(result, client, request, context);
    const outcome = answerOf(result, request, client.address);
    const tookMs = scope.now() - startMs;
    return { result, outcome, tookMs, retryReason: retryReason(result, outcome, request, attempt) };
  };

  /** Waits for the next attempt. False: no time is left, or another attempt is pointless. */
  const waitForRetry = async (
    failed: Try,
    path: string,
    attempt: number,
    options: SendOptions,
  ): Promise<boolean> => {
    const signal = options.signal ?? scope.signal;
    // An attempt under way may outlive the run by its grace.
    signal.throwIfAborted();
    const { result, retryReason: reason = '' } = failed;
    const delay = delayOf(failed, attempt, { ...options, ...settings }, scope);
    if (delay === undefined) return false;
    if (isRateLimited(result)) pace.pause(delay);
    counters.retries += 1;
    scope.log.write({ event: 'retrying', path, attempt, delay_ms: Math.round(delay), reason });
    await sleep(delay, signal);
    return true;
  };

  return {
    client,
    counters,
    async send(first, options = {}) {
      const again = againAfter(options.alsoRetry, scope);
      for (let attempt = 1; ; attempt += 1) {
        const request = attempt === 1 ? first : ((await options.rebuild?.()) ?? first);
        if (isHeldBack(pace, options)) return heldBack(pace);
        const tried = again(await tryOnce(request, attempt, options));
        if (tried.retryReason === undefined || !(await waitForRetry(tried, request.path, attempt, options)))
          return withAttempts(tried.outcome, attempt);
      }
    },
  };
}

/** Before the next attempt. Undefined: no time is left, or another attempt is pointless. */
function delayOf(
  failed: Try,
  attempt: number,
  { maxRetries = Infinity, worthRetrying, remainingMs }: SendOptions & Pick<SenderSettings, 'maxRetries'>,
  scope: Scope,
): number | undefined {
  if (attempt > maxRetries || worthRetrying?.() === false) return undefined;
  return delayAfter(failed, attempt, scope, remainingMs?.() ?? scope.remainingMs());
}

/** Follows a standby to the active node, and again if that one has just stepped down. */
async function attemptAtActive(
  redirect: Attempt,
  client: VaultClient,
  request: VaultRequest,
  context: AttemptContext,
): Promise<Attempt> {
  let result = redirect;
  for (let hop = 1; hop <= MOST_REDIRECTS; hop += 1) {
    const active = activeNodeOf(result, request, client.address);
    if (active === undefined) break;
    if (client.follow(active)) context.log.write({ event: 'redirected', address: active });
    result = await client.attempt(request, context);
  }
  return result;
}

/** Another request got a 429, after which none may be sent for longer than this one has. */
function isHeldBack(pace: Pace, { remainingMs }: SendOptions): boolean {
  if (remainingMs === undefined) return false;
  const pausedMs = pace.pausedMs();
  return pausedMs > 0 && pausedMs >= remainingMs();
}

function heldBack(pace: Pace): Unavailable {
  const seconds = String(Math.ceil(pace.pausedMs() / 1000));
  return unavailable(
    `the server answered 429, and no request is sent for another ${seconds} s`,
    hintOf(429, []),
  );
}

function withAttempts(outcome: Answer | Unavailable, attempts: number): Answer | Unavailable {
  if (outcome.kind === 'answer' || attempts === 1) return outcome;
  const message = `${outcome.failure.message} (after ${String(attempts)} attempts)`;
  return { kind: 'unavailable', failure: { ...outcome.failure, message } };
}

import type { CancelSignal } from '../base/cancellation.ts';
import { DEEPEST } from '../base/depth.ts';
import type { Failure } from '../base/errors.ts';
import type { Scope } from '../host/scope.ts';
import { delayMs, delayWithin, sleep } from '../http/delay.ts';
import { errorTexts, presentable, warningTexts } from '../http/presentable.ts';
import type { ConnectionFailure } from '../http/connection-failure.ts';
import type { RateLimit } from '../shape/rate-limit.ts';
import type { AttemptContext, VaultClient, WireCounters } from './client.ts';
import { createPace, type Pace } from './pace.ts';
import { notJson, redirected } from './foreign-answers.ts';
import { activeNodeOf } from './redirect.ts';
import type { Attempt, VaultRequest, VaultResponse } from './request.ts';

/** An answer that something in between has cut off is asked for again this many times. */
const CUTS_RETRIED = 3;
/** With these a proxy or load balancer answers in place of the server, in text: 520 to 527 are Cloudflare's. */
const COMES_FROM_GATEWAYS = new Set([429, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527]);

/** The most redirects that one request follows. */
const MOST_REDIRECTS = 3;

/** Vault answered with JSON, be it a success or a refusal. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  readonly body: unknown;
  /** The server's errors, presentable. */
  readonly errors: readonly string[];
  /** The server's warnings, presentable. */
  readonly warnings: readonly string[];
  /** Makes any other text of the body presentable. */
  readonly shown: (text: string) => string;
  /** Its `Date`: the clock of the server, or of a proxy in between. */
  readonly date: string | undefined;
}

/**
 * A 403 that no policy caused: the token is unknown, expired or used up. A login returns it for any fault of its backend.
 * HashiCorp Vault says of such a token that it is invalid, OpenBao only denies.
 */
export function isBareRefusal({ status, errors }: Pick<Answer, 'status' | 'errors'>): boolean {
  const [text = ''] = errors;
  const isBare = text === 'permission denied' || /^2 errors occurred:.*\* invalid token$/.test(text);
  return status === 403 && errors.length === 1 && isBare;
}

/** No usable answer, or the last retry failed as well. */
export interface Unavailable {
  readonly kind: 'unavailable';
  readonly failure: Failure;
  /** Another attempt would have the same result, whatever the status. */
  readonly isFinal?: boolean;
}

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
  /** Rebuilds the request for each retry, so that a rotated service account token is read again. */
  readonly rebuild?: () => Promise<VaultRequest>;
}

export interface AlsoRetry {
  readonly when: (answer: Answer) => boolean;
  /** How many times at most. */
  readonly limit?: number;
  /** Until so many milliseconds after the first of them. */
  readonly forMs?: number;
  /** Called at the first of them. */
  readonly onFirst?: (answer: Answer) => void;
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
    await pace.turn(signal);
    const startMs = scope.now();
    const context = { signal: options.attemptSignal ?? signal, counters, log: scope.log };
    const result = await attemptAtActive(client, request, context);
    const tookMs = scope.now() - startMs;
    const outcome = outcomeOf(result, request, client.address);
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
    const isLast = attempt > (settings.maxRetries ?? Infinity) || options.worthRetrying?.() === false;
    const delay = isLast ? undefined : delayAfter(failed, attempt, options, scope);
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
        const goesOn =
          tried.retryReason !== undefined && (await waitForRetry(tried, request.path, attempt, options));
        if (!goesOn) return withAttempts(tried.outcome, attempt);
      }
    },
  };
}

/** @returns undefined: no other attempt fits before the deadline */
function delayAfter(
  { result, tookMs, limitMs = Infinity }: Try,
  attempt: number,
  { remainingMs }: SendOptions,
  scope: Scope,
): number | undefined {
  const { retryAfterMs: asked = 0 } = result.kind === 'response' ? result : {};
  const wanted = Math.min(delayMs(attempt, scope.random(), asked), limitMs);
  // A try that hung says nothing about the next one.
  const hung = result.kind === 'connection_failure' && result.code === 'TIMEOUT';
  return delayWithin(wanted, remainingMs?.() ?? scope.remainingMs(), hung ? 0 : tookMs, asked > 0);
}

/** Follows a standby to the active node, and again if that one has just stepped down. */
async function attemptAtActive(
  client: VaultClient,
  request: VaultRequest,
  context: AttemptContext,
): Promise<Attempt> {
  let result = await client.attempt(request, context);
  for (let hop = 1; hop <= MOST_REDIRECTS; hop += 1) {
    const active = activeNodeOf(result, request, client.address);
    if (active === undefined) break;
    if (client.follow(active)) context.log.write({ event: 'redirected', address: active });
    result = await client.attempt(request, context);
  }
  return result;
}

interface Try {
  readonly result: Attempt;
  readonly outcome: Answer | Unavailable;
  readonly tookMs: number;
  /** Why another attempt is worthwhile, or undefined. */
  readonly retryReason: string | undefined;
  /** How long to wait for it at most. */
  readonly limitMs?: number;
}

/** Decides which answers are retried that a request takes for passing, and how long. */
function againAfter(alsoRetry: AlsoRetry | undefined, { now }: Pick<Scope, 'now'>): (tried: Try) => Try {
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
function retryReason(
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

function isRateLimited(result: Attempt): boolean {
  return result.kind === 'response' && result.status === 429;
}

function outcomeOf(result: Attempt, request: VaultRequest, address: string): Answer | Unavailable {
  if (result.kind === 'connection_failure') {
    return unavailable(result.message, hintAfter(result, request), result.details);
  }
  const sensitive = sensitiveOf(request);
  const errors = errorTexts(result.body, sensitive);
  const { status } = result;
  if (status >= 300 && status < 400)
    return { kind: 'unavailable', failure: redirected(result, address, sensitive) };
  if (result.isTooDeep) return { ...tooDeep(), isFinal: true };
  if (result.plainText !== undefined && !COMES_FROM_GATEWAYS.has(status)) {
    return { kind: 'unavailable', ...notJson(result, request.path, address) };
  }
  if (status === 412 || status === 429 || status >= 500) {
    return unavailable(
      `the server answered ${String(status)}${errors.map((text) => ` ${text}`).join(';')}`,
      hintOf(status, errors),
    );
  }
  return {
    kind: 'answer',
    status,
    body: result.body,
    errors,
    warnings: warningTexts(result.body, sensitive),
    shown: (text) => presentable(text, sensitive),
    date: result.date,
  };
}

function sensitiveOf({ token, sensitive = [] }: VaultRequest): NonNullable<VaultRequest['sensitive']> {
  return token === undefined ? sensitive : [token, ...sensitive];
}

function unavailable(message: string, hint: string | undefined, details?: readonly string[]): Unavailable {
  return { kind: 'unavailable', failure: { kind: 'unavailable', message, hint, details } };
}

function hintAfter(
  { hint, permanent, ambiguous }: ConnectionFailure,
  { mints }: VaultRequest,
): string | undefined {
  if (permanent || !mints || !ambiguous) return hint;
  return `it was not sent again, because the server may have acted on it${hint === undefined ? '' : `; ${hint}`}`;
}

/** What a status that may pass says about the server. */
const STATUS_HINTS: Readonly<Record<number, string>> = {
  412: 'a replica lags behind: ask the active node, or give the run more time',
  429: 'a rate limit quota applies: spread the runs over time, or ask for a higher quota',
  503: 'the server has no active node, or is starting: look at `bao status`',
};

/** Another request got a 429, after which none may be sent for longer than this one has. */
function isHeldBack(pace: Pace, { remainingMs }: SendOptions): boolean {
  const pausedMs = pace.pausedMs();
  return remainingMs !== undefined && pausedMs > 0 && pausedMs >= remainingMs();
}

function heldBack(pace: Pace): Unavailable {
  const seconds = String(Math.ceil(pace.pausedMs() / 1000));
  return unavailable(
    `the server answered 429, and no request is sent for another ${seconds} s`,
    hintOf(429, []),
  );
}

function hintOf(status: number, errors: readonly string[]): string {
  if (errors.some((text) => text.includes('sealed'))) return 'unseal the server';
  const known = STATUS_HINTS[status];
  if (known !== undefined) return known;
  return COMES_FROM_GATEWAYS.has(status)
    ? 'a proxy or load balancer answers in place of the server: is the server up?'
    : 'the log of the server says why';
}

function tooDeep(): Unavailable {
  return unavailable(
    `the answer nests deeper than ${String(DEEPEST)} levels`,
    'store the value flatter, or as a text',
  );
}

function withAttempts(outcome: Answer | Unavailable, attempts: number): Answer | Unavailable {
  if (outcome.kind === 'answer' || attempts === 1) return outcome;
  const message = `${outcome.failure.message} (after ${String(attempts)} attempts)`;
  return { kind: 'unavailable', failure: { ...outcome.failure, message } };
}

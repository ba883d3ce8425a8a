import type { CancelSignal } from '../base/cancellation.ts';
import type { Failure } from '../base/errors.ts';
import type { Scope } from '../host/scope.ts';
import { delayMs, sleep } from '../http/delay.ts';
import { errorTexts, presentable, warningTexts } from '../http/presentable.ts';
import type { RateLimit } from '../shape/rate-limit.ts';
import type { AttemptContext, VaultClient, WireCounters } from './client.ts';
import { createPace, type Pace } from './pace.ts';
import { activeNodeOf } from './redirect.ts';
import type { Attempt, VaultRequest, VaultResponse } from './request.ts';

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

  const tryOnce = async (request: VaultRequest, options: SendOptions): Promise<Try> => {
    const signal = options.signal ?? scope.signal;
    await pace.turn(signal);
    const result = await attemptAtActive(client, request, {
      signal: options.attemptSignal ?? signal,
      counters,
      log: scope.log,
    });
    const outcome = outcomeOf(result, request, client.address);
    return { result, outcome, retryReason: retryReason(result, outcome, request) };
  };

  /** Waits for the next attempt. False: no time is left, or another attempt is pointless. */
  const waitForRetry = async (
    failed: Try,
    path: string,
    attempt: number,
    options: SendOptions,
  ): Promise<boolean> => {
    const { result, retryReason: reason = '' } = failed;
    const asked = result.kind === 'response' ? result.retryAfterMs : undefined;
    const delay = Math.min(delayMs(attempt, scope.random(), asked), failed.limitMs ?? Infinity);
    if (attempt > (settings.maxRetries ?? Infinity) || !isWorthIt(delay, options, scope)) return false;
    if (isRateLimited(result)) pace.pause(delay);
    counters.retries += 1;
    scope.log.write({ event: 'retrying', path, attempt, delay_ms: Math.round(delay), reason });
    await sleep(delay, options.signal ?? scope.signal);
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
        const tried = again(await tryOnce(request, options));
        if (tried.retryReason === undefined) return tried.outcome;
        if (!(await waitForRetry(tried, request.path, attempt, options)))
          return givenUp(tried.outcome, attempt);
      }
    },
  };
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
): string | undefined {
  if (result.kind === 'connection_failure') {
    return result.permanent || (request.mints && result.ambiguous) ? undefined : result.message;
  }
  if (outcome.kind === 'answer') return undefined;
  return isPassing(result.status, request.mints) ? outcome.failure.message : undefined;
}

/** 412: a replica lags behind. 429: too many requests. 503: sealed, or no leader. All three mean that nothing was done. */
function isPassing(status: number, mints: boolean): boolean {
  if (status === 412 || status === 429 || status === 503) return true;
  return status >= 500 && !mints;
}

function isRateLimited(result: Attempt): boolean {
  return result.kind === 'response' && result.status === 429;
}

function outcomeOf(result: Attempt, request: VaultRequest, address: string): Answer | Unavailable {
  if (result.kind === 'connection_failure') {
    return unavailable(result.message, result.hint);
  }
  const sensitive = sensitiveOf(request);
  const errors = errorTexts(result.body, sensitive);
  const { status } = result;
  if (status >= 300 && status < 400) return redirected(result, address);
  if (result.plainText !== undefined && status < 500) return notVault(result, address);
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
    date: result.date,
  };
}

function sensitiveOf({ token, sensitive = [] }: VaultRequest): NonNullable<VaultRequest['sensitive']> {
  return token === undefined ? sensitive : [token, ...sensitive];
}

function unavailable(message: string, hint: string | undefined, details?: readonly string[]): Unavailable {
  return { kind: 'unavailable', failure: { kind: 'unavailable', message, hint, details } };
}

/** Whether there is time for another attempt after the delay, and use for it. */
function isWorthIt(
  delay: number,
  { remainingMs, worthRetrying }: SendOptions,
  scope: Pick<Scope, 'remainingMs'>,
): boolean {
  return delay < (remainingMs?.() ?? scope.remainingMs()) && worthRetrying?.() !== false;
}

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

function hintOf(status: number, errors: readonly string[]): string | undefined {
  if (errors.some((text) => text.includes('sealed'))) return 'unseal the server';
  if (status === 429)
    return 'a rate limit quota applies: spread the runs over time, or ask for a higher quota';
  return undefined;
}

/** A redirect that `attemptAtActive` did not follow: the token would go wherever it points. */
function redirected({ status, location }: VaultResponse, address: string): Unavailable {
  // Without the parts that could contain a password or a token.
  const { origin = '', pathname = '' } = URL.parse(location ?? '', address) ?? {};
  const target = location === undefined ? 'elsewhere' : presentable(`${origin}${pathname}`, []);
  return unavailable(
    `${address} redirects (${String(status)}) to ${target}`,
    'set vault.address to the active node, which answers itself; the token only follows the 307 of a standby, to the same path and scheme, and not in circles',
  );
}

function notVault({ status, plainText = '' }: VaultResponse, address: string): Unavailable {
  if (plainText.includes('HTTP request to an HTTPS server')) {
    return unavailable(
      `${address} speaks TLS, but the request was plain HTTP`,
      'write https:// in the address',
    );
  }
  return unavailable(
    `the response from ${address} (${String(status)}) is not from a Vault server: it is not JSON`,
    'check the address and port, and whether a proxy or a login page is in between',
  );
}

function givenUp(outcome: Answer | Unavailable, attempts: number): Answer | Unavailable {
  if (outcome.kind === 'answer' || attempts === 1) return outcome;
  const message = `${outcome.failure.message} (after ${String(attempts)} attempts)`;
  return { kind: 'unavailable', failure: { ...outcome.failure, message } };
}

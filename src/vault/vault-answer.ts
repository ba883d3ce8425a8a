import { DEEPEST } from '../base/depth.ts';
import type { Failure } from '../base/errors.ts';
import type { ConnectionFailure } from '../http/connection-failure.ts';
import { errorTexts, presentable, warningTexts } from '../http/presentable.ts';
import { isForeignJson, notJson, notVault, redirected } from './foreign-answers.ts';
import type { Attempt, VaultRequest } from './request.ts';

/** With these a proxy or load balancer answers in place of the server, in text: 520 to 527 are Cloudflare's. */
const COMES_FROM_GATEWAYS = new Set([429, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527]);

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

/** What an attempt means to whoever asked. */
export function answerOf(result: Attempt, request: VaultRequest, address: string): Answer | Unavailable {
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
  if (isForeignJson(result)) {
    return { kind: 'unavailable', ...notVault(status, address, 'its JSON has no `errors`') };
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

export function unavailable(
  message: string,
  hint: string | undefined,
  details?: readonly string[],
): Unavailable {
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

export function hintOf(status: number, errors: readonly string[]): string {
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

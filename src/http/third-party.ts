import { RunError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Scope } from '../host/scope.ts';
import { isOfProxy, type ConnectionFailure } from './connection-failure.ts';
import { delayMs, delayWithin, sleep } from './delay.ts';
import { headerValueOf } from './header-value.ts';
import { openWire } from './open.ts';
import { proxyOf, type ReachableServer } from './proxy.ts';
import { whyNoAnswer } from './second-look.ts';
import type { Proxy, TlsSettings } from './server.ts';
import { codeOf, retryAfterMs, withTimeout, type HttpResponse, type SendHttp } from './wire.ts';

/** A request to a service other than Vault, such as the token service of a CI system or the metadata service of a cloud. */
export interface ThirdPartyRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | Secret>>;
  readonly body?: string | Secret;
  /** For messages: `GitHub's token service`. */
  readonly what: string;
  /** What to check if it does not answer. */
  readonly hint?: string;
  /** Never through a proxy: metadata services are only reached from their own machine. */
  readonly direct?: boolean;
  /** PEM file of the CA; undefined: the built-in ones. */
  readonly caFile?: string;
  /** Is repeated as long as the deadline allows, as requests to Vault are. */
  readonly patient?: {
    /** For the log. */
    readonly path: string;
    readonly log: Scope['log'];
    /** The service's own words in a failure, presentable; empty: none. */
    readonly wordsIn: (text: string) => string;
    /** Whether a refusal may pass: such an answer is asked for again a few times. */
    readonly mayPass: (answer: ThirdPartyAnswer) => boolean;
    /** Called before each try. @returns to call after it */
    readonly begin: (address: string) => () => void;
  };
}

export interface ThirdPartyAnswer {
  readonly status: number;
  readonly text: string;
}

/** No try got as far as a request: nothing was done there. */
export class NotSent extends RunError {}

export type ThirdPartyIo = Pick<Scope, 'env' | 'now' | 'random' | 'signal' | 'remainingMs' | 'throwIfEnded'>;

const TRIES = 5;
/** Of a single try; these services answer within a second or not at all. */
const TRY_TIMEOUT_MS = 10_000;
/** The built-in CAs: the TLS settings are for Vault alone. */
export const BUILT_IN_CAS: TlsSettings = {
  ca: undefined,
  extraCa: undefined,
  clientCert: undefined,
  clientKey: undefined,
  clientKeyPassword: undefined,
  systemCa: false,
  serverName: undefined,
  skipVerify: false,
};

/**
 * Asks, and asks again after network errors, 429 and 5xx, a few times within the deadline of the run, or until it.
 * @returns every other answer, and one that might have passed and did not, for the caller to interpret
 * @throws NotSent, RunError `unavailable` when no try had an answer, `config` for an address that is not an HTTP URL
 */
export async function askThirdParty(request: ThirdPartyRequest, io: ThirdPartyIo): Promise<ThirdPartyAnswer> {
  if (!/^https?:$/.test(URL.parse(request.url)?.protocol ?? '')) {
    throw new RunError('config', `the address of ${request.what} is not an HTTP URL`, { hint: request.hint });
  }
  const server = { address: request.url, tls: tlsOf(request), proxyAddress: undefined };
  const env = request.direct === true ? {} : io.env;
  const wire = await openWire(server, 1, { env, now: io.now });
  try {
    return await askRepeatedly(request, wire.send, server, { ...io, env });
  } finally {
    wire.close();
  }
}

function tlsOf({ caFile }: ThirdPartyRequest): TlsSettings {
  return caFile === undefined
    ? BUILT_IN_CAS
    : { ...BUILT_IN_CAS, ca: { kind: 'file', value: caFile, from: caFile } };
}

async function askRepeatedly(
  request: ThirdPartyRequest,
  send: SendHttp,
  server: ReachableServer,
  io: ThirdPartyIo,
): Promise<ThirdPartyAnswer> {
  let mayBeDone = false;
  let refusals = 0;
  let latest: Failed | undefined;
  for (let attempt = 1; ; attempt += 1) {
    const startMs = io.now();
    const tried = await askOnce(request, send, server, io);
    tellRequest(request, tried, io.now() - startMs);
    if (tried.problem === undefined) return tried.answer;
    mayBeDone ||= tried.wasSent;
    latest = moreTelling(tried, latest);
    const { retryAfterMs: asked = 0, refusal } = tried;
    const wanted = delayMs(attempt, io.random(), asked);
    // A try that hung says nothing about the next one.
    const tookMs = tried.code === 'TIMEOUT' ? 0 : io.now() - startMs;
    const delay = delayWithin(wanted, io.remainingMs(), tookMs, asked > 0);
    refusals += refusal === undefined ? 0 : 1;
    const exhausted = (request.patient === undefined ? attempt : refusals) === TRIES;
    if (tried.permanent || exhausted || delay === undefined) {
      if (refusal !== undefined) return refusal;
      throw givenUp(request, latest, attempt, mayBeDone);
    }
    tellRetry(request, tried, attempt, delay);
    await sleep(delay, io.signal);
  }
}

/** That the time was over before an answer came says less than the try before it. */
function moreTelling(tried: Failed, before: Failed | undefined): Failed {
  return tried.isCutShort === true && before !== undefined ? before : tried;
}

function tellRequest({ patient, method }: ThirdPartyRequest, tried: Tried, tookMs: number): void {
  patient?.log.write({
    event: 'request',
    method,
    path: patient.path,
    namespace: undefined,
    status: tried.status,
    duration_ms: Math.round(tookMs),
    error: tried.status === undefined ? tried.problem : undefined,
  });
}

function tellRetry(
  { patient, what }: ThirdPartyRequest,
  { problem }: Failed,
  attempt: number,
  delay: number,
): void {
  const told = { attempt, delay_ms: Math.round(delay), reason: `${what} ${problem}` };
  patient?.log.write({ event: 'retrying', path: patient.path, ...told });
}

function givenUp(
  { what, url, hint, patient }: ThirdPartyRequest,
  { problem, details }: Failed,
  attempt: number,
  mayBeDone: boolean,
): RunError {
  const attempts = patient === undefined || attempt === 1 ? '' : ` (after ${String(attempt)} attempts)`;
  const Unavailable = mayBeDone ? RunError : NotSent;
  const context = { where: new URL(url).host, details, hint };
  return new Unavailable('unavailable', `${what} ${problem}${attempts}`, context);
}

interface Failed {
  readonly problem: string;
  /** Undefined: no answer came. */
  readonly status: number | undefined;
  /** Of a connection that failed. */
  readonly code?: string;
  /** It was given less time than is usual, because the run is about to end. */
  readonly isCutShort?: boolean;
  /** What is left of it where it does not pass. */
  readonly refusal?: ThirdPartyAnswer;
  readonly wasSent: boolean;
  readonly permanent: boolean;
  readonly details?: readonly string[] | undefined;
  readonly retryAfterMs: number | undefined;
}

interface Answered {
  readonly problem: undefined;
  readonly status: number;
  readonly answer: ThirdPartyAnswer;
}

type Tried = Answered | Failed;

async function askOnce(
  { method, url, headers = {}, body, what, patient }: ThirdPartyRequest,
  send: SendHttp,
  server: ReachableServer,
  scope: ThirdPartyIo,
): Promise<Tried> {
  // One that hangs must leave time for another.
  const limitMs = Math.min(TRY_TIMEOUT_MS, patient === undefined ? Infinity : scope.remainingMs() / 2);
  return withTimeout(limitMs, scope.signal, async ({ signal, expired }) => {
    const ended = patient?.begin(new URL(url).origin);
    try {
      const request = { method, url, headers: carried(headers, what), once: false, signal };
      const text = body === undefined ? undefined : textOf(body);
      return answered(await send({ ...request, body: text }), patient);
    } catch (error) {
      scope.throwIfEnded();
      const code = expired() ? 'TIMEOUT' : codeOf(error);
      const asked = { ...server, clientTimeoutMs: TRY_TIMEOUT_MS };
      const failure = await whyNoAnswer(code, asked, scope.env, scope.signal);
      const { permanent, ambiguous: wasSent, details } = failure;
      const problem = problemOf(failure, proxyOf(server, scope.env));
      const isCutShort = code === 'TIMEOUT' && limitMs < TRY_TIMEOUT_MS;
      const failed = { problem, code, isCutShort, wasSent, permanent, details };
      return { ...failed, status: undefined, retryAfterMs: undefined };
    } finally {
      ended?.();
    }
  });
}

function problemOf({ code, message }: ConnectionFailure, proxy: Proxy | undefined): string {
  if (proxy === undefined) return `cannot be reached (${code})`;
  return isOfProxy(code)
    ? `cannot be reached: ${message}`
    : `cannot be reached (${code}), through the proxy ${proxy.name}`;
}

/** @throws RunError `config` */
function carried(headers: NonNullable<ThirdPartyRequest['headers']>, what: string): Record<string, string> {
  const values = Object.entries(headers).map(([name, text]): [string, string] => {
    const value = headerValueOf(textOf(text));
    if (value !== undefined) return [name, value];
    throw new RunError('config', `the header ${name} for ${what} cannot be sent as it is`, {
      hint: 'a credential or a name in the config or the environment has a line break, another control character, or white space around it',
    });
  });
  return Object.fromEntries(values);
}

function answered(response: HttpResponse, patient: ThirdPartyRequest['patient']): Tried {
  const { status, text } = response;
  const answer = { status, text };
  const isOutage = status === 429 || status >= 500;
  if (!isOutage && patient?.mayPass(answer) !== true) return { problem: undefined, status, answer };
  const words = patient?.wordsIn(text) ?? '';
  return {
    problem: `answered ${String(status)}${words === '' ? '' : `: ${words}`}`,
    status,
    ...(isOutage ? {} : { refusal: answer }),
    wasSent: true,
    permanent: false,
    retryAfterMs: retryAfterMs(response),
  };
}

function textOf(value: string | Secret): string {
  return typeof value === 'string' ? value : value.reveal();
}

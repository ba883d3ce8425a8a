import type { CancelSignal } from '../base/cancellation.ts';
import { RunError } from '../base/errors.ts';
import { parseJson, TooDeep } from '../base/lossless-json.ts';
import { VERSION } from '../base/version.ts';
import type { Log } from '../host/log.ts';
import type { Scope } from '../host/scope.ts';
import { headerValueOf } from '../http/header-value.ts';
import { baseOf, proxyOf } from '../http/proxy.ts';
import { whyNoAnswer } from '../http/second-look.ts';
import type { ServerSettings } from '../http/server.ts';
import {
  codeOf,
  retryAfterMs,
  withTimeout,
  type HttpRequest,
  type HttpResponse,
  type RequestHead,
  type Wire,
} from '../http/wire.ts';
import { createPendingRequests } from './pending.ts';
import { urlPathOf, type Attempt, type VaultRequest, type VaultResponse } from './request.ts';

const EXCERPT_CHARACTERS = 120;

/** The traffic of a run, for its report. */
export interface WireCounters {
  requests: number;
  retries: number;
  /** Bytes of response bodies. */
  bytes: number;
}

/** The run that an attempt belongs to. */
export interface AttemptContext {
  /** Ends the attempt early. */
  readonly signal: CancelSignal;
  readonly counters: WireCounters;
  readonly log: Log;
}

type Sending = Pick<AttemptContext, 'signal' | 'counters'>;

/** Sends single requests. Retries belong to the sender. */
export interface VaultClient {
  /** The configured address. */
  readonly address: string;
  /** Requests that may be under way at once. */
  readonly concurrency: number;
  /**
   * Sends a request once.
   * @throws the reason of the signal; every other failure is returned
   */
  attempt(request: VaultRequest, attempt: AttemptContext): Promise<Attempt>;
  /**
   * Sends all further requests to the active node at this address, until it becomes unreachable.
   * @returns false if that was so already
   */
  follow(address: string): boolean;
  /** Resolves once the requests begun so far are on their way, so that other work does not delay them. */
  flush(): Promise<void>;
  [Symbol.dispose](): void;
}

/** @param wire to this server; closed with the client */
export function createClient(
  server: ServerSettings,
  wire: Wire,
  scope: Pick<Scope, 'env' | 'log' | 'now' | 'pending'>,
): VaultClient {
  const { address } = server;
  if (server.tls.skipVerify) warnOfSkippedVerification(scope.log);
  const post = createPost(wire);
  let current = address;
  const pending = createPendingRequests(scope);

  return {
    address,
    get concurrency() {
      return wire.concurrency;
    },
    async attempt(request, { signal, counters, log }) {
      signal.throwIfAborted();
      counters.requests += 1;
      const startMs = scope.now();
      const limitMs = request.mints ? server.mintTimeoutMs : server.clientTimeoutMs;
      const result = await withTimeout(limitMs, signal, async (limited) => {
        const asked = current;
        const proxy = proxyOf({ ...server, address: asked }, scope.env)?.name;
        const ended = pending.begin({ address: asked, proxy, path: request.path });
        try {
          return await post(request, asked, { signal: limited.signal, counters });
        } catch (error) {
          signal.throwIfAborted();
          current = address;
          const code = limited.expired() ? 'TIMEOUT' : codeOf(error);
          return await whyNoAnswer(code, { ...server, address: asked }, scope.env, signal);
        } finally {
          ended();
        }
      });
      logAttempt(request, result, scope.now() - startMs, log);
      return result;
    },
    follow(active) {
      const isNew = active !== current;
      current = active;
      return isNew;
    },
    flush: () => wire.flush(),
    [Symbol.dispose]() {
      wire.close();
    },
  };
}

type Post = (request: VaultRequest, address: string, sending: Sending) => Promise<VaultResponse>;

function createPost(wire: Wire): Post {
  // The state that a performance replica must have reached; until then it answers 412.
  let vaultIndex: string | undefined;
  return async (request, address, { signal, counters }) => {
    const response = await wire.send({ ...onTheWire(request, address, vaultIndex), signal });
    vaultIndex = response.header('x-vault-index') ?? vaultIndex;
    counters.bytes += Number(response.header('content-length') ?? response.text.length);
    return readResponse(response);
  };
}

function warnOfSkippedVerification(log: Log): void {
  log.write({
    event: 'insecure',
    reason: 'TLS certificates are not verified (skip_verify): anyone in between can read the secrets',
  });
}

function onTheWire(
  request: VaultRequest,
  address: string,
  vaultIndex: string | undefined,
): Omit<HttpRequest, 'signal'> {
  return { ...headOf(request, address, vaultIndex), body: request.body?.reveal(), once: request.mints };
}

/**
 * What goes ahead of the body of a request.
 * @throws RunError `config` for a namespace or token that cannot be sent
 */
export function headOf(request: VaultRequest, address: string, vaultIndex?: string): RequestHead {
  return {
    method: request.method,
    url: `${baseOf(address)}/v1/${urlPathOf(request)}`,
    headers: headersOf(request, vaultIndex),
  };
}

function headersOf(request: VaultRequest, vaultIndex: string | undefined): Record<string, string> {
  return {
    Accept: 'application/json',
    'User-Agent': `vaultonce/${VERSION}`,
    // The server's own protection against forged cross-site requests; agents and proxies may insist on it.
    'X-Vault-Request': 'true',
    ...(request.namespace === undefined
      ? {}
      : { 'X-Vault-Namespace': carried(request.namespace, 'the namespace') }),
    ...(request.token === undefined ? {} : { 'X-Vault-Token': carried(request.token.reveal(), 'the token') }),
    ...(request.body === undefined ? {} : { 'Content-Type': contentTypeOf(request) }),
    // https://openbao.org/docs/concepts/response-wrapping/
    ...(request.wrapTtl === undefined ? {} : { 'X-Vault-Wrap-TTL': String(request.wrapTtl) }),
    ...(vaultIndex === undefined ? {} : { 'X-Vault-Index': vaultIndex }),
  };
}

/** A PATCH takes no other. https://openbao.org/api-docs/secret/kv/kv-v2/#patch-secret */
function contentTypeOf({ method }: VaultRequest): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}

/** @throws RunError `config`: sent without what does not fit, it would be another token, or another namespace */
function carried(text: string, what: string): string {
  const value = headerValueOf(text);
  if (value !== undefined) return value;
  throw new RunError('config', `${what} cannot be sent: no HTTP header carries it unchanged`, {
    hint: `${what} must be valid Unicode, without control characters, and without white space around it`,
  });
}

function readResponse({ status, header, text }: HttpResponse): VaultResponse {
  const { body, isJson, isTooDeep } = parseBody(text);
  return {
    kind: 'response',
    status,
    body,
    isTooDeep,
    // Text that begins like the answers of Vault.
    isCut: !isJson && !isTooDeep && /^\s*\{\s*(?:"|$)/.test(text.slice(0, EXCERPT_CHARACTERS)),
    contentType: header('content-type'),
    plainText: isJson ? undefined : text.slice(0, EXCERPT_CHARACTERS),
    retryAfterMs: retryAfterMs({ header }),
    date: header('date'),
    location: header('location'),
  };
}

function parseBody(text: string): {
  readonly body: unknown;
  readonly isJson: boolean;
  readonly isTooDeep: boolean;
} {
  if (text === '') return { body: undefined, isJson: true, isTooDeep: false };
  try {
    return { body: parseJson(text), isJson: true, isTooDeep: false };
  } catch (error) {
    const isTooDeep = error instanceof TooDeep;
    return { body: undefined, isJson: isTooDeep, isTooDeep };
  }
}

function logAttempt(request: VaultRequest, result: Attempt, durationMs: number, log: Log): void {
  log.write({
    event: 'request',
    method: request.method,
    path: request.path,
    namespace: request.namespace,
    status: result.kind === 'response' ? result.status : undefined,
    duration_ms: Math.round(durationMs),
    error: result.kind === 'response' ? undefined : result.message,
  });
}

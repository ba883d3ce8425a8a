import './no-form-data.ts';
import type { RawAxiosRequestConfig } from 'axios';
import httpAdapter from 'axios/lib/adapters/http.js';
import type { ServerSettings } from '../config/config.ts';
import { RunError } from '../errors.ts';
import type { Io } from '../io.ts';
import { VERSION } from '../version.ts';
import { connectionFailure } from './connection-failure.ts';
import { parseJson } from './json.ts';
import { urlPathOf, type Attempt, type VaultRequest, type VaultResponse } from './request.ts';
import { createTransport, type Connections, type Transport } from './transport.ts';

/** Vault takes no request beyond 32 MiB, and JSON may double a value by escaping. */
const LARGEST_RESPONSE_BYTES = 64 * 1024 * 1024;
const EXCERPT_CHARACTERS = 120;

/** What the report says about the wire. */
export interface WireCounters {
  requests: number;
  retries: number;
  /** Bytes of response bodies. */
  bytes: number;
}

/** Sends single requests. Retries are another layer's business. */
export interface VaultClient {
  readonly address: string;
  readonly counters: WireCounters;
  /**
   * Sends a request once.
   * @param signal ends the attempt early; its reason is thrown
   * @throws the reason of `signal`; every other failure is returned
   */
  attempt(request: VaultRequest, signal: AbortSignal): Promise<Attempt>;
  [Symbol.dispose](): void;
}

export async function createClient(
  server: ServerSettings,
  connections: Connections,
  io: Io,
): Promise<VaultClient> {
  const { address, clientTimeoutMs } = server;
  if (server.tls.skipVerify) warnOfSkippedVerification(io);
  const transport = await createTransport(server, connections, io);
  const defaults = requestDefaults(transport);
  const counters: WireCounters = { requests: 0, retries: 0, bytes: 0 };
  // A performance replica answers 412 until it has caught up with the state that this names.
  let vaultIndex: string | undefined;

  const post = async (request: VaultRequest, signal: AbortSignal): Promise<VaultResponse> => {
    const response = await httpAdapter({
      ...defaults,
      method: request.method,
      url: `${address}/v1/${urlPathOf(request)}`,
      headers: headersOf(request, vaultIndex),
      ...(request.body === undefined ? {} : { data: request.body.reveal() }),
      signal,
    });
    const headers = response.headers as Readonly<Record<string, string | undefined>>;
    vaultIndex = headers['x-vault-index'] ?? vaultIndex;
    counters.bytes += Number(headers['content-length'] ?? response.data.length);
    return readResponse(response.status, response.data, headers);
  };

  return {
    address,
    counters,
    async attempt(request, signal) {
      signal.throwIfAborted();
      counters.requests += 1;
      const startMs = io.now();
      const result = await withTimeout(clientTimeoutMs, signal, async (limited) => {
        try {
          return await post(request, limited.signal);
        } catch (error) {
          signal.throwIfAborted();
          return connectionFailure(limited.expired() ? 'TIMEOUT' : codeOf(error), address, clientTimeoutMs);
        }
      });
      logAttempt(io, request, result, startMs);
      return result;
    },
    [Symbol.dispose]() {
      transport.destroy();
    },
  };
}

function warnOfSkippedVerification(io: Io): void {
  io.log.write({
    event: 'insecure',
    reason: 'TLS certificates are not verified (skip_verify): anyone in between can read the secrets',
  });
}

/**
 * For axios's HTTP adapter, called directly: the rest of axios (merged configs, interceptors, transforms) costs as much
 * as the request itself on a cold start, and nothing of it is needed.
 */
function requestDefaults({ httpAgent, httpsAgent }: Transport): RawAxiosRequestConfig {
  // No `proxy: false`: axios would then replace an agent that has `proxyEnv` by one without it.
  return {
    httpAgent,
    httpsAgent,
    maxRedirects: 0,
    maxContentLength: LARGEST_RESPONSE_BYTES,
    responseType: 'text',
    validateStatus: () => true,
    decompress: false,
  };
}

function headersOf(request: VaultRequest, vaultIndex: string | undefined): Record<string, string> {
  return {
    Accept: 'application/json',
    // Loading zlib costs more than it saves on answers of this size.
    'Accept-Encoding': 'identity',
    'User-Agent': `vaultonce/${VERSION}`,
    // The server's own protection against forged cross-site requests; agents and proxies may insist on it.
    'X-Vault-Request': 'true',
    ...(request.namespace === undefined ? {} : { 'X-Vault-Namespace': request.namespace }),
    ...(request.token === undefined ? {} : { 'X-Vault-Token': request.token.reveal() }),
    ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(vaultIndex === undefined ? {} : { 'X-Vault-Index': vaultIndex }),
  };
}

function readResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string | undefined>>,
): VaultResponse {
  const { body, isJson } = parseBody(text);
  return {
    kind: 'response',
    status,
    body,
    contentType: headers['content-type'],
    plainText: isJson ? undefined : text.slice(0, EXCERPT_CHARACTERS),
    retryAfterMs: retryAfterMs(headers['retry-after']),
    location: headers['location'],
  };
}

function parseBody(text: string): { readonly body: unknown; readonly isJson: boolean } {
  if (text === '') return { body: undefined, isJson: true };
  try {
    return { body: parseJson(text), isJson: true };
  } catch {
    return { body: undefined, isJson: false };
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const delayMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs);
}

interface LimitedSignal {
  readonly signal: AbortSignal;
  expired(): boolean;
}

/** axios's `timeout` is not a total: a body that drips passes it. */
async function withTimeout<T>(
  timeoutMs: number,
  outer: AbortSignal,
  work: (limited: LimitedSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    controller.abort();
  }, timeoutMs);
  const abort = (): void => {
    controller.abort();
  };
  outer.addEventListener('abort', abort, { once: true });
  try {
    return await work({ signal: controller.signal, expired: () => expired });
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', abort);
  }
}

/**
 * All that is kept of an axios error.
 * @throws RunError `internal` for an error that is no system error, which would be a bug of ours
 */
function codeOf(error: unknown): string {
  const { code, message, name } = error as { code?: unknown; message?: unknown; name?: unknown };
  if (code === 'ERR_BAD_RESPONSE')
    return String(message).startsWith('maxContentLength') ? 'RESPONSE_TOO_LARGE' : 'ECONNRESET';
  // OpenSSL's number for "wrong version number": the other side does not speak TLS.
  if (code === 'EPROTO' && String(message).includes(':error:0A00010B:'))
    return 'ERR_SSL_WRONG_VERSION_NUMBER';
  if (typeof code === 'string') return code;
  throw new RunError('internal', `the HTTP client failed with ${String(name)}`);
}

function logAttempt(io: Io, request: VaultRequest, result: Attempt, startMs: number): void {
  io.log.write({
    event: 'request',
    method: request.method,
    path: request.path,
    namespace: request.namespace,
    status: result.kind === 'response' ? result.status : undefined,
    duration_ms: Math.round(io.now() - startMs),
    error: result.kind === 'response' ? undefined : result.message,
  });
}

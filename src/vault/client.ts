import type { CancelSignal } from '../base/cancellation.ts';
import type { Io } from '../host/io.ts';
import { VERSION } from '../base/version.ts';
import { connectionFailure } from '../http/connection-failure.ts';
import { parseJson } from '../base/lossless-json.ts';
import { baseOf } from '../http/proxy.ts';
import type { ServerSettings } from '../http/server.ts';
import { urlPathOf, type Attempt, type VaultRequest, type VaultResponse } from './request.ts';
import {
  codeOf,
  retryAfterMs,
  withTimeout,
  type HttpRequest,
  type HttpResponse,
  type Wire,
} from '../http/wire.ts';

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
  /** As it is configured. */
  readonly address: string;
  readonly counters: WireCounters;
  /** Requests that may be under way at once. */
  readonly concurrency: number;
  /**
   * Sends a request once.
   * @param signal ends the attempt early; its reason is thrown
   * @throws the reason of `signal`; every other failure is returned
   */
  attempt(request: VaultRequest, signal: CancelSignal): Promise<Attempt>;
  /** Sends what follows to the active node at this address, until it can no longer be reached. */
  follow(address: string): void;
  /** Resolves once the requests that were begun are on their way, so that other work does not delay them. */
  flush(): Promise<void>;
  [Symbol.dispose](): void;
}

/** @param wire to this server; closed with the client */
export function createClient(
  { address, clientTimeoutMs, tls }: ServerSettings,
  wire: Wire,
  io: Io,
): VaultClient {
  if (tls.skipVerify) warnOfSkippedVerification(io);
  const counters: WireCounters = { requests: 0, retries: 0, bytes: 0 };
  // A performance replica answers 412 until it has caught up with the state that this names.
  let vaultIndex: string | undefined;
  let current = address;

  const post = async (request: VaultRequest, signal: CancelSignal): Promise<VaultResponse> => {
    const response = await wire.send({ ...onTheWire(request, current, vaultIndex), signal });
    vaultIndex = response.header('x-vault-index') ?? vaultIndex;
    counters.bytes += Number(response.header('content-length') ?? response.text.length);
    return readResponse(response);
  };

  return {
    address,
    counters,
    get concurrency() {
      return wire.concurrency;
    },
    async attempt(request, signal) {
      signal.throwIfAborted();
      counters.requests += 1;
      const startMs = io.now();
      const result = await withTimeout(clientTimeoutMs, signal, async (limited) => {
        const asked = current;
        try {
          return await post(request, limited.signal);
        } catch (error) {
          signal.throwIfAborted();
          current = address;
          return connectionFailure(limited.expired() ? 'TIMEOUT' : codeOf(error), asked, clientTimeoutMs);
        }
      });
      return logAttempt(io, request, result, startMs);
    },
    follow(active) {
      if (active !== current) io.log.write({ event: 'redirected', address: active });
      current = active;
    },
    flush: () => wire.flush(),
    [Symbol.dispose]() {
      wire.close();
    },
  };
}

function warnOfSkippedVerification(io: Io): void {
  io.log.write({
    event: 'insecure',
    reason: 'TLS certificates are not verified (skip_verify): anyone in between can read the secrets',
  });
}

function onTheWire(
  request: VaultRequest,
  address: string,
  vaultIndex: string | undefined,
): Omit<HttpRequest, 'signal'> {
  return {
    method: request.method,
    url: `${baseOf(address)}/v1/${urlPathOf(request)}`,
    headers: headersOf(request, vaultIndex),
    body: request.body?.reveal(),
    once: request.mints,
  };
}

function headersOf(request: VaultRequest, vaultIndex: string | undefined): Record<string, string> {
  return {
    Accept: 'application/json',
    'User-Agent': `vaultonce/${VERSION}`,
    // The server's own protection against forged cross-site requests; agents and proxies may insist on it.
    'X-Vault-Request': 'true',
    ...(request.namespace === undefined ? {} : { 'X-Vault-Namespace': request.namespace }),
    ...(request.token === undefined ? {} : { 'X-Vault-Token': request.token.reveal() }),
    ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    // https://openbao.org/docs/concepts/response-wrapping/
    ...(request.wrapTtl === undefined ? {} : { 'X-Vault-Wrap-TTL': String(request.wrapTtl) }),
    ...(vaultIndex === undefined ? {} : { 'X-Vault-Index': vaultIndex }),
  };
}

function readResponse({ status, header, text }: HttpResponse): VaultResponse {
  const { body, isJson } = parseBody(text);
  return {
    kind: 'response',
    status,
    body,
    contentType: header('content-type'),
    plainText: isJson ? undefined : text.slice(0, EXCERPT_CHARACTERS),
    retryAfterMs: retryAfterMs({ header }),
    location: header('location'),
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

function logAttempt(io: Io, request: VaultRequest, result: Attempt, startMs: number): Attempt {
  io.log.write({
    event: 'request',
    method: request.method,
    path: request.path,
    namespace: request.namespace,
    status: result.kind === 'response' ? result.status : undefined,
    duration_ms: Math.round(io.now() - startMs),
    error: result.kind === 'response' ? undefined : result.message,
  });
  return result;
}

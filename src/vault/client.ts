import type { ServerSettings } from '../config/config.ts';
import type { Io } from '../io.ts';
import { VERSION } from '../version.ts';
import { connectionFailure } from './connection-failure.ts';
import { codeOf, createHttp, retryAfterMs, withTimeout, type HttpResponse } from './http.ts';
import { parseJson } from './json.ts';
import { urlPathOf, type Attempt, type VaultRequest, type VaultResponse } from './request.ts';
import { baseOf, createTransport } from './transport.ts';

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

/** @param sockets how many connections may be open at once */
export async function createClient(server: ServerSettings, sockets: number, io: Io): Promise<VaultClient> {
  const { address, clientTimeoutMs } = server;
  if (server.tls.skipVerify) {
    io.log.write({
      event: 'insecure',
      reason: 'TLS certificates are not verified (skip_verify): anyone in between can read the secrets',
    });
  }
  const transport = await createTransport(server, sockets, io.env);
  const send = createHttp(transport);
  const base = baseOf(address);
  const counters: WireCounters = { requests: 0, retries: 0, bytes: 0 };
  // A performance replica answers 412 until it has caught up with the state that this names.
  let vaultIndex: string | undefined;

  const post = async (request: VaultRequest, signal: AbortSignal): Promise<VaultResponse> => {
    const response = await send({
      method: request.method,
      url: `${base}/v1/${urlPathOf(request)}`,
      headers: headersOf(request, vaultIndex),
      body: request.body?.reveal(),
      signal,
    });
    vaultIndex = response.headers['x-vault-index'] ?? vaultIndex;
    counters.bytes += Number(response.headers['content-length'] ?? response.text.length);
    return readResponse(response);
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

function headersOf(request: VaultRequest, vaultIndex: string | undefined): Record<string, string> {
  return {
    Accept: 'application/json',
    'User-Agent': `vaultonce/${VERSION}`,
    // The server's own protection against forged cross-site requests; agents and proxies may insist on it.
    'X-Vault-Request': 'true',
    ...(request.namespace === undefined ? {} : { 'X-Vault-Namespace': request.namespace }),
    ...(request.token === undefined ? {} : { 'X-Vault-Token': request.token.reveal() }),
    ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(vaultIndex === undefined ? {} : { 'X-Vault-Index': vaultIndex }),
  };
}

function readResponse({ status, headers, text }: HttpResponse): VaultResponse {
  const { body, isJson } = parseBody(text);
  return {
    kind: 'response',
    status,
    body,
    contentType: headers['content-type'],
    plainText: isJson ? undefined : text.slice(0, EXCERPT_CHARACTERS),
    retryAfterMs: retryAfterMs(headers),
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

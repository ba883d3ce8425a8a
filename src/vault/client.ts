import type { CancelSignal } from '../base/cancellation.ts';
import { parseJson, TooDeep } from '../base/lossless-json.ts';
import type { Log } from '../host/log.ts';
import type { Scope } from '../host/scope.ts';
import { proxyOf } from '../http/proxy.ts';
import { whyNoAnswer } from '../http/second-look.ts';
import type { ServerSettings } from '../http/server.ts';
import {
  codeOf,
  retryAfterMs,
  limitedSignal,
  type HttpRequest,
  type HttpResponse,
  type Wire,
} from '../http/wire.ts';
import { createPendingRequests } from './pending.ts';
import { headOf } from './request-head.ts';
import type { Attempt, VaultRequest, VaultResponse } from './request.ts';

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

type Surroundings = Pick<Scope, 'env' | 'log' | 'now' | 'pending'>;

/** What a client remembers of the answers so far. */
interface Route {
  /** Where requests go. */
  address: string;
  /** The state that a performance replica must have reached; until then it answers 412. */
  vaultIndex: string | undefined;
}

/** @param wire to this server; closed with the client */
export function createClient(server: ServerSettings, wire: Wire, scope: Surroundings): VaultClient {
  const { address } = server;
  if (server.tls.skipVerify) warnOfSkippedVerification(scope.log);
  const route: Route = { address, vaultIndex: undefined };
  return {
    address,
    get concurrency() {
      return wire.concurrency;
    },
    attempt: createAttempt(server, wire, scope, route),
    follow(active) {
      const isNew = active !== route.address;
      route.address = active;
      return isNew;
    },
    flush: () => wire.flush(),
    [Symbol.dispose]() {
      wire.close();
    },
  };
}

function createAttempt(
  server: ServerSettings,
  wire: Wire,
  scope: Surroundings,
  route: Route,
): VaultClient['attempt'] {
  const proxyAt = rememberingLast((address) => proxyOf({ ...server, address }, scope.env)?.name);
  const pending = createPendingRequests(scope);
  return async (request, { signal, counters, log }) => {
    signal.throwIfAborted();
    counters.requests += 1;
    const startMs = scope.now();
    const { address } = route;
    const ended = pending.begin({ address, proxy: proxyAt(address), path: request.path });
    const limitMs = request.mints ? server.mintTimeoutMs : server.clientTimeoutMs;
    const limited = limitedSignal(limitMs, signal);
    let result: Attempt;
    try {
      const response = await wire.send(onTheWire(request, route, limited.signal));
      route.vaultIndex = response.header('x-vault-index') ?? route.vaultIndex;
      counters.bytes += Number(response.header('content-length') ?? response.text.length);
      result = readResponse(response);
    } catch (error) {
      signal.throwIfAborted();
      route.address = server.address;
      const code = limited.expired() ? 'TIMEOUT' : codeOf(error);
      result = await whyNoAnswer(code, { ...server, address, clientTimeoutMs: limitMs }, scope.env, signal);
    } finally {
      ended();
      limited.end();
    }
    logAttempt(request, result, scope.now() - startMs, log);
    return result;
  };
}

/** All requests of most runs go to the same address. */
function rememberingLast<T>(find: (address: string) => T): (address: string) => T {
  let last: { readonly address: string; readonly found: T } | undefined;
  return (address) => {
    if (last?.address !== address) last = { address, found: find(address) };
    return last.found;
  };
}

function warnOfSkippedVerification(log: Log): void {
  log.write({
    event: 'insecure',
    reason: 'TLS certificates are not verified (skip_verify): anyone in between can read the secrets',
  });
}

function onTheWire(request: VaultRequest, { address, vaultIndex }: Route, signal: CancelSignal): HttpRequest {
  const { method, url, headers } = headOf(request, address, vaultIndex);
  return { method, url, headers, body: request.body?.reveal(), once: request.mints, signal };
}

function readResponse({ status, header, text }: HttpResponse): VaultResponse {
  const { body, isJson, isTooDeep } = parseBody(text);
  // Most answers are, and nobody asks what else is said of them.
  const isGood = isJson && status < 300;
  return {
    kind: 'response',
    status,
    body,
    isTooDeep,
    // Text that begins like the answers of Vault.
    isCut: !isJson && !isTooDeep && /^\s*\{\s*(?:"|$)/.test(text.slice(0, EXCERPT_CHARACTERS)),
    contentType: isGood ? undefined : header('content-type'),
    plainText: isJson ? undefined : text.slice(0, EXCERPT_CHARACTERS),
    retryAfterMs: isGood ? undefined : retryAfterMs({ header }),
    date: header('date'),
    location: isGood ? undefined : header('location'),
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

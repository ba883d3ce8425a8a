import type { CancelSignal } from '../base/cancellation.ts';
import type { Io } from '../host/io.ts';
import {
  connectionFailure,
  HTTP_TO_TLS,
  isUntrusted,
  WRONG_NAME,
  type ConnectionFailure,
} from './connection-failure.ts';
import { endpointOf, servernameOf } from './endpoint.ts';
import { proxyOf, type ReachableServer } from './proxy.ts';
import type { Proxy, ServerSettings } from './server.ts';
import { trustOf } from './tls-files.ts';

/** What another handshake tells about a request without an answer. */
interface SecondLook {
  /** That of the failure, or a more precise one. */
  readonly code: string;
  /** Lines for people. */
  readonly details: readonly string[];
}

/**
 * How the runtimes tell of a connection that broke off, or of an answer that is not HTTP. A TLS server that gets plain HTTP says so
 * in its answer, but where it has not read all of the request, the answer is lost in the reset of the connection.
 */
const MAY_SPEAK_TLS = /^(?:ECONNRESET|EPIPE|ConnectionClosed|HPE_.*|Malformed_HTTP_Response)$/;

/**
 * Why a request had no answer.
 * @param code of the HTTP client, or `TIMEOUT`
 */
export async function whyNoAnswer(
  code: string,
  server: ReachableServer & Pick<ServerSettings, 'clientTimeoutMs'>,
  env: Io['env'],
  signal: CancelSignal,
): Promise<ConnectionFailure> {
  const proxy = proxyOf(server, env);
  const found = await lookAgain(code, server, proxy, signal);
  const failure = connectionFailure(found.code, server.address, server.clientTimeoutMs, proxy);
  return found.details.length === 0 ? failure : { ...failure, details: found.details };
}

/** Looks again where neither runtime says enough: at a certificate that was refused, and at plain HTTP that was broken off. */
async function lookAgain(
  code: string,
  { address, tls }: ReachableServer,
  proxy: Proxy | undefined,
  signal: CancelSignal,
): Promise<SecondLook> {
  const isPlain = address.startsWith('http:') && MAY_SPEAK_TLS.test(code);
  if (!isPlain && !isUntrusted(code)) return { code, details: [] };
  const endpoint = endpointOf(new URL(address));
  const { certificateOf, describeDistrust } = await import('./handshakes.ts');
  const named = { ...endpoint, ...servernameOf(endpoint, tls.serverName) };
  const peer = proxy === undefined ? await certificateOf(named, signal) : undefined;
  if (isPlain) return { code: peer === undefined ? code : HTTP_TO_TLS, details: [] };
  return { code, details: describeDistrust(peer, trustOf(tls), code === WRONG_NAME) };
}

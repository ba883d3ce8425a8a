import type { RawAxiosRequestConfig } from 'axios';
import type { Scope } from '../host/scope.ts';
import { turnsToSend } from '../base/turns.ts';
import { httpAdapter } from './axios-adapter.ts';
import type { Http2Sessions } from './http2-sessions.ts';
import { giveUp } from './node-failure.ts';
import { isNotSent, ofProxy } from './connection-failure.ts';
import { proxyOf, socketOf, type ReachableServer } from './proxy.ts';
import { createTransport } from './transport.ts';
import { concurrencyOf, LARGEST_RESPONSE_BYTES, NoAnswer, type Wire } from './wire.ts';

/**
 * axios's HTTP adapter, called directly: the rest of axios (merged configs, interceptors, transforms) is not needed, and slow on a
 * cold start.
 * @param sessions where the server turned out to speak HTTP/1.1 only: their connection is used
 * @throws RunError `config` for unusable TLS files
 */
export async function openAxiosWire(
  server: ReachableServer,
  most: number | undefined,
  io: Pick<Scope, 'env' | 'now'>,
  sessions?: Http2Sessions,
): Promise<Wire> {
  const { through, expect, destroy } = await createTransport(server, most, io.now, sessions);
  const { proxyAddress } = server;
  const isSocket = socketOf(server.address) !== undefined;
  // No `proxy: false`: axios would then replace an agent that has `proxyEnv` by one without it.
  const defaults: RawAxiosRequestConfig = {
    maxRedirects: 0,
    maxContentLength: LARGEST_RESPONSE_BYTES,
    responseType: 'text',
    validateStatus: () => true,
    decompress: false,
  };
  return {
    concurrency: concurrencyOf(most, false),
    connect: ({ requests = 1 } = {}) => {
      expect(requests);
    },
    flush: turnsToSend,
    async send({ method, url, headers, body, signal }) {
      const proxy = isSocket ? undefined : proxyOf({ address: url, proxyAddress }, io.env);
      const config = {
        ...defaults,
        ...(await through(proxy)),
        method,
        url,
        // Loading zlib costs more than it saves on answers of this size.
        headers: { 'Accept-Encoding': 'identity', ...headers },
        ...(body === undefined ? {} : { data: body }),
        signal,
      };
      const isProxied = proxy !== undefined;
      const response = await httpAdapter(config).catch((error: unknown) => failed(error, isProxied));
      // Nothing but a proxy asks for a login to itself.
      if (response.status === 407 && isProxied) throw new NoAnswer(ofProxy(407));
      const answered = response.headers as Readonly<Record<string, string | undefined>>;
      return { status: response.status, header: (name) => answered[name], text: response.data };
    },
    close() {
      // Most processes end now, and their connections with them: closing them first only takes time.
      setImmediate(destroy);
    },
  };
}

function failed(error: unknown, isProxied: boolean): never {
  const { code, message, cause } = error as { code?: unknown; message?: unknown; cause?: unknown };
  // Nothing else is connected to.
  if (isProxied && isNotSent(code)) throw new NoAnswer(ofProxy(code));
  if (code === 'ERR_PROXY_TUNNEL') {
    const { statusCode } = cause as { statusCode?: unknown };
    throw new NoAnswer(ofProxy(Number(statusCode) || 'CLOSED'));
  }
  if (code === 'ERR_BAD_RESPONSE')
    throw new NoAnswer(String(message).startsWith('maxContentLength') ? 'RESPONSE_TOO_LARGE' : 'ECONNRESET');
  return giveUp(error);
}

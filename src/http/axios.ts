import './no-form-data.ts';
import httpAdapter from 'axios/lib/adapters/http.js';
import type { RawAxiosRequestConfig } from 'axios';
import type { Scope } from '../host/scope.ts';
import { turnsToSend } from '../base/turns.ts';
import type { Http2Sessions } from './http2-sessions.ts';
import { giveUp } from './node-failure.ts';
import type { ReachableServer } from './proxy.ts';
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
  const { expect, destroy, ...where } = await createTransport(server, most, io, sessions);
  // No `proxy: false`: axios would then replace an agent that has `proxyEnv` by one without it.
  const defaults: RawAxiosRequestConfig = {
    ...where,
    maxRedirects: 0,
    maxContentLength: LARGEST_RESPONSE_BYTES,
    responseType: 'text',
    validateStatus: () => true,
    decompress: false,
  };
  return {
    concurrency: concurrencyOf(most, false),
    connect: (requests = 1) => {
      expect(requests);
    },
    flush: turnsToSend,
    async send({ method, url, headers, body, signal }) {
      const config = {
        ...defaults,
        method,
        url,
        // Loading zlib costs more than it saves on answers of this size.
        headers: { 'Accept-Encoding': 'identity', ...headers },
        ...(body === undefined ? {} : { data: body }),
        signal,
      };
      const response = await httpAdapter(config).catch(failed);
      const answered = response.headers as Readonly<Record<string, string | undefined>>;
      return { status: response.status, header: (name) => answered[name], text: response.data };
    },
    close() {
      // Most processes end now, and their connections with them: closing them first only takes time.
      setImmediate(destroy);
    },
  };
}

function failed(error: unknown): never {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (code === 'ERR_BAD_RESPONSE')
    throw new NoAnswer(String(message).startsWith('maxContentLength') ? 'RESPONSE_TOO_LARGE' : 'ECONNRESET');
  return giveUp(error);
}

import './no-form-data.ts';
import type { RawAxiosRequestConfig } from 'axios';
import httpAdapter from 'axios/lib/adapters/http.js';
import { RunError } from '../errors.ts';
import type { Transport } from './transport.ts';

/** A request as it goes out, secrets and all. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly text: string;
}

/** Sends one request, and reads its whole answer. Rejects with an error of which only `codeOf` may be kept. */
export type SendHttp = (request: HttpRequest) => Promise<HttpResponse>;

/** Vault takes no request beyond 32 MiB, and JSON may double a value by escaping. */
const LARGEST_RESPONSE_BYTES = 64 * 1024 * 1024;

/**
 * axios's HTTP adapter, called directly: the rest of axios (merged configs, interceptors, transforms) costs as much as
 * the request itself on a cold start, and nothing of it is needed.
 */
export function createHttp({ httpAgent, httpsAgent, socketPath }: Transport): SendHttp {
  // No `proxy: false`: axios would then replace an agent that has `proxyEnv` by one without it.
  const defaults: RawAxiosRequestConfig = {
    httpAgent,
    httpsAgent,
    ...(socketPath === undefined ? {} : { socketPath }),
    maxRedirects: 0,
    maxContentLength: LARGEST_RESPONSE_BYTES,
    responseType: 'text',
    validateStatus: () => true,
    decompress: false,
  };
  return async ({ method, url, headers, body, signal }) => {
    const response = await httpAdapter({
      ...defaults,
      method,
      url,
      // Loading zlib costs more than it saves on answers of this size.
      headers: { 'Accept-Encoding': 'identity', ...headers },
      ...(body === undefined ? {} : { data: body }),
      signal,
    });
    return {
      status: response.status,
      headers: response.headers as HttpResponse['headers'],
      text: response.data,
    };
  };
}

/**
 * All that is kept of an axios error: it carries the token and the body.
 * @throws RunError `internal` for an error that is no system error, which would be a bug of ours
 */
export function codeOf(error: unknown): string {
  const { code, message, name } = error as { code?: unknown; message?: unknown; name?: unknown };
  if (code === 'ERR_BAD_RESPONSE')
    return String(message).startsWith('maxContentLength') ? 'RESPONSE_TOO_LARGE' : 'ECONNRESET';
  // OpenSSL's number for "wrong version number": the other side does not speak TLS.
  if (code === 'EPROTO' && String(message).includes(':error:0A00010B:'))
    return 'ERR_SSL_WRONG_VERSION_NUMBER';
  if (typeof code === 'string') return code;
  throw new RunError('internal', `the HTTP client failed with ${String(name)}`);
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function retryAfterMs({ 'retry-after': header }: HttpResponse['headers']): number | undefined {
  if (header === undefined) return undefined;
  const delayMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs);
}

interface LimitedSignal {
  readonly signal: AbortSignal;
  readonly expired: () => boolean;
}

/** axios's `timeout` is not a total: a body that drips passes it. */
export async function withTimeout<T>(
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

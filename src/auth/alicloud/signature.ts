import { createHmac } from 'node:crypto';
import type { Secret } from '../../base/secret.ts';

export interface AlicloudKey {
  readonly id: string;
  readonly secret: Secret;
  readonly token?: Secret | undefined;
}

export type Parameters = Readonly<Record<string, string>>;

/**
 * The signature of a request in RPC style, version 1.0. It is ten lines on top of HMAC; the version after it signs headers,
 * which the server's plug-in does not check for.
 * https://www.alibabacloud.com/help/en/sdk/product-overview/rpc-mechanism
 */
export function signatureOf(method: 'GET' | 'POST', parameters: Parameters, secret: Secret): string {
  const text = [method, encode('/'), encode(queryOf(parameters))].join('&');
  return createHmac('sha1', `${secret.reveal()}&`).update(text).digest('base64');
}

/** Sorted and encoded as it is signed. */
export function queryOf(parameters: Parameters): string {
  return Object.entries(parameters)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join('&');
}

/** RFC 3986: what encodeURIComponent leaves alone, and RFC 2396 did too, is encoded as well. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

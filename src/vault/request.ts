import type { Secret } from '../base/secret.ts';
import type { ConnectionFailure } from '../http/connection-failure.ts';

/** One request of the Vault API. */
export interface VaultRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Without `/v1/`, not yet percent-encoded. */
  readonly path: string;
  /** Pairs, where a name is repeated. */
  readonly query?: Readonly<Record<string, string>> | readonly (readonly [string, string])[] | undefined;
  readonly namespace: string | undefined;
  readonly token: Secret | undefined;
  /** JSON text. */
  readonly body?: Secret | undefined;
  /** Secrets in the request, which an error text must not repeat. */
  readonly sensitive?: readonly Secret[] | undefined;
  /**
   * True when a second try could mint a second credential: it is then repeated only after a failure that proves that the
   * server did nothing.
   */
  readonly mints: boolean;
  /** TTL in seconds of a wrapping token that the server is to return instead of the answer. */
  readonly wrapTtl?: number | undefined;
}

const IDENTITIES = new WeakMap<VaultRequest, string>();

/** What identifies a request: everything that can change its answer. It is asked for several times for each read. */
export function identityOf(request: VaultRequest): string {
  const known = IDENTITIES.get(request);
  if (known !== undefined) return known;
  const { namespace, method, path, query, body, wrapTtl } = request;
  const identity = JSON.stringify([namespace, method, path, query, body?.reveal(), wrapTtl]);
  IDENTITIES.set(request, identity);
  return identity;
}

export interface VaultResponse {
  readonly kind: 'response';
  readonly status: number;
  /** Parsed JSON; undefined for an empty body and for a body that is not JSON. */
  readonly body: unknown;
  /** It begins as JSON, and is not: something in between has cut it off. */
  readonly isCut: boolean;
  /** The body nests deeper than any value that this program takes. */
  readonly isTooDeep: boolean;
  readonly contentType: string | undefined;
  /** The start of a body that is not JSON; it contains no secret, because Vault returns secrets only as JSON. */
  readonly plainText: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** The clock of the server. */
  readonly date: string | undefined;
  /** The target of a 3xx. */
  readonly location: string | undefined;
}

export type Attempt = VaultResponse | ConnectionFailure;

/** The text after `/v1/` on the wire, every segment percent-encoded. */
export function urlPathOf({ path, query }: VaultRequest): string {
  const encoded = encodeURIComponent(path).replaceAll('%2F', '/');
  return query === undefined ? encoded : `${encoded}?${queryTextOf(query)}`;
}

export function queryTextOf(query: NonNullable<VaultRequest['query']>): string {
  return new URLSearchParams(query as Readonly<Record<string, string>>).toString();
}

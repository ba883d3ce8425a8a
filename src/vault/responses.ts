import { isJsonObject, type JsonObject } from '../base/lossless-json.ts';
import { Secret } from '../base/secret.ts';
import { headerValueOf } from '../http/header-value.ts';

/** `auth` of a login, or `data` of `auth/token/lookup-self`. https://openbao.org/api-docs/auth/token/ */
export interface IssuedToken {
  readonly token: Secret;
  readonly policies: readonly string[];
  /** `service` or `batch`. */
  readonly token_type: string | undefined;
  /** Seconds. */
  readonly lease_duration: number | undefined;
  readonly renewable: boolean;
  /** How many requests it may make; undefined: any number. */
  readonly num_uses: number | undefined;
  readonly namespace_path?: string;
}

export type LoginAnswer =
  | { readonly kind: 'token'; readonly issued: IssuedToken }
  | { readonly kind: 'mfa_required'; readonly constraints: readonly string[] }
  | { readonly kind: 'no_token' }
  /** It cannot be used: no header carries it. */
  | { readonly kind: 'unusable_token' };

/**
 * Reads the answer to a login; an answer without a token is not a success.
 * @param shown makes a text presentable
 */
export function readLogin(body: unknown, shown: (text: string) => string): LoginAnswer {
  const auth = isJsonObject(body) ? body['auth'] : undefined;
  if (!isJsonObject(auth)) return { kind: 'no_token' };
  const mfa = auth['mfa_requirement'];
  if (isJsonObject(mfa)) {
    const constraints = mfa['mfa_constraints'];
    return {
      kind: 'mfa_required',
      constraints: isJsonObject(constraints) ? Object.keys(constraints).map(shown) : [],
    };
  }
  const token = auth['client_token'];
  if (typeof token !== 'string' || token === '') return { kind: 'no_token' };
  if (headerValueOf(token) === undefined) return { kind: 'unusable_token' };
  return {
    kind: 'token',
    issued: {
      token: new Secret(token),
      policies: stringList(auth['policies']).map(shown),
      token_type: typeof auth['token_type'] === 'string' ? shown(auth['token_type']) : undefined,
      lease_duration: typeof auth['lease_duration'] === 'number' ? auth['lease_duration'] : undefined,
      renewable: auth['renewable'] === true,
      num_uses: typeof auth['num_uses'] === 'number' && auth['num_uses'] > 0 ? auth['num_uses'] : undefined,
    },
  };
}

/** Reads the answer of `sys/capabilities-self`: what the token may do, by path. */
export function readCapabilities(body: unknown): ReadonlyMap<string, readonly string[]> {
  const data = isJsonObject(body) ? body['data'] : undefined;
  if (!isJsonObject(data)) return new Map();
  return new Map(Object.entries(data).map(([path, capabilities]) => [path, stringList(capabilities)]));
}

/** A mount of `sys/internal/ui/mounts`. */
export interface Mount {
  /** With a trailing slash. */
  readonly path: string;
  /** The engine: `kv`, `pki`, `database` … */
  readonly type: string;
  /** `options.version` of a kv mount: `1` or `2`. */
  readonly version: string | undefined;
}

/** Reads the answer of `sys/internal/ui/mounts`: the secret engines that the token may see. */
export function readMounts(body: unknown): readonly Mount[] {
  const data = isJsonObject(body) ? body['data'] : undefined;
  const secret = isJsonObject(data) ? data['secret'] : undefined;
  if (!isJsonObject(secret)) return [];
  return Object.entries(secret).flatMap(([path, mount]) => {
    if (!isJsonObject(mount) || typeof mount['type'] !== 'string') return [];
    const options = mount['options'];
    const version = isJsonObject(options) ? options['version'] : undefined;
    return [{ path, type: mount['type'], version: typeof version === 'string' ? version : undefined }];
  });
}

/** The answer to a read or write: every engine's data is in such an envelope. */
export interface Envelope {
  readonly data: JsonObject | undefined;
  /** There is none: the data is the whole answer. */
  readonly isBare?: true;
  readonly lease_id: string | undefined;
  /** Seconds. */
  readonly lease_duration: number | undefined;
  /** Of the lease. */
  readonly renewable: boolean;
  /** Of an answer to a request with a wrap TTL. */
  readonly wrap_info: JsonObject | undefined;
}

type LeaseFields = Pick<Envelope, 'lease_id' | 'lease_duration' | 'renewable'>;

const NO_LEASE: LeaseFields = { lease_id: undefined, lease_duration: undefined, renewable: false };
const NOTHING: Envelope = { data: undefined, wrap_info: undefined, ...NO_LEASE };

/**
 * Reads the envelope of a response. A few endpoints, such as `sys/health`, have none, recognised by the missing
 * `request_id`: their whole answer is the data.
 */
export function readEnvelope(body: unknown): Envelope {
  if (!isJsonObject(body)) return NOTHING;
  // `{"errors": []}` is the whole answer for a path without data.
  if (!Object.hasOwn(body, 'request_id'))
    return Object.hasOwn(body, 'errors') ? NOTHING : { ...NOTHING, data: body, isBare: true };
  const { data, wrap_info } = body;
  const { lease_id, lease_duration, renewable } = leaseIn(body);
  return {
    data: isJsonObject(data) ? data : undefined,
    lease_id,
    lease_duration,
    renewable,
    wrap_info: isJsonObject(wrap_info) ? wrap_info : undefined,
  };
}

/** kv1 answers with a lease_duration too: only a lease_id marks a lease. */
function leaseIn({ lease_id, lease_duration, renewable }: JsonObject): LeaseFields {
  if (typeof lease_id !== 'string' || lease_id === '') return NO_LEASE;
  return {
    lease_id,
    lease_duration: typeof lease_duration === 'number' ? lease_duration : undefined,
    renewable: renewable === true,
  };
}

function stringList(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

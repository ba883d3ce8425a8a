import { isJsonObject, type JsonObject } from '../../base/lossless-json.ts';
import type { JsonValue } from '../../base/secret-data.ts';
import { goJson, goString } from './go-json.ts';
import { timestampOf } from './go-timestamp.ts';

/** An answer as the api package of Vault reads it. */
export type ApiSecret =
  | { readonly kind: 'secret'; readonly fields: JsonObject; readonly data: JsonObject }
  /** Nothing in it that a file could be made of. */
  | { readonly kind: 'empty' }
  /** Not what the API answers. */
  | { readonly kind: 'odd' };

/** A field of Go's type, with its JSON. Undefined: it is none of that type. */
type Field = (value: JsonValue | undefined) => string | undefined;

const isAbsent = (value: JsonValue | undefined): value is null | undefined =>
  value === undefined || value === null;

const text: Field = (value) => {
  if (isAbsent(value)) return '""';
  return typeof value === 'string' ? goString(value) : undefined;
};
const whole: Field = (value) => {
  if (isAbsent(value)) return '0';
  return typeof value === 'number' && Number.isInteger(value) ? String(value) : undefined;
};
const flag: Field = (value) => {
  if (isAbsent(value)) return 'false';
  return typeof value === 'boolean' ? String(value) : undefined;
};
const texts: Field = (value) => {
  if (isAbsent(value)) return 'null';
  return Array.isArray(value) && value.every((one) => typeof one === 'string') ? goJson(value) : undefined;
};
const map: Field = (value) => {
  if (isAbsent(value)) return 'null';
  return isObject(value) ? goJson(value) : undefined;
};
const time: Field = (value) => {
  if (isAbsent(value)) return '"0001-01-01T00:00:00Z"';
  const written = typeof value === 'string' ? timestampOf(value) : undefined;
  return written === undefined ? undefined : goString(written);
};

/** https://pkg.go.dev/github.com/hashicorp/vault/api#SecretAuth */
const AUTH: readonly (readonly [string, Field])[] = [
  ['client_token', text],
  ['accessor', text],
  ['policies', texts],
  ['token_policies', texts],
  ['identity_policies', texts],
  ['metadata', map],
  ['orphan', flag],
  ['entity_id', text],
  ['lease_duration', whole],
  ['renewable', flag],
  ['mfa_requirement', map],
];
/** https://pkg.go.dev/github.com/hashicorp/vault/api#SecretWrapInfo */
const WRAP_INFO: readonly (readonly [string, Field])[] = [
  ['token', text],
  ['accessor', text],
  ['ttl', whole],
  ['creation_time', time],
  ['creation_path', text],
  ['wrapped_accessor', text],
];
/** The fields of an answer, in Go's order. https://pkg.go.dev/github.com/hashicorp/vault/api#Secret */
const SECRET: readonly (readonly [string, Field])[] = [
  ['request_id', text],
  ['lease_id', text],
  ['lease_duration', whole],
  ['renewable', flag],
  ['data', map],
  ['warnings', texts],
];
/** Those that are left out when they are empty. */
const OPTIONAL: readonly (readonly [string, Field])[] = [
  ['auth', (value) => (isAbsent(value) ? '' : structure(value, AUTH))],
  ['wrap_info', (value) => (isAbsent(value) ? '' : structure(value, WRAP_INFO))],
  ['mount_type', (value) => (isAbsent(value) || value === '' ? '' : text(value))],
];

/** Reads an answer; one without any of the fields is its own data, such as that of `sys/health`. */
export function apiSecretOf(body: unknown): ApiSecret {
  if (body === undefined || body === null) return { kind: 'empty' };
  if (!isJsonObject(body)) return { kind: 'odd' };
  const empty = [...SECRET, ...OPTIONAL].every(([name, field]) => field(body[name]) === field(undefined));
  // Without an envelope it is an error, whatever its status.
  if (empty && Object.hasOwn(body, 'errors') && Object.keys(body).length > 1) return { kind: 'odd' };
  const data = empty ? withoutEnvelope(body) : body['data'];
  if (isAbsent(data)) return { kind: 'empty' };
  const fields = empty ? { data } : body;
  return isObject(data) && wholeJson(fields) !== undefined
    ? { kind: 'secret', fields, data }
    : { kind: 'odd' };
}

function withoutEnvelope(body: JsonObject): JsonObject | undefined {
  const names = Object.keys(body);
  return names.length === 0 || (names.length === 1 && names[0] === 'errors') ? undefined : body;
}

/** The whole answer as Go writes it. Undefined: a field has another type. */
export function wholeJson(fields: JsonObject): string | undefined {
  const required = written(SECRET, fields);
  const optional = written(OPTIONAL, fields);
  if (required === undefined || optional === undefined) return undefined;
  return `{${[...required, ...optional.filter((one) => !one.endsWith(':'))].join(',')}}`;
}

function structure(value: JsonValue, fields: readonly (readonly [string, Field])[]): string | undefined {
  const parts = isObject(value) ? written(fields, value) : undefined;
  return parts === undefined ? undefined : `{${parts.join(',')}}`;
}

function written(fields: readonly (readonly [string, Field])[], values: JsonObject): string[] | undefined {
  const parts: string[] = [];
  for (const [name, field] of fields) {
    const json = field(values[name]);
    if (json === undefined) return undefined;
    parts.push(`"${name}":${json}`);
  }
  return parts;
}

/** An object, and no number that is kept as its text. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== undefined && isJsonObject(value);
}

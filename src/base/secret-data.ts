import type { Secret } from './secret.ts';

/** A JSON number that a double cannot represent or would print differently: `12345678901234567890`, `1.10`. */
export interface RawJsonNumber {
  readonly rawJSON: string;
}

/** A value of a secret as the server sent it, digits included. `JSON.stringify` writes it back unchanged. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | RawJsonNumber
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The keys of a secret. A Map, because `__proto__` and `constructor` are legal key names. */
export type KeyValues = ReadonlyMap<string, JsonValue>;

/** Metadata of a secret from the server. */
export interface SecretMetadata {
  /** The path that was requested, without `/v1/`. */
  readonly path: string;
  /** The version of a kv2 secret. */
  readonly version?: number;
  readonly lease_id?: string;
  /** Seconds; only meaningful with a `lease_id`. */
  readonly lease_duration?: number;
  /** Seconds since 1970: the earliest end of a secret that is reused or watched. */
  readonly expires_at?: number;
  /** It lies there, as in KV: reading it makes nothing new. */
  readonly isStored?: true;
}

export interface FoundSecret {
  readonly kind: 'found';
  readonly name: string;
  readonly keys: Secret<KeyValues>;
  /** Of a tree, whose `keys` are nested objects: all keys by their path, such as `folder/secret/key`. */
  readonly leaves?: Secret<KeyValues>;
  readonly metadata: SecretMetadata;
}

/** The values under the keys that outputs and entries use. */
export function entriesOf({ keys, leaves }: FoundSecret): KeyValues {
  return (leaves ?? keys).reveal();
}

/** An `optional: true` secret that does not exist. It behaves like a secret without keys. */
export interface AbsentSecret {
  readonly kind: 'absent';
  readonly name: string;
  readonly path: string;
}

/** The fetch failed and has been reported; outputs report nothing else about it. */
export interface FailedSecret {
  readonly kind: 'failed';
  readonly name: string;
}

export type FetchedSecret = FoundSecret | AbsentSecret | FailedSecret;

/** All declared secrets by name. */
export type Secrets = ReadonlyMap<string, FetchedSecret>;

/** True for a number that was kept as text. */
export function isRawJsonNumber(value: JsonValue): value is RawJsonNumber {
  return typeof value === 'object' && value !== null && JSON.isRawJSON(value);
}

/** The texts that objects and lists were read from. */
const TEXTS = new WeakMap<object, string>();

/** An object or a list whose text stays that which it was read from. */
export function readFrom<T extends object>(value: T, text: string): T {
  TEXTS.set(value, text);
  return value;
}

/** The text of a value: numbers keep their digits, objects and lists are JSON, null is empty. */
export function textOf(value: JsonValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  const text = typeof value === 'object' ? TEXTS.get(value) : undefined;
  if (text !== undefined) return text;
  return JSON.stringify(value);
}

import type { KeyValues, SecretMetadata } from '../base/secret-data.ts';
import type { Envelope } from '../vault/responses.ts';

/** The parts of a secret that an engine builds the request from. */
export interface SecretPath {
  /** As declared, normalised: no leading slash. */
  readonly path: string;
  /** The mount within the path, with a trailing slash; undefined when it is not known. */
  readonly mount: string | undefined;
  readonly version: number | undefined;
}

export interface ReadRequest {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

export type ReadResult =
  | { readonly kind: 'found'; readonly keys: KeyValues; readonly metadata: Omit<SecretMetadata, 'path'> }
  /** The server has no data at the path; `reason` completes "the secret …". */
  | { readonly kind: 'missing'; readonly reason: string; readonly hint?: string }
  /** A success that has not what the engine answers: it says nothing about the secret, not even that there is none. */
  | { readonly kind: 'odd' };

/** How a kind of secret is read. All functions are pure. To add an engine: one file, and one line in the index. */
export interface Engine {
  readonly name: string;
  /** What it reads, in a sentence for editors. */
  readonly about: string;
  /** True when reading may create something, such as a database user. */
  readonly mints: boolean;
  request(secret: SecretPath): ReadRequest;
  /** Where the names below a path are listed. */
  list(folder: Omit<SecretPath, 'version'>): string;
  /** @param status 200 or 404 */
  read(status: number, envelope: Envelope): ReadResult;
}

/** The names of a listing; folders end with a slash. Undefined: there are none, or not only names. */
export function namesOf({ data }: Envelope): readonly string[] | undefined {
  const names = data?.['keys'];
  return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
}

/** The keys of a JSON object, in the server's order. */
export function keysOf(data: NonNullable<Envelope['data']>): KeyValues {
  return new Map(Object.entries(data));
}

/** The lease fields that are set. */
export function leaseOf({ lease_id, lease_duration }: Envelope): Omit<SecretMetadata, 'path'> {
  return {
    ...(lease_id === undefined ? {} : { lease_id }),
    ...(lease_duration === undefined ? {} : { lease_duration }),
  };
}

import { quotedName } from '../../base/key-path.ts';
import type { SecretUse } from '../declared-secrets.ts';
import { Unsupported } from '../unsupported.ts';
import { encoded, textPiece, type Piece } from './pieces.ts';

/** What an expression is about. Values are known when the program runs; here it is known where they come from. */
export type Value =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'constant'; readonly isTrue: boolean }
  /** A response, or what its fields lead to. */
  | { readonly kind: 'secret'; readonly secret: SecretUse; readonly fields: readonly string[] }
  /** What pkiCert returns. */
  | { readonly kind: 'certificate'; readonly secret: SecretUse; readonly fields: readonly string[] }
  /** The names below a path. */
  | { readonly kind: 'names'; readonly secret: SecretUse }
  /** What a section over a list is about, or a key of it. */
  | { readonly kind: 'item'; readonly scope: SectionScope; readonly fields: readonly string[] }
  /** A key of a secret, or its value, in a section over all of them. */
  | {
      readonly kind: 'entry';
      readonly scope: SectionScope;
      readonly part: 'key' | 'value';
      readonly fields: readonly string[];
    }
  | { readonly kind: 'index' }
  | { readonly kind: 'environment'; readonly name: string }
  /** What a function has made. */
  | { readonly kind: 'pieces'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'nothing' }
  /** In a block that is kept. */
  | { readonly kind: 'unknown' };

/** A section, as far as names inside it depend on it. */
export interface SectionScope {
  readonly kind: 'list' | 'entries' | 'test';
  /** Of a test: what is tested. */
  readonly tested?: Value;
}

/** Of a value that was in a block which is kept: it has been reported with that block. */
export class InKeptBlock extends Error {}

const CERTIFICATE_KEYS: Readonly<Record<string, string>> = {
  Cert: 'certificate',
  Key: 'private_key',
  CA: 'issuing_ca',
};

const RESPONSE_FIELDS: Readonly<Record<string, string>> = {
  LeaseID: '@lease_id',
  LeaseDuration: '@lease_duration',
};

/** The name of a value in a template. @throws Unsupported, InKeptBlock */
export function nameOf(value: Value, scopes: readonly SectionScope[]): () => string {
  switch (value.kind) {
    case 'secret':
      return secretName(value);
    case 'certificate':
      return certificateName(value);
    case 'names':
      return () => `${value.secret.name}.keys`;
    case 'item':
      return itemName(value, scopes);
    case 'entry':
      return entryName(value, scopes);
    case 'unknown':
      throw new InKeptBlock();
    default:
      throw noName(value);
  }
}

function noName({ kind }: Value): Unsupported {
  return kind === 'index'
    ? new Unsupported(
        'the position in a list, or the key in an object, has no counterpart',
        'leave it out, or store the object as a secret of its own: `{{#name.@entries}}`',
      )
    : new Unsupported('a value that is no key of a secret has no counterpart here');
}

type SecretValue = Extract<Value, { kind: 'secret' }>;

/** Whether it is all keys of a secret, or the whole response. */
export function isWhole({ fields, secret }: Pick<SecretValue, 'fields' | 'secret'>): boolean {
  const [first, second] = fields;
  if (first === undefined) return true;
  return (
    first === 'Data' && (fields.length === 1 || (fields.length === 2 && second === 'data' && !secret.isFlat))
  );
}

function secretName({ secret, fields }: SecretValue): () => string {
  const [first, ...path] = fields;
  if (first === undefined || (first === 'Data' && path.length === 0)) return () => secret.name;
  if (first !== 'Data') {
    const reserved = RESPONSE_FIELDS[first];
    if (reserved !== undefined && path.length === 0) return () => `${secret.name}.${reserved}`;
    throw new Unsupported('a field of the response that is not in its data', 'leave it out');
  }
  const [key, ...within] = path;
  if (key === 'metadata' && !secret.isFlat) return metadataName(secret, within);
  if (key !== 'data') secret.isFlat = true;
  return () => {
    const keys = key === 'data' && !secret.isFlat ? within : path;
    return keys.length === 0 ? secret.name : `${secret.name}.${keysText(keys)}`;
  };
}

function metadataName(secret: SecretUse, [field, ...rest]: readonly string[]): () => string {
  if (field === 'version' && rest.length === 0) return () => `${secret.name}.@version`;
  throw new Unsupported(
    'metadata of a secret other than its version has no counterpart',
    'leave it out, or write it into the secret',
  );
}

function certificateName({ secret, fields }: Extract<Value, { kind: 'certificate' }>): () => string {
  const [field = '', ...rest] = fields[0] === 'Data' ? fields.slice(1) : fields;
  const key = CERTIFICATE_KEYS[field];
  if (key === undefined || rest.length > 0)
    throw new Unsupported(
      'a certificate as a whole has no counterpart',
      'write `.Cert`, `.Key` and `.CA`, or use `format: pem`',
    );
  return () => `${secret.name}.${key}`;
}

function itemName(
  { scope, fields }: Extract<Value, { kind: 'item' }>,
  scopes: readonly SectionScope[],
): () => string {
  const inner = scopes.slice(scopes.indexOf(scope) + 1);
  const isHidden = inner.some(
    ({ kind, tested }) => kind !== 'test' || (fields.length === 0 && !isSame(tested, { scope, fields })),
  );
  if (isHidden) throw hidden();
  return () => (fields.length === 0 ? '.' : keysText(fields));
}

function isSame(
  tested: Value | undefined,
  { scope, fields }: Pick<Extract<Value, { kind: 'item' }>, 'scope' | 'fields'>,
): boolean {
  return tested?.kind === 'item' && tested.scope === scope && tested.fields.length === fields.length;
}

function entryName(
  { scope, part, fields }: Extract<Value, { kind: 'entry' }>,
  scopes: readonly SectionScope[],
): () => string {
  const inner = scopes.slice(scopes.indexOf(scope) + 1);
  if (inner.some(({ kind }) => kind !== 'test')) throw hidden();
  return () => (fields.length === 0 ? part : `${part}.${keysText(fields)}`);
}

function hidden(): Unsupported {
  return new Unsupported(
    'a value of an outer `range` within another `range` has no counterpart',
    'change it by hand',
  );
}

/** Keys after the dot; what else they hold than letters, digits and hyphens goes into quotes. */
function keysText(keys: readonly string[]): string {
  return keys.map((key) => (/^\w[\w-]*$/.test(key) ? key : quotedName([key]))).join('.');
}

/** A value with the fields that are read of it. @throws Unsupported */
export function withFields(value: Value, fields: readonly string[]): Value {
  if (fields.length === 0) return value;
  switch (value.kind) {
    case 'secret':
    case 'certificate':
    case 'item':
    case 'entry':
      return { ...value, fields: [...value.fields, ...fields] };
    case 'unknown':
      return value;
    default:
      throw new Unsupported('a field of something that has none');
  }
}

/** What an output of the value renders. @throws Unsupported, InKeptBlock */
export function piecesOf(value: Value, scopes: readonly SectionScope[]): readonly Piece[] {
  switch (value.kind) {
    case 'text':
    case 'number':
      return [textPiece(value.text)];
    case 'constant':
      return [textPiece(String(value.isTrue))];
    case 'nothing':
      return [];
    case 'environment':
      return [{ kind: 'environment', name: value.name }];
    case 'pieces':
      return value.pieces;
    case 'secret':
      if (isWhole(value))
        throw new Unsupported(
          'a whole secret is written in the notation of Go',
          'write its keys, or its JSON: `toJSON`',
        );
      break;
    case 'certificate':
      // The server's PEM does not end in a line break, that of pkiCert does.
      return [{ kind: 'name', name: nameOf(value, scopes) }, textPiece('\n')];
    default:
  }
  return [{ kind: 'name', name: nameOf(value, scopes) }];
}

export function encodedValue(encoding: string, value: Value, scopes: readonly SectionScope[]): Value {
  return { kind: 'pieces', pieces: encoded(encoding, piecesOf(value, scopes)) };
}

import type { JsonValue } from '../../base/secret-data.ts';
import { holdsCredential } from '../../base/shown-text.ts';
import type { SecretRequest } from '../declared-secrets.ts';
import type { NoteKind } from '../note-kinds.ts';
import { InKeptBlock, type Value } from './go-values.ts';
import { Unsupported } from '../unsupported.ts';

/** A path as `secret` takes it: a version may follow it. @throws Unsupported */
export function requestOf(text: string): SecretRequest {
  const [path = '', query] = text.split('?', 2);
  if (query === undefined) return { path };
  const version = /^version=(\d+)$/.exec(query)?.[1];
  if (version === undefined)
    throw new Unsupported('a path with a parameter other than `version` has no counterpart', 'leave it out');
  // Version 0 is the latest.
  return version === '0' ? { path } : { path, version: Number(version) };
}

/** The mount, where a path is what the API lists of a whole mount of KV version 2: `MOUNT/metadata/`. */
export function listedPath(path: string): string {
  return path.replace(/(?<=[^/])\/+metadata\/*$/, '');
}

/** Names of fields whose values are credentials. */
const CREDENTIAL = /(?:^|_)(?:password|passphrase|token|secret|secret_id|jwt|private_key|api_key)$/i;

/** The body of a request by its `key=value` arguments. @throws Unsupported */
export function writeOf(
  pairs: readonly string[],
  note: (kind: NoteKind) => void,
): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (key === undefined) throw new Unsupported('an argument of a request is not written as `key=value`');
      return [key, withoutCredential(key, value, note)];
    }),
  );
}

/** What is a credential by its name or its looks becomes a variable. */
export function withoutCredential(key: string, value: string, note: (kind: NoteKind) => void): string {
  if (value.startsWith('${') || (!CREDENTIAL.test(key) && !holdsCredential(value))) return value;
  note('credential');
  return `\${${key.toUpperCase().replace(/\W+/g, '_')}}`;
}

/** A text for the config: a path, a name. @throws Unsupported */
export function configText(value: Value): string {
  switch (value.kind) {
    case 'text':
    case 'number':
      return value.text.replaceAll('${', () => '$${');
    case 'environment':
      return `\${${value.name}}`;
    case 'pieces':
      return value.pieces
        .map((piece) => {
          if (piece.kind === 'text') return piece.text.replaceAll('${', () => '$${');
          if (piece.kind === 'environment') return `\${${piece.name}}`;
          throw computedPath();
        })
        .join('');
    case 'unknown':
      throw new InKeptBlock();
    default:
      throw computedPath();
  }
}

function computedPath(): Unsupported {
  return new Unsupported(
    'a path that is made of values of other secrets has no counterpart',
    'declare each secret under `secrets:`; `list: true` and `recursive: true` read what is below a path',
  );
}

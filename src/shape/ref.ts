import { stepsOf } from '../base/key-path.ts';
import { checkSecretPath } from './vault-paths.ts';

/** How a REF is written, for messages. */
export const REF_HINT =
  'write `path#key`, `path#key@version` or `name#key`; `path#/a/b` is a JSON pointer, `path#"a key"` any key';

/** How a secret is written where all of its keys are meant, for messages. */
export const SECRET_HINT = 'write the path of a secret, `path@version`, or the name of a declared one';

/**
 * What a REF points to: `path#key`, `path#key@version`, `name#key`. The key is a name as templates have it (`a.b`,
 * `"a.b"`), or a JSON pointer (`/a/b`).
 */
export type Ref = SecretRef & { readonly key: string };

/** A secret: `path`, `path@version`, or the name of a declared one. */
export type SecretRef =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'path'; readonly path: string; readonly version: number | undefined };

/** A secret as a whole, or a value in it. */
export type Source = SecretRef & { readonly key?: string };

/** A text that was parsed, or why it could not be. */
export type Checked<T> = { readonly value: T } | { readonly problem: string; readonly hint?: string };

/** Parses a REF. What has a slash is a path, anything else the name of a declared secret. */
export function checkRef(text: string): Checked<Ref> {
  const match = /^(?<secret>[^#]+)#(?<key>.+?)(?:@(?<version>[1-9]\d*))?$/s.exec(text);
  const { secret, key, version } = match?.groups ?? {};
  if (secret === undefined || key === undefined)
    return { problem: 'it has no secret and key with a `#` in between' };
  if (!isPointer(key) && stepsOf(key) === undefined)
    return {
      problem: 'the quotes in its key do not match',
      hint: 'quotes are around a whole key, with the escapes of JSON: `path#"a key".name`',
    };
  const checked = checkSecretRef(secret, version);
  return 'value' in checked ? { value: { ...checked.value, key } } : checked;
}

/** Parses a secret, with or without a key. */
export function checkSource(text: string): Checked<Source> {
  if (text.includes('#')) return checkRef(text);
  const [, secret = '', version] = /^(.*?)(?:@([1-9]\d*))?$/s.exec(text) ?? [];
  return checkSecretRef(secret, version);
}

function checkSecretRef(secret: string, version: string | undefined): Checked<SecretRef> {
  if (!secret.includes('/')) {
    if (secret === '') return { problem: 'it is empty' };
    if (version === undefined) return { value: { kind: 'name', name: secret } };
    return {
      problem: 'it has a version, and no path',
      hint: 'pin the version of a declared secret with its `version:`',
    };
  }
  const path = checkSecretPath(secret);
  if (!('value' in path)) return { ...path, problem: `its path ${path.problem}` };
  const pinned = version === undefined ? undefined : Number(version);
  return { value: { kind: 'path', path: path.value, version: pinned } };
}

/** @returns undefined for what is no REF */
export function parseRef(text: string): Ref | undefined {
  const checked = checkRef(text);
  return 'value' in checked ? checked.value : undefined;
}

/** A JSON pointer (RFC 6901), and not a name. */
export function isPointer(key: string): boolean {
  return key.startsWith('/');
}

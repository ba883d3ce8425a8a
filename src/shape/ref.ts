import { checkSecretPath } from './vault-paths.ts';

/** How a REF is written, for messages. */
export const REF_HINT = 'write `path#key`, `path#key@version` or `name#key`; `path#/a/b` is a JSON pointer';

/** What a REF points to: `path#key`, `path#key@version`, `name#key`; the key may be a JSON pointer (`#/a/b`). */
export type Ref =
  | { readonly kind: 'name'; readonly name: string; readonly key: string }
  | {
      readonly kind: 'path';
      readonly path: string;
      readonly key: string;
      readonly version: number | undefined;
    };

/**
 * Parses a REF. What has a slash is a path, anything else the name of a declared secret.
 * @returns undefined for anything else
 */
export function parseRef(text: string): Ref | undefined {
  const match = /^(?<secret>[^#]+)#(?<key>.+?)(?:@(?<version>[1-9]\d*))?$/s.exec(text);
  const { secret, key, version } = match?.groups ?? {};
  if (secret === undefined || key === undefined) return undefined;
  if (secret.includes('/')) {
    const path = checkSecretPath(secret);
    if (!('value' in path)) return undefined;
    return {
      kind: 'path',
      path: path.value,
      key,
      version: version === undefined ? undefined : Number(version),
    };
  }
  return version === undefined ? { kind: 'name', name: secret, key } : undefined;
}

import { firstOf, type Failure } from '../base/errors.ts';
import type { ConfigPath } from './interpolate.ts';
import type { Merged } from './merge.ts';
import { pathText } from './path-text.ts';

/** What is wrong at a place of the merged config. */
export interface Problem {
  readonly path: ConfigPath;
  readonly message: string;
  /** Asked for only if the problem is reported: it may take a search. */
  readonly hint?: string | undefined;
}

/** The first problems as failures that say in which file and line they are. */
export function failuresOf(problems: readonly Problem[], merged: Merged): readonly Failure[] {
  return firstOf(problems, (problem) => failureOf(problem, merged));
}

function failureOf({ path, message, hint }: Problem, merged: Merged): Failure {
  const name = pathText(path);
  const { source, path: local } = merged.originOf(path);
  const isFlag = source.kind === 'flags';
  return {
    kind: isFlag ? 'usage' : 'config',
    message: name === '' ? message : `\`${name}\` ${message}`,
    where: source.placeOf(local),
    hint: hint ?? (isFlag ? `${addedBy(name, message)}${SEE}` : undefined),
  };
}

const SEE = 'see `vaultonce --help`, and CONFIGURATION.md for the keys';

/** The flag that a login lacks. */
function addedBy(name: string, message: string): string {
  if (name === 'auth' && message.startsWith('needs ')) return 'add one as --set auth.KEY=VALUE; ';
  if (!name.startsWith('auth.') || !message.startsWith('is missing')) return '';
  const flag = name === 'auth.method' ? '--auth METHOD' : name === 'auth.role' ? '--role ROLE' : undefined;
  return `add ${flag ?? `--set ${name}=VALUE`}; `;
}

/** The place in words of its name: `vault.tls`. What is no key of the config, such as `$VAULT_ADDR`, stays as it is. */
export function placeOfKey(key: string, merged: Merged): string {
  const path = key.split('.');
  return Object.hasOwn(merged.value, path[0] ?? '') ? declarationOf(path, key, merged) : key;
}

/** Where something is declared, and its name: `vaultonce.yaml:12, secrets.db`. A flag says both: `--secret db`. */
export function declarationOf(path: ConfigPath, name: string, merged: Merged): string {
  const { source, path: local } = merged.originOf(path);
  const place = source.placeOf(local);
  return source.kind === 'flags' ? place : `${place}, ${name}`;
}

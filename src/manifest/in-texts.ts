import type { Failure } from '../base/errors.ts';
import { holdsCredential } from '../base/shown-text.ts';
import type { ConfigPath } from '../config/interpolate.ts';
import type { ConfigText } from './config-texts.ts';
import type { ManifestInput } from './manifest-input.ts';

/**
 * What a ConfigMap would show to everybody who may read it.
 * @param mistaken credentials in the place of paths
 */
export function literalCredentials(
  texts: readonly ConfigText[],
  mistaken: readonly ConfigPath[],
  { placeOf }: Pick<ManifestInput, 'placeOf'>,
): Failure[] {
  const literal = texts.filter(({ kind, text }) =>
    kind === 'credential' ? hasLiteral(text) : holdsCredential(text),
  );
  const places = [...literal.map(({ path }) => path), ...mistaken].map(placeOf);
  return [...new Set(places)].map((where) => ({
    kind: 'config',
    message: 'a credential is written here, and a ConfigMap would show it',
    where,
    hint: 'write `${VAR}` in its place, or name the file that holds it: the manifest has both come from a Secret',
  }));
}

const PLACEHOLDER = /\$\$\{|\$\{(?<name>[A-Za-z_]\w*)(?<fallback>:-[^}]*)?\}/g;

/** Whether it has more than variables without a default. */
function hasLiteral(text: string): boolean {
  const rest = text.replace(PLACEHOLDER, (match, _name, fallback?: string) =>
    match === '$${' || (fallback ?? ':-') !== ':-' ? match : '',
  );
  return rest.trim() !== '';
}

/** A variable that the config names. */
export interface NamedVariable {
  readonly name: string;
  /** Its value may be a credential. */
  readonly isSecret: boolean;
}

/** The variables in `${VAR}`. */
export function variablesIn(texts: readonly ConfigText[]): NamedVariable[] {
  const found = new Map<string, boolean>();
  for (const { text, kind } of texts) {
    for (const { groups } of text.matchAll(PLACEHOLDER)) {
      const name = groups?.['name'];
      if (name !== undefined) found.set(name, found.get(name) === true || kind !== 'plain');
    }
  }
  return [...found].map(([name, isSecret]) => ({ name, isSecret }));
}

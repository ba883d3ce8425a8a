import { matchesGlob } from '../base/glob.ts';
import type { JsonValue, KeyValues } from '../base/secret-data.ts';

/** Which keys an output takes, and under which names. */
export interface KeySelection {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly rename?: Readonly<Record<string, string>> | undefined;
  /** Make names that environment variables can have. */
  readonly sanitize?: boolean | undefined;
  readonly case?: 'upper' | 'lower' | undefined;
  readonly prefix?: string | undefined;
}

export interface SelectedKeys {
  readonly values: KeyValues;
  /** Keys that the selection names and the secret does not have. */
  readonly missing: readonly string[];
  /** Names that more than one key would get. */
  readonly collisions: readonly { readonly name: string; readonly keys: readonly string[] }[];
}

/**
 * Applies `include`, `exclude`, `rename`, `sanitize`, `case` and `prefix`, in this order. A renamed key keeps exactly the
 * name it was given. Keys are sorted, so that the same secret always gives the same file.
 * @param slash what the slashes in the names of a tree become, unless renamed; undefined: they are like other characters
 */
export function selectKeys(values: KeyValues, selection: KeySelection, slash?: string): SelectedKeys {
  const { include, exclude = [], rename = {} } = selection;
  const chosen = [...values.keys()]
    .filter((key) => include === undefined || include.some((pattern) => matchesGlob(pattern, key)))
    .filter((key) => !exclude.some((pattern) => matchesGlob(pattern, key)))
    .sort();
  const sources = new Map<string, string[]>();
  const selected = new Map<string, JsonValue>();
  for (const key of chosen) {
    const name = nameOf(key, selection, slash);
    sources.set(name, [...(sources.get(name) ?? []), key]);
    selected.set(name, values.get(key) ?? null);
  }
  const literal = [...(include ?? []), ...exclude].filter((pattern) => !pattern.includes('*'));
  const named = [...literal, ...Object.keys(rename)];
  return {
    values: selected,
    missing: [...new Set(named)].filter((key) => !values.has(key)),
    collisions: [...sources].filter(([, keys]) => keys.length > 1).map(([name, keys]) => ({ name, keys })),
  };
}

function nameOf(key: string, selection: KeySelection, slash: string | undefined): string {
  const { rename = {}, case: letters, prefix = '', sanitize = false } = selection;
  if (Object.hasOwn(rename, key)) return rename[key] ?? key;
  const steps = slash === undefined ? [key] : key.split('/');
  const valid = sanitize ? steps.map((step) => step.replace(/[^A-Za-z0-9_]/gu, '_')) : steps;
  const name = valid.join(slash);
  const cased = letters === 'upper' ? name.toUpperCase() : letters === 'lower' ? name.toLowerCase() : name;
  const whole = `${prefix}${cased}`;
  return sanitize && /^(?:\d|$)/.test(whole) ? `_${whole}` : whole;
}

export interface MergedKeys {
  readonly values: KeyValues;
  /** Keys that more than one secret has. */
  readonly conflicts: readonly { readonly key: string; readonly secrets: readonly string[] }[];
}

/** Merges the keys of several secrets; the first or the last of them has the say. */
export function mergeKeys(
  secrets: readonly { readonly name: string; readonly values: KeyValues }[],
  onConflict: 'error' | 'first' | 'last',
): MergedKeys {
  const owners = new Map<string, string[]>();
  const values = new Map<string, JsonValue>();
  for (const { name, values: own } of secrets) {
    for (const [key, value] of own) {
      const known = owners.get(key);
      owners.set(key, [...(known ?? []), name]);
      if (known === undefined || onConflict === 'last') values.set(key, value);
    }
  }
  const shared = [...owners].filter(([, names]) => names.length > 1);
  return {
    values,
    conflicts: onConflict === 'error' ? shared.map(([key, names]) => ({ key, secrets: names })) : [],
  };
}

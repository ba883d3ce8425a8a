import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import type { ConfigPath } from './interpolate.ts';
import type { Merged } from './merge.ts';
import { pathText } from './path-text.ts';
import type { Source } from './source.ts';

/** One value that overrides the files. */
export interface Override {
  /** For messages: `--set vault.namespace`. */
  readonly flag: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Puts values into a merged config, one after the other.
 * @throws RunError `usage` for keys inside of what has none
 */
export function override(merged: Merged, overrides: readonly Override[], cwd: string): Merged {
  if (overrides.length === 0) return merged;
  const failures: Failure[] = [];
  const origins: { readonly path: readonly string[]; readonly source: Source }[] = [];
  let value: Fields = merged.value;
  for (const one of overrides) {
    try {
      const put = putInto(value, one, 0);
      value = put.fields;
      origins.unshift({ path: one.path.slice(0, put.depth), source: sourceOf(one, cwd) });
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      failures.push(...error.failures);
    }
  }
  throwIfAny(failures);
  const originOf = (path: ConfigPath) => {
    const origin = origins.find((one) => one.path.every((step, index) => step === path[index]));
    return origin === undefined ? merged.originOf(path) : { source: origin.source, path };
  };
  return { value, originOf };
}

function sourceOf({ flag }: Override, directory: string): Source {
  return { kind: 'flags', name: 'flags', directory, value: {}, placeOf: () => flag };
}

/** @returns also how many steps lead to the first thing that is new */
function putInto(
  fields: Fields,
  { flag, path, value }: Override,
  at: number,
): { readonly fields: Fields; readonly depth: number } {
  const step = path[at] ?? '';
  if (at === path.length - 1) return { fields: { ...fields, [step]: value }, depth: path.length };
  const known = (Object.hasOwn(fields, step) ? fields[step] : undefined) ?? undefined;
  const inside = known === undefined ? {} : mapOf(known, path, at);
  if (inside === undefined) {
    const key = pathText(path.slice(0, at + 1));
    throw new RunError('usage', `\`${key}\` is not a map, and has no keys to set`, {
      where: flag,
      hint: Array.isArray(known) ? 'what is in a list can be set in a file only' : 'see CONFIGURATION.md',
    });
  }
  const inner = putInto(inside, { flag, path, value }, at + 1);
  return {
    fields: { ...fields, [step]: inner.fields },
    depth: known === undefined ? at + 1 : inner.depth,
  };
}

/** The short form of a secret is its path. */
function mapOf(value: unknown, path: readonly string[], at: number): Fields | undefined {
  if (typeof value === 'string' && at === 1 && path[0] === 'secrets') return { path: value };
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

import { throwIfAny, type Failure } from '../base/errors.ts';
import { DEPRECATED, type DeprecatedName } from './deprecated-names.ts';
import type { ConfigPath } from './interpolate.ts';
import { isFields } from './merge.ts';
import { lastOf, stepsOf, usedName, type Deprecated } from './old-names.ts';
import type { Source } from './source.ts';

type Keys = readonly DeprecatedName[];

/** A key that has another name now: both paths. */
interface Renamed {
  readonly from: ConfigPath;
  readonly to: ConfigPath;
  readonly name: DeprecatedName;
}

/** A source whose keys all have the names of today, and the old ones that were in it. */
export interface CurrentSource {
  readonly source: Source;
  readonly used: readonly Deprecated[];
}

/** @throws RunError `config` for a map that has a key by both of its names */
export function withCurrentKeys(source: Source, keys: Keys = DEPRECATED.keys): CurrentSource {
  if (keys.length === 0) return { source, used: [] };
  const renamed: Renamed[] = [];
  const failures: Failure[] = [];
  let value: unknown = source.value;
  for (const name of keys) {
    value = rename(value, { steps: stepsOf(name.old), to: lastOf(name.instead) }, [], (from, to, isTwice) => {
      if (isTwice) failures.push(twice(name, source.placeOf(from)));
      else renamed.push({ from, to, name });
    });
  }
  throwIfAny(failures);
  return {
    source: {
      ...source,
      value: value as Source['value'],
      placeOf: (path) => source.placeOf(written(path, renamed)),
    },
    used: renamed.map(({ from, name }) => usedName(name, source.placeOf(from))),
  };
}

interface Step {
  readonly steps: readonly string[];
  /** The new name of the last one. */
  readonly to: string;
}

type Found = (from: ConfigPath, to: ConfigPath, isTwice: boolean) => void;

function rename(value: unknown, { steps, to }: Step, at: ConfigPath, found: Found): unknown {
  const [step = '', ...rest] = steps;
  const below = { steps: rest, to };
  // What may be one or a list of them.
  if (step === '[]') {
    if (!Array.isArray(value)) return rename(value, below, at, found);
    return value.map((item: unknown, index) => rename(item, below, [...at, index], found));
  }
  if (!isFields(value)) return value;
  const entries = Object.entries(value).map(([key, one]): [string, unknown] => {
    if (step !== '*' && step !== key) return [key, one];
    if (rest.length > 0) return [key, rename(one, below, [...at, key], found)];
    found([...at, key], [...at, to], Object.hasOwn(value, to));
    return [to, one];
  });
  return Object.fromEntries(entries);
}

/** The path by the names that are written there. */
function written(path: ConfigPath, renamed: readonly Renamed[]): ConfigPath {
  const one = renamed.find(({ to }) => to.every((step, index) => step === path[index]));
  return one === undefined ? path : [...one.from, ...path.slice(one.to.length)];
}

function twice({ old, instead }: DeprecatedName, where: string): Failure {
  return {
    kind: 'config',
    message: `\`${old}\` is the old name of \`${instead}\`, which is there as well`,
    where,
    hint: `keep \`${instead}\``,
  };
}

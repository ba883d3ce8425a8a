import { RunError, type Failure } from '../base/errors.ts';
import type { ConfigPath } from './interpolate.ts';
import { pathText } from './path-text.ts';
import type { Source } from './source.ts';

type Sources = readonly [...Source[], Source];
export type Fields = Readonly<Record<string, unknown>>;

/** One config made of all sources, which still knows where each part came from. */
export interface Merged {
  readonly value: Fields;
  /** The source that a path came from, and the path within it. */
  originOf(path: ConfigPath): { readonly source: Source; readonly path: ConfigPath };
}

/**
 * Merges maps by key and puts lists of outputs one after the other. What two sources say differently is a
 * contradiction, not an override: which of them would win depends on the order of flags.
 * @throws RunError `config` with all contradictions
 */
export function mergeSources(sources: Sources): Merged {
  const [first, ...others] = sources;
  const failures: Failure[] = [];
  let value: Fields = first.value;
  for (const other of others) {
    value = mergeFields(value, other.value, [], (path) => failures.push(contradiction(path, sources, other)));
  }
  if (failures.length > 0) throw new RunError(failures);
  return { value, originOf: (path) => originOf(sources, path) };
}

function mergeFields(
  left: Fields,
  right: Fields,
  path: ConfigPath,
  contradict: (path: ConfigPath) => void,
): Fields {
  const merged: Record<string, unknown> = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const known = merged[key];
    const here = [...path, key];
    if (known === undefined) merged[key] = value;
    else if (path.length === 0 && key === 'outputs' && Array.isArray(known) && Array.isArray(value)) {
      merged[key] = [...(known as unknown[]), ...(value as unknown[])];
    } else if (isFields(known) && isFields(value) && !isWhole(here)) {
      merged[key] = mergeFields(known, value, here, contradict);
    } else if (!isSame(known, value)) contradict(here);
  }
  return merged;
}

/** A secret is declared in one place: half of it from one file and half from another would be hard to read. */
function isWhole(path: ConfigPath): boolean {
  return path.length === 2 && path[0] === 'secrets';
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSame(left: unknown, right: unknown): boolean {
  return canonical(left) === canonical(right);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isFields(item) ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}

function contradiction(path: ConfigPath, sources: readonly Source[], other: Source): Failure {
  const first = sources.find((source) => source !== other && has(source.value, path)) ?? other;
  const where = other.placeOf(path);
  const name = pathText(path);
  return {
    kind: 'config',
    message: `\`${name}\` conflicts with ${first.placeOf(path)}`,
    where,
    hint:
      other.kind === 'flags'
        ? `give it another name; to override it, use --set ${name}=VALUE`
        : 'keep it in one of them; several configs add to each other, they do not override',
  };
}

function originOf(sources: Sources, path: ConfigPath) {
  if (path[0] === 'outputs' && typeof path[1] === 'number')
    return outputOrigin(sources, path[1], path.slice(2));
  const whole = sources.find((source) => has(source.value, path));
  if (whole !== undefined) return { source: whole, path };
  const depth = (source: Source): number =>
    path.findIndex((_, index) => !has(source.value, path.slice(0, index + 1)));
  const reached = (source: Source): number => (depth(source) === -1 ? path.length : depth(source));
  const source = sources.reduce((best, candidate) => (reached(candidate) > reached(best) ? candidate : best));
  return { source, path };
}

function outputOrigin(sources: Sources, index: number, rest: ConfigPath) {
  let local = index;
  for (const source of sources) {
    const { outputs } = source.value;
    const count = Array.isArray(outputs) ? outputs.length : 0;
    if (local < count) return { source, path: ['outputs', local, ...rest] };
    local -= count;
  }
  return { source: sources[0], path: ['outputs'] };
}

export function has(value: unknown, path: ConfigPath): boolean {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return false;
    current = (current as Record<string | number, unknown>)[step];
  }
  return true;
}

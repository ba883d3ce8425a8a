import { DEEPEST } from './depth.ts';
import type { JsonValue, KeyValues } from './secret-data.ts';

type Branch = Map<string, unknown>;

/**
 * Turns names with slashes into objects: `a/b` becomes `b` inside `a`.
 * @returns `conflict`: a name that would be both an object and a value; `tooDeep`: one of too many parts
 */
export function nested(
  flat: KeyValues,
): { readonly values: KeyValues } | { readonly conflict: string } | { readonly tooDeep: true } {
  const root: Branch = new Map();
  for (const [name, value] of flat) {
    const steps = name.split('/');
    if (steps.length > DEEPEST) return { tooDeep: true };
    const last = steps.pop() ?? '';
    let branch: Branch = root;
    for (const [index, step] of steps.entries()) {
      const next = branch.get(step) ?? new Map<string, unknown>();
      if (!(next instanceof Map)) return { conflict: steps.slice(0, index + 1).join('/') };
      branch.set(step, next);
      branch = next as Branch;
    }
    if (branch.has(last)) return { conflict: name };
    branch.set(last, value);
  }
  return { values: new Map([...root].map(([name, value]) => [name, plain(value)])) };
}

/** Values are never Maps. Object.fromEntries makes `__proto__` a property like any other. */
function plain(value: unknown): JsonValue {
  if (!(value instanceof Map)) return value as JsonValue;
  return Object.fromEntries([...(value as Branch)].map(([name, inner]) => [name, plain(inner)]));
}

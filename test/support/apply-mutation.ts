/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | Fields;
export interface Fields {
  readonly [key: string]: Json;
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isMap(value: Json | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !isList(value);
}

/**
 * RFC 6902, what of it the policies use: `add`.
 * @param operations what an expression was evaluated to
 */
export function patched(object: Fields, operations: Json): Fields {
  return (operations as readonly Fields[]).reduce((before, { op, path, value }) => {
    if (op !== 'add' || typeof path !== 'string' || value === undefined)
      throw new Error('no operation to add');
    const steps = path
      .slice(1)
      .split('/')
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    return added(before, steps, value) as Fields;
  }, object);
}

function added(at: Json | undefined, [step = '', ...further]: readonly string[], value: Json): Json {
  if (isList(at)) {
    const index = step === '-' ? at.length : Number(step);
    return further.length === 0
      ? at.toSpliced(index, 0, value)
      : at.with(index, added(at[index], further, value));
  }
  if (!isMap(at)) throw new Error(`nothing that has a ${step}`);
  return { ...at, [step]: further.length === 0 ? value : added(at[step], further, value) };
}

/** What names an item of a list, as the schemas of Kubernetes have it. */
const KEYS = ['mountPath', 'name'];

/** Server-side apply, what of it the policies use: maps, and lists whose items have a key. */
export function merged(before: Json | undefined, more: Json): Json {
  if (isList(more)) return mergedList(isList(before) ? before : [], more);
  if (!isMap(more)) return more;
  const known = isMap(before) ? before : {};
  const changes = Object.entries(more).map(([key, value]) => [key, merged(known[key], value)] as const);
  return { ...known, ...Object.fromEntries(changes) };
}

function mergedList(before: readonly Json[], more: readonly Json[]): Json {
  const key = KEYS.find((name) => more.every((item) => isMap(item) && item[name] !== undefined)) ?? '';
  const keyOf = (item: Json): Json | undefined => (isMap(item) ? item[key] : undefined);
  const inside = before.map((item) => {
    const change = more.find((other) => keyOf(other) === keyOf(item));
    return change === undefined ? item : merged(item, change);
  });
  return [...inside, ...more.filter((item) => !before.some((other) => keyOf(other) === keyOf(item)))];
}

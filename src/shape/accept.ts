import type { Definition, DefinitionOf, ObjectDefinition } from './definition.ts';

/** The value is not known to be right. */
export const REFUSED = Symbol('refused');

/** The plainest check there is for each kind: what zod lets pass besides, it lets pass when it is asked. */
const BY_KIND: {
  readonly [Kind in Definition['kind']]: (definition: DefinitionOf<Kind>, value: unknown) => unknown;
} = {
  string: (definition, value) => (isRightString(definition, value) ? value : REFUSED),
  number: (_, value) => (Number.isFinite(value) ? value : REFUSED),
  boolean: (_, value) => (typeof value === 'boolean' ? value : REFUSED),
  json: (_, value) => (isJson(value) ? value : REFUSED),
  literal: (definition, value) => (value === definition.value ? value : REFUSED),
  enumeration: ({ values }, value) => (typeof value === 'string' && values.includes(value) ? value : REFUSED),
  list: acceptList,
  map: acceptMap,
  object: acceptObject,
  either({ options: [first, second] }, value) {
    const accepted = accept(first, value);
    return accepted === REFUSED ? accept(second, value) : accepted;
  },
  parsed({ input, parse }, value) {
    const accepted = accept(input, value);
    const result = accepted === REFUSED ? undefined : parse(accepted as never);
    return result !== undefined && 'value' in result ? result.value : REFUSED;
  },
  variants({ by, variants }, value) {
    const name = isMap(value) ? value[by] : undefined;
    const variant = typeof name === 'string' && Object.hasOwn(variants, name) ? variants[name] : undefined;
    return variant === undefined ? REFUSED : acceptObject(variant, value);
  },
  'one-or-more': ({ item }, value) =>
    Array.isArray(value) ? acceptList({ item, isFilled: true }, value) : accept(item, value),
};

/**
 * The value as the program has it, if there is nothing wrong with it; REFUSED, if there may be. It never lets pass what zod
 * does not. Zod would do, but loading it, building the schema and running that for the first time takes 4 ms.
 */
export function accept(definition: Definition, value: unknown): unknown {
  return BY_KIND[definition.kind](definition as never, value);
}

function isRightString({ isFilled, pattern }: DefinitionOf<'string'>, value: unknown): boolean {
  if (typeof value !== 'string' || (isFilled && value === '')) return false;
  return pattern === undefined || pattern.is.test(value);
}

function acceptList({ item, isFilled }: Omit<DefinitionOf<'list'>, 'kind'>, value: unknown): unknown {
  if (!Array.isArray(value) || (isFilled && value.length === 0)) return REFUSED;
  const accepted = value.map((one: unknown) => accept(item, one));
  return accepted.includes(REFUSED) ? REFUSED : accepted;
}

function acceptMap({ key, value: of }: DefinitionOf<'map'>, value: unknown): unknown {
  if (!isMap(value)) return REFUSED;
  const result: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value)) {
    const accepted = accept(of, one);
    if (accepted === REFUSED || accept(key, name) === REFUSED || name === '__proto__') return REFUSED;
    result[name] = accepted;
  }
  return result;
}

function acceptObject({ members, needed, check }: ObjectDefinition, value: unknown): unknown {
  if (!isMap(value)) return REFUSED;
  const result: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value)) {
    const member = Object.hasOwn(members, name) ? members[name] : undefined;
    const accepted = member === undefined ? REFUSED : accept(member.field, one);
    if (accepted === REFUSED) return REFUSED;
    result[name] = accepted;
  }
  for (const name of needed) {
    if (Object.hasOwn(result, name)) continue;
    const fallback = members[name]?.fallback;
    if (fallback === undefined) return REFUSED;
    result[name] = fallback;
  }
  return check(result as never).length === 0 ? result : REFUSED;
}

/** Nothing with a class of its own: zod knows better what to do with that. */
function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  return isMap(value) && !Object.hasOwn(value, '__proto__') && Object.values(value).every(isJson);
}

import type { ConfigPath } from './interpolate.ts';

/** A schema as far as this walk looks into it (`def` of zod 4). */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, Walkable>>;
  readonly innerType?: Walkable;
  readonly in?: Walkable;
  readonly element?: Walkable;
  readonly valueType?: Walkable;
  readonly options?: readonly Walkable[];
  readonly discriminator?: string;
  readonly values?: readonly unknown[];
}

interface Walkable {
  readonly def: unknown;
}

/** The keys that an object at this path of a config can have. */
export function knownKeys(schema: Walkable, path: ConfigPath, value: unknown): string[] {
  const definition = unwrapped(schema, value);
  const [step, ...rest] = path;
  if (step === undefined) return Object.keys(definition.shape ?? {});
  const next = definition.shape?.[step] ?? definition.element ?? definition.valueType;
  return next === undefined ? [] : knownKeys(next, rest, childOf(value, step));
}

/** Looks through optional, defaults and transforms, and into the branch of a union that the value is meant for. */
function unwrapped(schema: Walkable, value: unknown): Definition {
  const definition = schema.def as Definition;
  const inner = definition.innerType ?? definition.in;
  if (inner !== undefined) return unwrapped(inner, value);
  if (definition.options === undefined) return definition;
  const branches = definition.options.map((option) => unwrapped(option, value));
  const { discriminator } = definition;
  const meant =
    discriminator === undefined
      ? branches.find((branch) => branch.shape !== undefined)
      : branches.find((branch) => isNamed(branch, discriminator, childOf(value, discriminator)));
  return meant ?? definition;
}

function isNamed(branch: Definition, discriminator: string, name: unknown): boolean {
  const literal = branch.shape?.[discriminator]?.def as Definition | undefined;
  return literal?.values?.includes(name) ?? false;
}

function childOf(value: unknown, step: string | number): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string | number, unknown>)[step]
    : undefined;
}

import type { ConfigPath } from '../config/interpolate.ts';
import type { Definition, DefinitionOf, ObjectDefinition, VariantsDefinition } from '../shape/definition.ts';
import type { Fields } from './manifest-input.ts';

/** A text of the config. */
export interface ConfigText {
  readonly path: ConfigPath;
  readonly text: string;
  /** `data`: JSON that is sent, or stands in for a secret, and may be one. */
  readonly kind: 'plain' | 'credential' | 'data';
}

/**
 * All texts of a valid config, with what each of them is.
 * @param filled the same config with variables filled in
 */
export function textsOf(definition: ObjectDefinition, written: Fields, filled: Fields): ConfigText[] {
  return textsAt({ written, filled, path: [], kind: 'plain' }, definition);
}

interface Value {
  readonly written: unknown;
  readonly filled: unknown;
  readonly path: ConfigPath;
  readonly kind: ConfigText['kind'];
}

function textsAt(value: Value, definition: Definition): ConfigText[] {
  const { written, path, kind } = value;
  const known = narrowed(definition, value.filled);
  if (known?.isCredential === true) return textsAt({ ...value, kind: 'credential' }, known.definition);
  const { definition: own } = known ?? {};
  if (typeof written === 'string') return [{ path, text: written, kind: kindOf(kind, own) }];
  if (typeof written !== 'object' || written === null) return [];
  return Object.entries(written).flatMap(([key]) => {
    const step = Array.isArray(written) ? Number(key) : key;
    return textsAt(inside(value, step, kindOf(kind, own)), partOf(own, key));
  });
}

function kindOf(kind: ConfigText['kind'], definition: Definition | undefined): ConfigText['kind'] {
  return kind === 'plain' && definition?.kind === 'json' ? 'data' : kind;
}

function inside({ written, filled, path }: Value, step: string | number, kind: ConfigText['kind']): Value {
  const at = (of: unknown): unknown => (of as Readonly<Record<string, unknown>>)[step];
  return { written: at(written), filled: at(filled), path: [...path, step], kind };
}

interface Narrowed {
  readonly definition: Definition;
  readonly isCredential?: true | undefined;
}

type Narrow<Kind extends Definition['kind']> = (
  definition: DefinitionOf<Kind>,
  value: unknown,
) => Narrowed | undefined;

const ifMap = (definition: Definition, value: unknown): Narrowed | undefined =>
  isMap(value) ? { definition } : undefined;
const ifText = (definition: Definition, value: unknown): Narrowed | undefined =>
  typeof value === 'string' ? { definition } : undefined;
const never = (): undefined => undefined;

const NARROW: { readonly [Kind in Definition['kind']]: Narrow<Kind> } = {
  parsed: ({ isCredential, input }, value) => narrowedParsed(isCredential, narrowed(input, value)),
  either: ({ options }, value) => options.map((one) => narrowed(one, value)).find((one) => one !== undefined),
  'one-or-more': ({ item }, value) =>
    Array.isArray(value) ? { definition: { kind: 'list', item, isFilled: false } } : narrowed(item, value),
  variants: variantOf,
  object: ifMap,
  map: ifMap,
  list: (definition, value) => (Array.isArray(value) ? { definition } : undefined),
  json: (definition) => ({ definition }),
  string: ifText,
  literal: ifText,
  enumeration: ifText,
  number: never,
  boolean: never,
};

/** The part of a definition that describes a value of this type. */
function narrowed(definition: Definition, value: unknown): Narrowed | undefined {
  return (NARROW[definition.kind] as Narrow<Definition['kind']>)(definition, value);
}

function narrowedParsed(isCredential: true | undefined, inner: Narrowed | undefined): Narrowed | undefined {
  return inner === undefined || isCredential === undefined ? inner : { ...inner, isCredential };
}

function variantOf({ by, variants }: VariantsDefinition, value: unknown): Narrowed | undefined {
  const name = isMap(value) ? value[by] : undefined;
  const definition = typeof name === 'string' ? variants[name] : undefined;
  return definition && { definition };
}

const ANYTHING: Definition = { kind: 'json' };

function partOf(definition: Definition | undefined, key: string): Definition {
  switch (definition?.kind) {
    case 'object':
      return definition.members[key]?.field ?? ANYTHING;
    case 'map':
      return definition.value;
    case 'list':
      return definition.item;
    default:
      return ANYTHING;
  }
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { combinationSchemas } from './combination-schema.ts';
import type { Definition, DefinitionOf, ObjectDefinition, VariantsDefinition } from './definition.ts';
import { notationSchema, textLike, variableText, type JsonSchema } from './notations.ts';

/** Keeps a schema under a name of the document, and refers to it. */
type Define = (name: string, schema: JsonSchema) => JsonSchema;

type Properties = Readonly<Record<string, JsonSchema>>;

/** Whole numbers beyond lose digits before anybody sees them. */
const LARGEST_EXACT = Number.MAX_SAFE_INTEGER;

const JSON_VALUE: JsonSchema = {
  anyOf: [
    { type: 'string' },
    { type: 'number', minimum: -LARGEST_EXACT, maximum: LARGEST_EXACT },
    { type: 'boolean' },
    { type: 'null' },
    { type: 'array', items: { $ref: '#/$defs/json' } },
    { type: 'object', additionalProperties: { $ref: '#/$defs/json' } },
  ],
};

const BY_KIND: {
  readonly [Kind in Definition['kind']]: (definition: DefinitionOf<Kind>, define: Define) => JsonSchema;
} = {
  string: ({ isFilled, pattern }) =>
    pattern === undefined
      ? { type: 'string', ...(isFilled ? { minLength: 1 } : {}) }
      : textLike(bare(pattern.is), pattern.problem),
  number: () => ({ type: 'number' }),
  boolean: () => ({ type: 'boolean' }),
  json: (_, define) => define('json', JSON_VALUE),
  literal: ({ value }) => ({ const: value }),
  enumeration: ({ values, about }, define) => ({
    anyOf: [{ enum: values, enumDescriptions: about }, define('variable', variableText)],
  }),
  list: ({ item, isFilled }, define) => ({
    type: 'array',
    items: schemaOf(item, define),
    ...(isFilled ? { minItems: 1 } : {}),
  }),
  map({ key, value, narrower }, define) {
    const { named, others } = narrower?.() ?? { named: {}, others: value };
    const properties = Object.entries(named).map(([name, one]) => [name, schemaOf(one, define)]);
    return {
      type: 'object',
      ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) as Properties }),
      ...keysOf(key),
      additionalProperties: schemaOf(others, define),
    };
  },
  object: objectSchema,
  either: ({ options }, define) => ({ anyOf: options.map((option) => schemaOf(option, define)) }),
  parsed: ({ input, notation }, define) =>
    notation === undefined ? schemaOf(input, define) : notationSchema(notation, define),
  variants: variantsSchema,
  'one-or-more': ({ item }, define) => {
    // Variants are large: they are written once.
    const one = item.kind === 'variants' ? define(item.by, schemaOf(item, define)) : schemaOf(item, define);
    return { anyOf: [one, { type: 'array', items: one, minItems: 1 }] };
  },
};

/** The JSON Schema (draft 2020-12) of what a definition lets pass, as it is written. */
export function jsonSchemaOf(definition: Definition): JsonSchema {
  const $defs: Record<string, JsonSchema> = {};
  const schema = schemaOf(definition, (name, one) => {
    const isOther = Object.hasOwn($defs, name) && JSON.stringify($defs[name]) !== JSON.stringify(one);
    const free = isOther ? `${name}${String(Object.keys($defs).length)}` : name;
    $defs[free] = one;
    return { $ref: `#/$defs/${free}` };
  });
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema, $defs };
}

function schemaOf(definition: Definition, define: Define): JsonSchema {
  return BY_KIND[definition.kind](definition as never, define);
}

/** Each variant is a condition, not one of several: what is wrong is then found in the one that is named, and in no other. */
function variantsSchema({ by, variants }: VariantsDefinition, define: Define): JsonSchema {
  const all = Object.entries(variants).map(([title, { members, needed, ...variant }]) => {
    const { [by]: name, ...others } = members;
    const needsElse = needed.filter((member) => member !== by);
    const schema = objectSchema({ ...variant, members: others, needed: needsElse }, define);
    return { title, description: name?.description ?? '', schema };
  });
  const names = {
    enum: all.map(({ title }) => title),
    enumDescriptions: all.map(({ description }) => description),
  };
  return {
    type: 'object',
    properties: { [by]: { anyOf: [names, define('variable', variableText)] } },
    if: { required: [by] },
    then: {
      allOf: all.map(({ title, description, schema }) => ({
        if: { properties: { [by]: { const: title } } },
        then: { title, description, ...schema, properties: { [by]: {}, ...schema.properties } },
      })),
    },
    else: {
      required: [by],
      defaultSnippets: all.map(({ title: label, description, schema }) => {
        const blanks = (schema.required ?? []).map((member, index) => [member, `$${String(index + 1)}`]);
        const body = { [by]: label, ...(Object.fromEntries(blanks) as Record<string, string>) };
        return { label, description, body };
      }),
    },
  };
}

function objectSchema({ members, needed, combinations }: ObjectDefinition, define: Define): JsonSchema {
  const properties = Object.entries(members).map(([name, { field, description, fallback, deprecated }]) => [
    name,
    {
      ...(description === undefined ? {} : { description }),
      ...schemaOf(field, define),
      ...(fallback === undefined ? {} : { default: fallback }),
      ...(deprecated === undefined ? {} : { deprecated: true, deprecationMessage: deprecated }),
    },
  ]);
  const required = needed.filter((name) => members[name]?.fallback === undefined);
  const rules = combinationSchemas(combinations, {
    members,
    variable: () => define('variable', variableText),
  });
  return {
    type: 'object',
    properties: Object.fromEntries(properties) as Properties,
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    ...(rules.length === 0 ? {} : { allOf: rules }),
  };
}

/** Variables in keys are not replaced. */
function keysOf(key: Definition): JsonSchema {
  if (key.kind !== 'string') return {};
  const { isFilled, pattern } = key;
  if (pattern !== undefined)
    return { propertyNames: { pattern: `^(?:${bare(pattern.is)})$`, errorMessage: pattern.problem } };
  return isFilled ? { propertyNames: { minLength: 1 } } : {};
}

/** All patterns of definitions are about the whole text. */
function bare({ source }: RegExp): string {
  return source.replace(/^\^/, '').replace(/\$$/, '');
}

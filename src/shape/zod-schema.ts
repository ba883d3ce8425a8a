import * as z from 'zod/mini';
import type {
  Definition,
  DefinitionOf,
  Member,
  ObjectDefinition,
  Parsed,
  VariantsDefinition,
} from './definition.ts';

// A schema is used once: compiling a parser for it costs more than it saves.
z.config({ jitless: true });

type Schema = z.ZodMiniType;

const BY_KIND: {
  readonly [Kind in Definition['kind']]: (definition: DefinitionOf<Kind>, value: unknown) => Schema;
} = {
  string: stringSchema,
  number: () => z.number(),
  boolean: () => z.boolean(),
  json: () => z.json(),
  literal: ({ value }) => z.literal(value),
  enumeration: ({ values }) => z.enum(values),
  list: listSchema,
  map: ({ key, value }) => z.record(zodSchemaOf(key) as z.ZodMiniType<string>, zodSchemaOf(value)),
  object: objectSchema,
  either: ({ options }) => z.union(options.map((option) => zodSchemaOf(option))),
  parsed: parsedSchema,
  variants: variantsSchema,
  'one-or-more': oneOrMoreSchema,
};

/**
 * The zod schema of a definition.
 * @param value the value to explain; without it the schema is for any value
 */
export function zodSchemaOf(definition: Definition, value?: unknown): Schema {
  return BY_KIND[definition.kind](definition as never, value);
}

function stringSchema({ isFilled, pattern }: DefinitionOf<'string'>): Schema {
  const checks = [
    ...(isFilled ? [z.minLength(1)] : []),
    ...(pattern === undefined ? [] : [z.regex(pattern.is, pattern.problem)]),
  ];
  return z.string().check(...checks);
}

function listSchema({ item, isFilled }: Omit<DefinitionOf<'list'>, 'kind'>): Schema {
  const list = z.array(zodSchemaOf(item));
  return isFilled ? list.check(z.minLength(1)) : list;
}

function objectSchema({ members, check }: ObjectDefinition, value: unknown): Schema {
  const shape = Object.entries(members).map(([name, member]) => [
    name,
    memberSchema(member, under(name, value)),
  ]);
  const object = z.strictObject(Object.fromEntries(shape) as Record<string, Schema>);
  return object.check((context) => {
    for (const message of check(context.value as never))
      context.issues.push({ code: 'custom', message, input: undefined });
  });
}

function memberSchema({ isOptional, fallback, field }: Member, value: unknown): Schema {
  const inner = zodSchemaOf(field, value);
  if (isOptional) return z.optional(inner);
  return fallback === undefined ? inner : z._default(inner, fallback);
}

function under(name: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function parsedSchema({ input, parse }: DefinitionOf<'parsed'>): Schema {
  return z.pipe(
    zodSchemaOf(input),
    z.transform((value, context) => {
      const result: Parsed<unknown> = parse(value as never);
      if ('value' in result) return result.value;
      const { problem, hint } = result;
      context.issues.push({ code: 'custom', message: problem, params: { hint }, input: undefined });
      return z.NEVER;
    }),
  );
}

function variantsSchema({ by, variants }: VariantsDefinition): Schema {
  const schemas = Object.values(variants).map((variant) => zodSchemaOf(variant));
  return z.discriminatedUnion(by, schemas as unknown as [z.core.$ZodTypeDiscriminable]);
}

function oneOrMoreSchema({ item }: DefinitionOf<'one-or-more'>, value: unknown): Schema {
  const list = listSchema({ item, isFilled: true });
  if (value === undefined) return z.union([zodSchemaOf(item), list]);
  // A union of both would blur what is wrong inside of either.
  return Array.isArray(value) ? list : zodSchemaOf(item);
}

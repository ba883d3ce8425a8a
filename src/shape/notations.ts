import { KEY_STEP } from '../base/key-path.ts';
import type { Notation } from './definition.ts';

/** What JSON Schema (draft 2020-12) says of a value: the keywords that are used here. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly title?: string;
  readonly description?: string;
  readonly type?: 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'array' | 'object';
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly default?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema | false;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** `${VAR}` or `${VAR:-default}`, and no literal `$${`: what stands in its place is known only in a run. */
const VARIABLE = String.raw`(?:^|[^$])\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}`;
const SEGMENT = String.raw`(?!\.{1,2}(?:/|$|#))[^/?#\u0000-\u001f\u007f-\u009f]+`;
const KEY = `(?=[\\s\\S])(?:/[\\s\\S]*|(?:${KEY_STEP})(?:\\.(?:${KEY_STEP}))*)`;
const PATH = `(?:/v1/|/)?${SEGMENT}(?:/${SEGMENT})*`;
const REFERENCE = String.raw`(?=[^#]*/)${PATH}#${KEY}(?:@[1-9]\d*)?|[^#/]+#(?![\s\S]+@[1-9]\d*$)${KEY}`;
/** Smaller numbers, and larger ones, are written with an exponent. */
const SMALLEST_PLAIN = 1e-6;
const LARGEST_PLAIN = 999_999_999_999_999_900_000;
/** setTimeout's limit, in seconds. */
const LONGEST_S = 2_147_483.647;

/** A text whose value only the environment decides. */
export const variableText: JsonSchema = { type: 'string', pattern: VARIABLE };

/** A text that matches, or has a variable. */
export function textLike(pattern: string): JsonSchema {
  return { type: 'string', pattern: `^(?:${pattern})$|${VARIABLE}` };
}

/** The schema and the name in the reference of each notation that has a definition of its own. */
const NOTATIONS: Readonly<
  Record<Extract<Notation, string>, { readonly name: string; readonly schema: JsonSchema }>
> = {
  boolean: {
    name: 'boolean',
    schema: { anyOf: [{ type: 'boolean' }, textLike('true|false')] },
  },
  duration: {
    name: 'duration',
    schema: {
      anyOf: [
        textLike(String.raw`\s*(?=[^1-9]*[1-9])(?:\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)\s*`),
        { type: 'number', minimum: SMALLEST_PLAIN, maximum: LONGEST_S },
      ],
    },
  },
  wait: {
    name: 'duration',
    schema: {
      anyOf: [
        textLike(String.raw`\s*(?:\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)\s*`),
        { type: 'number', minimum: 0, maximum: LONGEST_S },
      ],
    },
  },
  mode: { name: 'mode (quoted octal)', schema: textLike('0?[0-7]{3}') },
  rateLimit: {
    name: 'rate limit',
    schema: {
      anyOf: [
        textLike(String.raw`\s*(?=[0.]*[1-9])\d+(?:\.\d+)?(?::0*[1-9]\d*)?\s*`),
        { type: 'number', minimum: SMALLEST_PLAIN, maximum: LARGEST_PLAIN },
      ],
    },
  },
  path: { name: 'path', schema: textLike(PATH) },
  mount: { name: 'path', schema: textLike(`/?${SEGMENT}(?:/${SEGMENT})*/?`) },
  reference: { name: 'reference', schema: textLike(REFERENCE) },
  source: {
    name: 'reference or secret',
    schema: textLike(String.raw`${REFERENCE}|(?=[^#]*/)${PATH}|(?!.*@[1-9]\d*$)[^#/]+`),
  },
};

export function notationName(notation: Notation): string {
  return typeof notation === 'string' ? NOTATIONS[notation].name : notation.name;
}

/** @param define names a schema that is used more than once, and says how to refer to it */
export function notationSchema(
  notation: Notation,
  define: (name: string, schema: JsonSchema) => JsonSchema,
): JsonSchema {
  if (typeof notation === 'string') return define(notation, NOTATIONS[notation].schema);
  const { minimum, maximum } = notation;
  const text = textLike(`0*(?:${rangePattern(String(minimum), String(maximum)).join('|')})`);
  return { anyOf: [{ type: 'integer', minimum, maximum }, text] };
}

/** Alternatives that match the whole numbers from one to another, without leading zeros. */
function rangePattern(from: string, to: string): string[] {
  if (from.length < to.length) {
    const nines = '9'.repeat(from.length);
    return [...rangePattern(from, nines), ...rangePattern(`1${'0'.repeat(from.length)}`, to)];
  }
  const [low = '', high = ''] = [from[0], to[0]];
  if (from === to) return [from];
  if (from.length === 1) return [`[${low}-${high}]`];
  if (low === high) return rangePattern(from.slice(1), to.slice(1)).map((rest) => `${low}${rest}`);
  const digits = from.length - 1;
  const isLowest = /^.0*$/.test(from);
  const isHighest = /^.9*$/.test(to);
  const first = Number(low) + (isLowest ? 0 : 1);
  const last = Number(high) - (isHighest ? 0 : 1);
  return [
    ...(isLowest ? [] : rangePattern(from, `${low}${'9'.repeat(digits)}`)),
    ...(first > last ? [] : [`[${String(first)}-${String(last)}]${String.raw`\d`.repeat(digits)}`]),
    ...(isHighest ? [] : rangePattern(`${high}${'0'.repeat(digits)}`, to)),
  ];
}

import { LONGEST_MS, LONGEST_TIMER_MS } from '../base/duration.ts';
import { KEY_STEP } from '../base/key-path.ts';
import type { Notation } from './definition.ts';
import { REF_HINT, SECRET_HINT } from './ref.ts';

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
  readonly enum?: readonly (string | boolean)[];
  /** What each value of `enum` means: editors know it. */
  readonly enumDescriptions?: readonly string[];
  /** What is said of a value that is not valid: editors know it. */
  readonly errorMessage?: string;
  /** The same, of a text that does not match `pattern`. */
  readonly patternErrorMessage?: string;
  /** What editors offer in place of a value. */
  readonly defaultSnippets?: readonly DefaultSnippet[];
  readonly default?: string;
  readonly deprecated?: true;
  /** The same in words: editors know it. */
  readonly deprecationMessage?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly properties?: Readonly<Record<string, JsonSchema | false>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema | false;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
  readonly else?: JsonSchema;
  readonly not?: JsonSchema;
}

interface DefaultSnippet {
  readonly label: string;
  readonly description: string;
  readonly body: Readonly<Record<string, string>>;
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
const LONGEST_S = LONGEST_MS / 1000;
const LONGEST_TIMER_S = LONGEST_TIMER_MS / 1000;

/** A text whose value only the environment decides. */
export const variableText: JsonSchema = { type: 'string', pattern: VARIABLE };

/** A text that matches, or has a variable. */
export function textLike(pattern: string, errorMessage: string): JsonSchema {
  return { type: 'string', pattern: `^(?:${pattern})$|${VARIABLE}`, errorMessage };
}

/** The same, of what may also be a map: of that, the message would say nothing. */
function onlyTextLike(pattern: string, patternErrorMessage: string): JsonSchema {
  return { type: 'string', pattern: `^(?:${pattern})$|${VARIABLE}`, patternErrorMessage };
}

const DURATION = 'write it as `90s`, `1h30m`, `500ms`, or as a number of seconds';

function positiveDuration(maximum: number): JsonSchema {
  return {
    anyOf: [
      textLike(
        String.raw`\s*(?=[^1-9]*[1-9])(?:\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)\s*`,
        `${DURATION} above 0`,
      ),
      { type: 'number', minimum: SMALLEST_PLAIN, maximum },
    ],
  };
}

/** The schema and the name in the reference of each notation that has a definition of its own. */
const NOTATIONS: Readonly<
  Record<Extract<Notation, string>, { readonly name: string; readonly schema: JsonSchema }>
> = {
  boolean: {
    name: 'boolean',
    schema: { anyOf: [{ type: 'boolean' }, textLike('true|false', 'must be true or false')] },
  },
  duration: { name: 'duration', schema: positiveDuration(LONGEST_S) },
  timeLimit: { name: 'duration', schema: positiveDuration(LONGEST_TIMER_S) },
  wait: {
    name: 'duration',
    schema: {
      anyOf: [
        textLike(String.raw`\s*(?:\d+(?:\.\d+)?|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)\s*`, DURATION),
        { type: 'number', minimum: 0, maximum: LONGEST_S },
      ],
    },
  },
  percentage: {
    name: 'percentage',
    schema: textLike(
      String.raw`(?=[0.]*[1-9])\d{1,2}(?:\.\d+)?%`,
      'write a percentage above 0 and below 100, as `80%`',
    ),
  },
  mode: {
    name: 'mode (quoted octal)',
    schema: textLike('0?[0-7]{3}', 'write the mode as quoted text of three octal digits: "0440"'),
  },
  rateLimit: {
    name: 'rate limit',
    schema: {
      anyOf: [
        textLike(
          String.raw`\s*(?=[0.]*[1-9])\d+(?:\.\d+)?(?::0*[1-9]\d*)?\s*`,
          'write requests per second as `RATE` or `RATE:BURST`, such as `50:100`',
        ),
        { type: 'number', minimum: SMALLEST_PLAIN, maximum: LARGEST_PLAIN },
      ],
    },
  },
  path: { name: 'path', schema: onlyTextLike(PATH, 'is not a path, such as `secret/app/db`') },
  mount: { name: 'path', schema: onlyTextLike(`/?${SEGMENT}(?:/${SEGMENT})*/?`, 'is not a path') },
  reference: { name: 'reference', schema: onlyTextLike(REFERENCE, REF_HINT) },
  source: {
    name: 'reference or secret',
    schema: onlyTextLike(
      String.raw`${REFERENCE}|(?=[^#]*/)${PATH}|(?!.*@[1-9]\d*$)[^#/]+`,
      `${SECRET_HINT}; or one value of it, as \`path#key\``,
    ),
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
  const { name, minimum, maximum } = notation;
  const text = textLike(
    `0*(?:${rangePattern(String(minimum), String(maximum)).join('|')})`,
    `must be a whole number from ${String(minimum)} to ${String(maximum)}`,
  );
  // The text goes first: some editors insert a value of the first type, and 0 is root.
  return define(name, { anyOf: [text, { type: 'integer', minimum, maximum }] });
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

import * as z from 'zod/mini';
import { Secret } from '../secret-string.ts';
import type { JsonValue } from '../secrets.ts';
import type { RateLimit } from './config.ts';
import { parseDuration } from './duration.ts';
import { checkMountPath, checkSecretPath } from './paths.ts';
import { parseRateLimit } from './rate-limit.ts';

/**
 * The building blocks of the schema. Numbers and booleans may also be written as text, because `${VAR}` gives text.
 * No message ever quotes the value: it may be a secret in the wrong place.
 */

type Parsed<T> = { readonly value: T } | { readonly problem: string; readonly hint?: string };

/** A field that is parsed by a function of its own. */
function parsed<Schema extends z.ZodMiniType, T>(
  schema: Schema,
  parse: (value: z.output<Schema>) => Parsed<T>,
) {
  return z.pipe(
    schema,
    z.transform((value, context): T => {
      const result = parse(value);
      if ('value' in result) return result.value;
      const { problem, hint } = result;
      context.issues.push({ code: 'custom', message: problem, params: { hint }, input: undefined });
      return z.NEVER;
    }),
  );
}

/** A schema of its own, with what the reference says of it. */
export function described<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  // `z.describe` would copy the schema first; there are too many fields for that.
  z.globalRegistry.add(schema, { description });
  return schema;
}

/** A field that has to be there. */
export function required<Schema extends z.ZodMiniType>(schema: Schema, description: string): Schema {
  // A copy, because the same schema stands for many fields.
  return described(schema.clone(), description);
}

export function optional<Schema extends z.ZodMiniType>(schema: Schema, description: string) {
  return described(z.optional(schema), description);
}

export function withDefault(schema: z.ZodMiniType<string>, value: string, description: string) {
  return described(z._default(schema, value), description);
}

export const text = z.string().check(z.minLength(1));

/** Plain text in the config; a Secret from here on. */
export const secretText = z.pipe(
  z.string().check(z.minLength(1)),
  z.transform((value) => new Secret(value)),
);

export const boolean = z.pipe(
  z.union([z.boolean(), z.enum(['true', 'false'])]),
  z.transform((value) => value === true || value === 'true'),
);

export function integer(minimum: number, maximum: number, hint?: string) {
  return parsed(z.union([z.number(), z.string()]), (value): Parsed<number> => {
    const number = typeof value === 'number' ? value : /^\d+$/.test(value) ? Number(value) : NaN;
    if (Number.isInteger(number) && number >= minimum && number <= maximum) return { value: number };
    const problem = `has to be a whole number from ${String(minimum)} to ${String(maximum)}`;
    return hint === undefined ? { problem } : { problem, hint };
  });
}

/** The highest id; the one above means "no change" to chown(2). */
const HIGHEST_ID = 2 ** 32 - 2;

/** A numeric user or group id. */
export const numericId = integer(
  0,
  HIGHEST_ID,
  'names are not looked up, because the image that writes and the one that reads may number them differently',
);

/** Milliseconds from a duration as Vault writes it. */
export const duration = parsed(z.union([z.string(), z.number()]), (value): Parsed<number> => {
  const milliseconds = parseDuration(String(value));
  if (milliseconds !== undefined) return { value: milliseconds };
  return {
    problem: 'is not a duration',
    hint: 'write it as `90s`, `1h30m`, `500ms`, or as a number of seconds above 0',
  };
});

/** Permission bits from quoted octal. */
export const mode = parsed(z.union([z.string(), z.number()]), (value): Parsed<number> => {
  // YAML 1.1 reads 0440 as octal, YAML 1.2 as decimal, JSON not at all: only text means the same to all of them.
  if (typeof value === 'number')
    return { problem: 'has to be quoted', hint: 'write the mode as text: "0440"' };
  if (/^0?[0-7]{3}$/.test(value)) return { value: Number.parseInt(value, 8) };
  return {
    problem: 'is not a file mode',
    hint: 'write three octal digits, such as "0440"; only permission bits can be set',
  };
});

/** A path of a secret, without slashes around it. */
export const secretPath = parsed(z.string(), checkSecretPath);

/** A mount without slashes around it. */
export const mountPath = parsed(z.string(), checkMountPath);

/** A namespace without slashes around it. */
export const namespace = parsed(z.string(), checkMountPath);

/** Requests per second, as VAULT_RATE_LIMIT: `RATE` or `RATE:BURST`. */
export const rateLimit = z.lazy(() =>
  parsed(z.union([z.string(), z.number()]), (value): Parsed<RateLimit> => {
    const limit = parseRateLimit(String(value));
    if (limit !== undefined) return { value: limit };
    return {
      problem: 'is not a rate limit',
      hint: 'write requests per second as `RATE` or `RATE:BURST`, such as `50:100`',
    };
  }),
);

/** JSON data by key, whose numbers are kept exactly or refused; a Secret from here on. */
export const secretData = z.lazy(() =>
  parsed(
    z.record(z.string(), z.json() as z.ZodMiniType<JsonValue>),
    (value): Parsed<Secret<Readonly<Record<string, JsonValue>>>> => {
      if (!holdsUnsafeNumber(value)) return { value: new Secret(value) };
      return { problem: 'has a number whose digits cannot be kept', hint: 'quote it' };
    },
  ),
);

function holdsUnsafeNumber(value: JsonValue): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  return (
    typeof value === 'object' && value !== null && Object.values(value as object).some(holdsUnsafeNumber)
  );
}

import { parseDuration, parseTimeLimit, parseWait } from '../base/duration.ts';
import type { JsonValue } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import {
  either,
  enumeration,
  json,
  list,
  map,
  number,
  parsed,
  string,
  trueOrFalse,
  type Field,
  type Parsed,
} from './definition.ts';
import { parseRateLimit, type RateLimit } from './rate-limit.ts';
import { checkRef, checkSource, REF_HINT, type Checked, type Ref, type Source } from './ref.ts';
import { checkLoginMount, checkMountPath, checkNamespace, checkSecretPath } from './vault-paths.ts';

/**
 * The building blocks of a config. Numbers and booleans may also be written as text, because `${VAR}` gives text.
 * No message ever quotes the value: it may be a secret in the wrong place.
 */

export const text = string({ isFilled: true });

export const texts = list(text);

/** Plain text in the config; a Secret from here on. It is no credential by itself. */
export const hiddenText = parsed(text, (value): Parsed<Secret> => ({ value: new Secret(value) }));

/** The same of a credential. */
export const secretText = credential(hiddenText);

function credential<T>(field: Field<T>): Field<T> {
  return field.kind === 'parsed' ? { ...field, isCredential: true } : field;
}

export const boolean = parsed(
  either(trueOrFalse, enumeration({ true: 'Yes.', false: 'No.' })),
  (value): Parsed<boolean> => ({ value: value === true || value === 'true' }),
  'boolean',
);

export function integer(
  minimum: number,
  maximum: number,
  { name = 'number', hint }: { readonly name?: 'number' | 'uid' | 'gid'; readonly hint?: string } = {},
): Field<number> {
  const parse = (value: number | string): Parsed<number> => {
    const result = typeof value === 'number' ? value : /^\d+$/.test(value) ? Number(value) : NaN;
    if (Number.isInteger(result) && result >= minimum && result <= maximum) return { value: result };
    const problem = `must be a whole number from ${String(minimum)} to ${String(maximum)}`;
    return hint === undefined ? { problem } : { problem, hint };
  };
  return parsed(either(number, string()), parse, { name, minimum, maximum });
}

/** The highest id; the one above means "no change" to chown(2). */
const HIGHEST_ID = 2 ** 32 - 2;

const ID_HINT =
  'names are not looked up, because the image that writes and the one that reads may number them differently';

export const uid = integer(0, HIGHEST_ID, { name: 'uid', hint: ID_HINT });

export const gid = integer(0, HIGHEST_ID, { name: 'gid', hint: ID_HINT });

const textOrNumber = either(string(), number);

function toDuration(value: string | number): Parsed<number> {
  const milliseconds = parseDuration(String(value));
  if (milliseconds !== undefined) return { value: milliseconds };
  return {
    problem: 'is not a duration',
    hint: 'write it as `90s`, `1h30m`, `500ms`, or as a number of seconds above 0',
  };
}

/** Milliseconds from a duration as Vault writes it. */
export const duration = parsed(textOrNumber, toDuration, 'duration');

/** The same, of what a timer waits for. */
export const timeLimit = parsed(
  textOrNumber,
  (value): Parsed<number> => {
    const whole = toDuration(value);
    if ('problem' in whole || parseTimeLimit(String(value)) !== undefined) return whole;
    return { problem: 'is too long', hint: 'write 24d20h at most' };
  },
  'timeLimit',
);

/** The same as `duration`, or 0 for none. */
export const wait = parsed(
  textOrNumber,
  (value): Parsed<number> => {
    const milliseconds = parseWait(String(value));
    if (milliseconds !== undefined) return { value: milliseconds };
    return { problem: 'is not a duration', hint: 'write it as `90s`, `500ms`, or as a number of seconds' };
  },
  'wait',
);

/** A part of something, between 0 and 1, from a percentage. */
export const percentage = parsed(
  textOrNumber,
  (value): Parsed<number> => {
    const [, digits] = /^(\d{1,2}(?:\.\d+)?)%$/.exec(String(value)) ?? [];
    const part = Number(digits) / 100;
    if (part > 0) return { value: part };
    return { problem: 'is not a percentage', hint: 'write one above 0 and below 100, as `80%`' };
  },
  'percentage',
);

/** Permission bits from quoted octal. */
export const mode = parsed(
  textOrNumber,
  (value): Parsed<number> => {
    // YAML 1.1 reads 0440 as octal, YAML 1.2 as decimal, JSON not at all: only text means the same to all of them.
    if (typeof value === 'number')
      return { problem: 'must be quoted', hint: 'write the mode as text: "0440"' };
    if (/^0?[0-7]{3}$/.test(value)) return { value: Number.parseInt(value, 8) };
    return {
      problem: 'is not a file mode',
      hint: 'write three octal digits, such as "0440"; only permission bits can be set',
    };
  },
  'mode',
);

/** A path of a secret, without slashes around it. */
export const secretPath = parsed(string(), checkSecretPath, 'path');

/** A mount without slashes around it. */
export const mountPath = parsed(string(), checkMountPath, 'mount');

/** The mount of a login method, without `auth/` and slashes around it. */
export const loginMount = parsed(string(), checkLoginMount, 'mount');

/** A namespace without slashes around it. */
export const namespace = parsed(string(), checkNamespace, 'mount');

/** Requests per second, as VAULT_RATE_LIMIT: `RATE` or `RATE:BURST`. */
export const rateLimit = parsed(
  textOrNumber,
  (value): Parsed<RateLimit> => {
    const limit = parseRateLimit(String(value));
    if (limit !== undefined) return { value: limit };
    return {
      problem: 'is not a rate limit',
      hint: 'write requests per second as `RATE` or `RATE:BURST`, such as `50:100`',
    };
  },
  'rateLimit',
);

/** A single value: `path#key`, `name#key`. */
export const reference = parsed(string(), referenceBy<Ref>(checkRef), 'reference');

/** A secret as a whole, or a single value of it. */
export const source = parsed(string(), referenceBy<Source>(checkSource), 'source');

function referenceBy<T>(check: (text: string) => Checked<T>): (text: string) => Parsed<T> {
  return (text) => {
    const checked = check(text);
    if ('value' in checked) return checked;
    return { problem: `is not a reference: ${checked.problem}`, hint: checked.hint ?? REF_HINT };
  };
}

export const LOST_DIGITS = { problem: 'has a number whose digits cannot be kept', hint: 'quote it' } as const;

/** JSON data by key, whose numbers are kept exactly or refused; a Secret from here on. */
export const secretData = parsed(
  map(string(), json),
  (value): Parsed<Secret<Readonly<Record<string, JsonValue>>>> => {
    return holdsLostDigits(value) ? LOST_DIGITS : { value: new Secret(value) };
  },
);

/** The same of what logs in. */
export const credentialData = credential(secretData);

/**
 * Whether a whole number may be another than the one that was written.
 * @param known what has been looked at: aliases of YAML repeat it
 */
export function holdsLostDigits(value: JsonValue, known = new Set<unknown>()): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null || known.has(value)) return false;
  known.add(value);
  return Object.values(value as object).some((inner: JsonValue) => holdsLostDigits(inner, known));
}

import { isRawJsonNumber, type JsonValue } from '../../base/secret-data.ts';
import { combine, quotedString, type Encoded } from './encoded.ts';

/** TOML 1.0 promises 64-bit signed integers, and no more. */
const LEAST_INTEGER = -(2n ** 63n);
const GREATEST_INTEGER = 2n ** 63n - 1n;

/** A basic string on one line: its escapes are those of JSON, without `\/`. */
export const tomlString = quotedString;

/** Bare where it can be. */
export function tomlKey(key: string): Encoded {
  return /^[A-Za-z0-9_-]+$/.test(key) ? { text: key } : tomlString(key);
}

/** A value on one line: lists are arrays, objects are inline tables. */
export function tomlValue(value: JsonValue): Encoded {
  if (typeof value === 'string') return tomlString(value);
  if (typeof value === 'boolean') return { text: String(value) };
  if (value === null) return { problem: 'TOML has no null' };
  if (typeof value === 'number' || isRawJsonNumber(value)) return tomlNumber(JSON.stringify(value));
  if (Array.isArray(value)) {
    return combine((value as readonly JsonValue[]).map(tomlValue), (items) => `[${items.join(', ')}]`);
  }
  const entries = Object.entries(value).map(([key, item]) => tomlEntry(key, item));
  return combine(entries, (texts) => (texts.length === 0 ? '{}' : `{ ${texts.join(', ')} }`));
}

/** `key = value`, at the top or in an inline table. */
export function tomlEntry(key: string, value: JsonValue): Encoded {
  return combine([tomlKey(key), tomlValue(value)], (texts) => texts.join(' = '));
}

/** JSON's numbers are TOML's, as far as they reach: without a point or an exponent an integer, else a double. */
function tomlNumber(json: string): Encoded {
  if (/[.eE]/.test(json)) {
    return Number.isFinite(Number(json))
      ? { text: json }
      : { problem: 'a number is beyond the 64-bit floats that TOML has' };
  }
  // So many digits are too many without counting; BigInt would take its time.
  const fits = json.length <= 20 && BigInt(json) >= LEAST_INTEGER && BigInt(json) <= GREATEST_INTEGER;
  return fits ? { text: json } : { problem: 'a number is beyond the 64-bit integers that TOML has' };
}

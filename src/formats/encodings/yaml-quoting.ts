import { isRawJsonNumber, type JsonValue } from '../../base/secret-data.ts';
import { combine, quotedString, type Encoded } from './encoded.ts';

/** YAML 1.2.2 §7.4.2 and YAML 1.1 §9.1.2: what a reader has to look ahead for the colon. */
const LONGEST_KEY = 1024;

/** A double-quoted scalar, which YAML 1.1 and 1.2 read alike: `no`, `1e3` and `0o7` stay texts. */
export const yamlString = quotedString;

/** A mapping's key on one line. */
export function yamlKey(key: string): Encoded {
  const quoted = yamlString(key);
  return 'text' in quoted && quoted.text.length > LONGEST_KEY
    ? { problem: `a name is longer than the ${String(LONGEST_KEY)} characters that a YAML key can have` }
    : quoted;
}

/** A value on one line: lists and objects are flow collections. */
export function yamlValue(value: JsonValue): Encoded {
  if (typeof value === 'string') return yamlString(value);
  if (value === null || typeof value === 'boolean') return { text: String(value) };
  if (typeof value === 'number' || isRawJsonNumber(value)) return { text: yamlNumber(JSON.stringify(value)) };
  if (Array.isArray(value)) {
    return combine((value as readonly JsonValue[]).map(yamlValue), (items) => `[${items.join(', ')}]`);
  }
  const entries = Object.entries(value).map(([key, item]) => yamlEntry(key, item));
  return combine(entries, (texts) => `{${texts.join(', ')}}`);
}

/** `"key": value`, in a flow or a block mapping. */
export function yamlEntry(key: string, value: JsonValue): Encoded {
  return combine([yamlKey(key), yamlValue(value)], (texts) => texts.join(': '));
}

/**
 * JSON's numbers are YAML's, but for the exponent: to YAML 1.1 (its `float` type) `1e3` and `1.5e3` are texts, because a
 * float needs a point and its exponent a sign. Both take `1.0e+3`, the same number with the same digits.
 */
function yamlNumber(json: string): string {
  const [mantissa = '', exponent] = json.toLowerCase().split('e');
  if (exponent === undefined) return mantissa;
  const signed = /^[+-]/.test(exponent) ? exponent : `+${exponent}`;
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}e${signed}`;
}

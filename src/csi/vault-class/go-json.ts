import { isRawJsonNumber, type JsonValue } from '../../base/secret-data.ts';

/** Go's encoder escapes what HTML and JavaScript read in a special way. https://pkg.go.dev/encoding/json#Marshal */
const ESCAPED = /[<>&\u2028\u2029]/g;

export function goString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A value as Go writes it: keys in the order of their bytes, numbers with their digits. */
export function goJson(value: JsonValue): string {
  if (typeof value === 'string') return goString(value);
  if (value === null || typeof value !== 'object') return String(value);
  if (isRawJsonNumber(value)) return value.rawJSON;
  if (isList(value)) return `[${value.map(goJson).join(',')}]`;
  return goObject(Object.entries(value).map(([key, item]) => [key, goJson(item)]));
}

/** @param entries keys, and values as JSON */
export function goObject(entries: readonly (readonly [key: string, json: string])[]): string {
  const sorted = entries
    .map(([key, json]) => ({ bytes: Buffer.from(key), text: `${goString(key)}:${json}` }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return `{${sorted.map(({ text }) => text).join(',')}}`;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

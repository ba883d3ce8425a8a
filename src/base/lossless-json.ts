import { nestsTooDeep } from './depth.ts';
import { readFrom, type JsonValue, type KeyValues } from './secret-data.ts';

/**
 * Finds a number that a double may not represent or would print differently: 16 digits or more, a fraction, an exponent,
 * a negative zero. Digits inside strings may match too, which costs time but not correctness.
 */
const RISKY_NUMBER = /(?:"\s*:|[[,])\s*(?:-0|-?\d{16}|-?\d+[.eE])/;

/**
 * Parses a response without losing digits: `12345678901234567890` and `1.10` stay unchanged.
 * @throws TooDeep
 * @throws SyntaxError when the text is not JSON
 */
export function parseJson(text: string): unknown {
  if (nestsTooDeep(text)) throw new TooDeep();
  return RISKY_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

/** A JSON text whose values nest deeper than any that this program walks. */
export class TooDeep extends SyntaxError {}

/** `context.source` is the text of a primitive (TC39 "JSON.parse source text access"). */
function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  const source = context.source;
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return JSON.rawJSON(source);
}

/** True for a text that may be a JSON object or list. */
export function looksStructured(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

/** The keys with texts that are JSON objects or lists read as such; each keeps its text. Any other text stays a text. */
export function withJsonRead(keys: KeyValues): KeyValues {
  return new Map([...keys].map(([key, value]) => [key, typeof value === 'string' ? read(value) : value]));
}

function read(text: string): JsonValue {
  if (!looksStructured(text)) return text;
  try {
    return readFrom(parseJson(text) as object, text) as JsonValue;
  } catch {
    return text;
  }
}

/** A JSON object, its keys in the order of the text. */
export type JsonObject = Readonly<Record<string, JsonValue>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

/** Undefined: not JSON, or not an object. The parser's error is dropped, because it quotes the text. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

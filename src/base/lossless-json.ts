import type { JsonValue } from './secret-data.ts';

/**
 * Finds a number that a double may not hold or would print differently: 16 digits and more, a fraction, an exponent,
 * a negative zero. Digits inside strings may match too; that costs time, never correctness.
 */
const RISKY_NUMBER = /(?:"\s*:|[[,])\s*(?:-0|-?\d{16}|-?\d+[.eE])/;

/**
 * Parses a response without losing digits: `12345678901234567890` and `1.10` stay as they were sent.
 * @throws SyntaxError when the text is not JSON
 */
export function parseJson(text: string): unknown {
  return RISKY_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

/** `context.source` is the text of a primitive (TC39 "JSON.parse source text access"). */
function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  const source = context.source;
  if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
  return JSON.rawJSON(source);
}

/** A JSON object, its keys in the order of the text. */
export type JsonObject = Readonly<Record<string, JsonValue>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !JSON.isRawJSON(value);
}

/** Undefined: it is not JSON, or something else than an object. The parser's error stays here, because it quotes the text. */
export function parseJsonObject(text: string): JsonObject | undefined {
  try {
    const value = parseJson(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

import { fromBase64 } from './go-scalar.ts';

/** How the values of keys are stored, and what makes their bytes. Undefined: it is not stored like that. */
const ENCODINGS: ReadonlyMap<string, (value: Uint8Array) => Uint8Array | undefined> = new Map([
  ['', (value) => value],
  ['utf-8', (value) => value],
  ['base64', (value) => fromBase64(Buffer.from(value).toString('latin1'))],
  ['hex', (value) => fromHex(Buffer.from(value).toString('latin1'))],
]);

/** In any case. */
export function isEncoding(name: string): boolean {
  return ENCODINGS.has(name.toLowerCase());
}

/** @returns undefined: the value is not encoded like that */
export function decoded(value: Uint8Array, encoding: string): Uint8Array | undefined {
  return ENCODINGS.get(encoding.toLowerCase())?.(value);
}

function fromHex(text: string): Uint8Array | undefined {
  return /^(?:[\da-fA-F]{2})*$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}

import { textOf, type JsonValue } from '../base/secret-data.ts';
import { enumeration, optional } from '../shape/definition.ts';
import { bytesOfBase64 } from './encodings/base64.ts';
import type { FormatProblem } from './format.ts';

/** How values are encoded. */
export type Encoding = 'base64' | 'hex';

export const decodeOption = optional(
  enumeration({
    base64: 'Base64.',
    hex: 'Hexadecimal digits.',
  }),
  'how the values are encoded; what is written is decoded.',
);

type Decoded = { readonly content: Buffer } | { readonly problem: FormatProblem };

/** The bytes of a value, exactly: nothing is added, and binary data arrives as it was before it was encoded. */
export function bytesOf(key: string, value: JsonValue, decode: Encoding | undefined): Decoded {
  const text = textOf(value);
  if (decode === undefined) {
    // Half a surrogate pair would be replaced on the way to UTF-8.
    return text.isWellFormed() ? { content: Buffer.from(text) } : problemWith(key, 'is not Unicode text');
  }
  const content = decode === 'base64' ? bytesOfBase64(text) : bytesOfHex(text);
  return content === undefined ? problemWith(key, `is not ${decode}`) : { content };
}

function bytesOfHex(text: string): Buffer | undefined {
  const compact = text.replace(/[ \t\r\n]/g, '');
  return compact.length % 2 === 0 && /^[0-9A-Fa-f]*$/.test(compact) ? Buffer.from(compact, 'hex') : undefined;
}

function problemWith(key: string, reason: string): { problem: FormatProblem } {
  return { problem: { key, reason: `has a value that ${reason}`, hint: 'check the value, and `decode:`' } };
}

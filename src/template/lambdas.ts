import { isUtf8 } from 'node:buffer';

/** Where a lambda's tag stands in its line. */
export interface LambdaPlace {
  readonly column: number;
  readonly standalone: boolean;
}

/** What a lambda makes of the text inside its section; `problem` never quotes that text. */
export type LambdaResult = { readonly text: string } | { readonly problem: string };

export type Lambda = (text: string, place: LambdaPlace) => LambdaResult;

const HALF_PAIR = 'the text has half of a surrogate pair, which no Unicode text has';

/** The lambdas, by the name of their section. Each encodes the text that its section renders to. */
export const LAMBDAS: ReadonlyMap<string, Lambda> = new Map<string, Lambda>([
  ['@json', (text) => ({ text: JSON.stringify(text) })],
  ['@yaml', yamlScalar],
  ['@base64', encodeBase64],
  ['@base64decode', decodeBase64],
  ['@shell', shellWord],
  ['@url', encodeUrl],
  ['@indent', indent],
  ['@properties', (text) => ({ text: propertiesValue(text) })],
]);

/** A double-quoted scalar, which YAML 1.1 and 1.2 read alike: `no`, `1e3` and `0o7` stay texts. */
function yamlScalar(text: string): LambdaResult {
  if (!text.isWellFormed()) return { problem: HALF_PAIR };
  // JSON leaves these as they are; YAML takes NEL, LS and PS for line breaks, and DEL and C1 for unprintable.
  const escaped = JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    unicodeEscape,
  );
  return { text: escaped };
}

/** `\u0085` */
function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function encodeBase64(text: string): LambdaResult {
  if (!text.isWellFormed()) return { problem: HALF_PAIR };
  return { text: Buffer.from(text, 'utf8').toString('base64') };
}

function decodeBase64(text: string): LambdaResult {
  const bytes = bytesOfBase64(text);
  if (bytes === undefined) return { problem: 'the text is not base64' };
  if (isUtf8(bytes)) return { text: bytes.toString('utf8') };
  return {
    problem: 'the decoded bytes are not UTF-8 text; write them with `format: raw` and `decode: base64`',
  };
}

/**
 * Decodes standard base64 (RFC 4648 §4), padded or not, across lines.
 * @returns undefined for anything else: Node's own decoder skips what it does not know
 */
export function bytesOfBase64(text: string): Buffer | undefined {
  const compact = text.replace(/[ \t\r\n]/g, '');
  const unpadded = compact.replace(/={1,2}$/, '');
  const isPaddedRight = compact.length === unpadded.length || compact.length % 4 === 0;
  if (!isPaddedRight || unpadded.length % 4 === 1 || !/^[A-Za-z0-9+/]*$/.test(unpadded)) return undefined;
  return Buffer.from(unpadded, 'base64');
}

/** One word of a POSIX shell. */
function shellWord(text: string): LambdaResult {
  if (text.includes('\0')) return { problem: 'a shell word cannot hold a NUL character' };
  return { text: `'${text.replaceAll("'", String.raw`'\''`)}'` };
}

/** Everything but the unreserved characters of RFC 3986 is percent-encoded. */
function encodeUrl(text: string): LambdaResult {
  if (!text.isWellFormed()) return { problem: HALF_PAIR };
  const encoded = encodeURIComponent(text);
  return {
    text: encoded.replace(
      /[!'()*]/g,
      (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
    ),
  };
}

/** Moves the lines after the first to the tag's column; all lines, if the tag has its line to itself. */
function indent(text: string, { column, standalone }: LambdaPlace): LambdaResult {
  const blanks = ' '.repeat(column);
  const indented = text.replaceAll(/\n(?=[^\n])/g, `\n${blanks}`);
  return { text: standalone && text !== '' ? `${blanks}${indented}` : indented };
}

/** A value of java.util.Properties, in the escapes that its `store` writes. */
function propertiesValue(text: string): string {
  return text
    .replace(/[\\=:#!]/g, String.raw`\$&`)
    .replace(/^ +/, (blanks) => String.raw`\ `.repeat(blanks.length))
    .replace(/[\t\n\f\r]/g, (character) => ({ '\t': '\\t', '\n': '\\n', '\f': '\\f' })[character] ?? '\\r')
    .replace(/[^\x20-\x7e]/g, unicodeEscape);
}

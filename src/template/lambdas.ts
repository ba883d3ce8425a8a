import { utf8Text } from '../base/utf8.ts';
import { bytesOfBase64 } from '../formats/encodings/base64.ts';
import { HALF_PAIR, type Encoded } from '../formats/encodings/encoded.ts';
import { propertiesValue } from '../formats/encodings/properties-escaping.ts';
import { shellWord } from '../formats/encodings/shell-quoting.ts';
import { tomlString } from '../formats/encodings/toml-quoting.ts';
import { yamlString } from '../formats/encodings/yaml-quoting.ts';

/** Where a lambda's tag stands in its line. */
export interface LambdaPlace {
  readonly column: number;
  readonly standalone: boolean;
}

/** What a lambda makes of the text inside its section. */
export type Lambda = (text: string, place: LambdaPlace) => Encoded;

/** The lambdas, by the name of their section. Each encodes the text that its section renders to. */
export const LAMBDAS: ReadonlyMap<string, Lambda> = new Map<string, Lambda>([
  ['@json', (text) => ({ text: JSON.stringify(text) })],
  ['@yaml', yamlString],
  ['@toml', tomlString],
  ['@base64', encodeBase64],
  ['@base64decode', decodeBase64],
  ['@shell', shellWord],
  ['@url', encodeUrl],
  ['@indent', indent],
  ['@properties', (text) => ({ text: propertiesValue(text) })],
]);

function encodeBase64(text: string): Encoded {
  if (!text.isWellFormed()) return { problem: HALF_PAIR };
  return { text: Buffer.from(text, 'utf8').toString('base64') };
}

function decodeBase64(text: string): Encoded {
  const bytes = bytesOfBase64(text);
  if (bytes === undefined) return { problem: 'the text is not base64' };
  const decoded = utf8Text(bytes);
  if (decoded !== undefined) return { text: decoded };
  return {
    problem: 'the decoded bytes are not UTF-8 text; write them with `format: raw` and `decode: base64`',
  };
}

/** Everything but the unreserved characters of RFC 3986 is percent-encoded. */
function encodeUrl(text: string): Encoded {
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
function indent(text: string, { column, standalone }: LambdaPlace): Encoded {
  const blanks = ' '.repeat(column);
  const indented = text.replaceAll(/\n(?=[^\n])/g, `\n${blanks}`);
  return { text: standalone && text !== '' ? `${blanks}${indented}` : indented };
}

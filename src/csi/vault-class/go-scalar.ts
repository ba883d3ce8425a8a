import { timestampOf } from './go-timestamp.ts';
import type { YamlScalar } from './yaml-nodes.ts';

/** What a scalar is for yaml.v3. */
export type GoScalar =
  | { readonly type: 'null' }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'float'; readonly value: number }
  /** As Go writes it in JSON. */
  | { readonly type: 'timestamp'; readonly value: string }
  /** `bytes`: of `!!binary`. */
  | { readonly type: 'string' | 'bytes'; readonly value: string };

const WORDS: ReadonlyMap<string, GoScalar> = new Map<string, GoScalar>([
  ...['true', 'True', 'TRUE'].map((text) => [text, { type: 'bool', value: true }] as const),
  ...['false', 'False', 'FALSE'].map((text) => [text, { type: 'bool', value: false }] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((text) => [text, { type: 'null' }] as const),
  ...['.nan', '.NaN', '.NAN'].map((text) => [text, { type: 'float', value: NaN }] as const),
  ...['', '+'].flatMap((sign) =>
    ['.inf', '.Inf', '.INF'].map((text) => [`${sign}${text}`, { type: 'float', value: Infinity }] as const),
  ),
  ...['-.inf', '-.Inf', '-.INF'].map((text) => [text, { type: 'float', value: -Infinity }] as const),
]);

/** Tags whose texts are read; any other makes a string. */
const READ_TAGS = new Set(['', '!', '!!bool', '!!int', '!!float', '!!null', '!!timestamp']);

const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
const [LEAST_INT, MOST_INT, MOST_UINT] = [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 64n - 1n] as const;

/**
 * What a scalar is by the rules of yaml.v3, in which 0624 and 0o624 are octal.
 * https://github.com/go-yaml/yaml/blob/v3.0.1/resolve.go
 * @returns undefined: it is not what its tag says
 */
export function scalarOf({ tag, text, isQuoted }: YamlScalar): GoScalar | undefined {
  if (tag === '!!binary') return bytesOf(text);
  const isFree = tag === '' || tag === '!';
  if ((isFree && isQuoted) || !READ_TAGS.has(tag)) return { type: 'string', value: text };
  const read = readPlain(text, isFree || tag === '!!timestamp');
  return isFree ? read : asTagged(read, tag);
}

function asTagged(read: GoScalar, tag: string): GoScalar | undefined {
  if (tag === `!!${read.type}`) return read;
  const isWhole = tag === '!!float' && read.type === 'int' && read.value <= MOST_INT;
  return isWhole ? { type: 'float', value: Number(read.value) } : undefined;
}

function readPlain(text: string, mayBeTimestamp: boolean): GoScalar {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  const asText: GoScalar = { type: 'string', value: text };
  // As in Go's own source, an underscore is between digits.
  if (text.startsWith('.')) return floatOf(text.replace(/(?<=\d)_(?=\d)/g, '')) ?? asText;
  if (!/^[-+\d]/.test(text)) return asText;
  const timestamp = mayBeTimestamp ? timestampOf(text) : undefined;
  if (timestamp !== undefined) return { type: 'timestamp', value: timestamp };
  const plain = text.replaceAll('_', '');
  const value = intOf(plain);
  if (value !== undefined) return { type: 'int', value };
  return floatOf(plain) ?? asText;
}

/** Go's ParseInt and ParseUint with base 0, and what yaml.v3 takes besides: `0b-1`. */
function intOf(plain: string): bigint | undefined {
  const [, sign = '', digits = ''] = /^([-+]?)(.*)$/s.exec(plain) ?? [];
  const written = valueOf(digits) ?? (sign === '+' ? undefined : signedAfterPrefix(sign, digits));
  if (written === undefined) return undefined;
  const value = sign === '-' ? -written : written;
  return value >= LEAST_INT && value <= (sign === '' ? MOST_UINT : MOST_INT) ? value : undefined;
}

function valueOf(digits: string): bigint | undefined {
  if (/^(?:0[xX][\da-fA-F]+|0[bB][01]+|0[oO][0-7]+|0|[1-9]\d*)$/.test(digits)) return BigInt(digits);
  return /^0[0-7]+$/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : undefined;
}

function signedAfterPrefix(sign: string, digits: string): bigint | undefined {
  const [, prefix, inner, rest] = /^(0b|0o)([-+])(\d+)$/.exec(digits) ?? [];
  if (prefix === undefined || inner === undefined || rest === undefined || sign !== '') return undefined;
  if (!(prefix === '0b' ? /^[01]+$/ : /^[0-7]+$/).test(rest)) return undefined;
  const value = BigInt(`${prefix}${rest}`);
  return inner === '-' ? -value : value;
}

/** Undefined: none, or too large for a double. */
function floatOf(plain: string): GoScalar | undefined {
  if (!FLOAT.test(plain)) return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? { type: 'float', value } : undefined;
}

function bytesOf(text: string): GoScalar | undefined {
  const bytes = fromBase64(text);
  return bytes === undefined ? undefined : { type: 'bytes', value: Buffer.from(bytes).toString('utf8') };
}

/** Base64 as Go's StdEncoding takes it: with its padding, and with line breaks anywhere. Undefined: it is none. */
export function fromBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/[\r\n]/g, '');
  const isBase64 = /^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/.test(digits);
  return isBase64 ? Buffer.from(digits, 'base64') : undefined;
}

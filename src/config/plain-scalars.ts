/** What stands in a line of plain YAML, as patterns: each text is two groups, of one without quotes and of one with them. */

const SINGLE_QUOTED = String.raw`'[^'\n]*(?:''[^'\n]*)*'`;
/** With the escapes that JSON has, too. */
const DOUBLE_QUOTED = String.raw`"[^"\\\n]*(?:\\["\\/bfnrt][^"\\\n]*)*"`;
const QUOTED = `(${SINGLE_QUOTED}|${DOUBLE_QUOTED})`;
const KEY = String.raw`(?:([A-Za-z_][\w./-]*)|${QUOTED}):`;
const COMMENT = String.raw`(?:#[^\n]*)?\n`;
const END_OF_LINE = String.raw`(?: +#[^\n]*| *)\n`;

/** Without quotes it is words that hold neither `: ` nor ` #`. */
function text(separators: string): string {
  const colon = String.raw`:(?=[^ \n${separators}])`;
  const rest = String.raw`[^ \n:${separators}]*`;
  const word = (first: string): string => `${first}${rest}(?:${colon}${rest})*`;
  const next = word(String.raw`(?:[^ \n:#${separators}]|${colon})`);
  return String.raw`(?:(${word(String.raw`(?:[\w/$.]|-(?=[A-Za-z-])|~(?=\/))`)}(?: +${next})*)|${QUOTED})`;
}

const IN_BRACKETS = text(String.raw`,\[\]{}`);

/** Indentation, dash, key; then a whole text, nothing, or what others have to read. Comments before it belong to it. */
export const LINE = new RegExp(
  String.raw`(?: *${COMMENT})*( *)(- +)?(?:${KEY}(?= |\n))? *(?:${text('')}${END_OF_LINE}|(${COMMENT}))?`,
  'y',
);
/** Space, key; then a whole text and what follows it, or nothing. */
export const PAIR = new RegExp(String.raw`([ \n]*)${KEY} +(?:${IN_BRACKETS}[ \n]*([,}]))?`, 'y');
/** Space; then a whole text and what follows it, or nothing before a bracket. */
export const ITEM = new RegExp(String.raw`([ \n]*)(?:${IN_BRACKETS}[ \n]*([,\]])|(?=[[{]))`, 'y');
export const REST_OF_LINE = new RegExp(END_OF_LINE, 'y');

/** Thrown on any doubt. */
export class NotPlain extends Error {}

type Groups = readonly (string | undefined)[];

/** No ordinary names, and no texts without quotes. */
const SPECIAL = new Set([
  'null',
  'Null',
  'NULL',
  'true',
  'True',
  'TRUE',
  'false',
  'False',
  'FALSE',
  '<<',
  '__proto__',
]);

/**
 * The key in the first of two groups.
 * @throws NotPlain for what is none, or more than a name
 */
export function keyOf(groups: Groups, at: number): string | undefined {
  const key = groups[at] ?? unquoted(groups[at + 1]);
  if (key !== undefined && SPECIAL.has(key)) throw new NotPlain();
  return key;
}

/**
 * The value in two groups.
 * @throws NotPlain for what is something else to others than to js-yaml, or may be
 */
export function valueOf(groups: Groups, at: number): string | number | boolean | undefined {
  const plain = groups[at];
  if (plain === undefined) return unquoted(groups[at + 1]);
  if (plain === 'true') return true;
  if (plain === 'false') return false;
  if (SPECIAL.has(plain)) throw new NotPlain();
  if (plain.charCodeAt(0) > 0x39) return plain;
  // To js-yaml, leading zeros mean nothing.
  if (/^\d{1,15}(?:\.\d{1,15})?$/.test(plain)) return Number(plain);
  if (/^0o[0-7]{1,15}$/.test(plain)) return parseInt(plain.slice(2), 8);
  // What js-yaml may take for a number, or for none.
  if (/^(?:0[ox].*|[\d.]+(?:e[-+]?\d+)?|\.(?:inf|nan))$/i.test(plain)) throw new NotPlain();
  return plain;
}

function unquoted(quoted: string | undefined): string | undefined {
  if (quoted?.includes('\\') === true && quoted.startsWith('"')) return JSON.parse(quoted) as string;
  const inner = quoted?.slice(1, -1);
  return quoted?.startsWith("'") === true ? inner?.replaceAll("''", "'") : inner;
}

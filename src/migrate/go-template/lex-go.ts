/** Where a Go template does not parse: what stands there, and what should. Nothing of its text is quoted. */
export class GoSyntaxError extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

export type TokenKind =
  | 'word'
  /** `.name` */
  | 'field'
  /** `$name` */
  | 'variable'
  | 'dot'
  | 'string'
  | 'number'
  | 'sign';

export interface GoToken {
  readonly kind: TokenKind;
  /** A string is without quotes and escapes, a field without its dot. */
  readonly text: string;
  readonly position: number;
  /** Nothing but a blank, a sign or the delimiter is before it: `.a .b` are two arguments, `.a.b` is one. */
  readonly isDetached: boolean;
}

export type GoItem =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'action';
      readonly tokens: readonly GoToken[];
      /** As it is written, delimiters included. */
      readonly source: string;
      readonly position: number;
    };

export interface Delimiters {
  readonly left: string;
  readonly right: string;
}

export const DEFAULT_DELIMITERS: Delimiters = { left: '{{', right: '}}' };

/** What trim markers remove, as text/template defines it. */
const BLANKS = ' \t\r\n';

/**
 * Splits a Go template into texts, with trim markers applied, and actions. Comments are left out.
 * @throws GoSyntaxError
 */
export function lexGo(source: string, { left, right }: Delimiters = DEFAULT_DELIMITERS): GoItem[] {
  const items: GoItem[] = [];
  let at = 0;
  let isTrimmed = false;
  for (;;) {
    const start = source.indexOf(left, at);
    const text = source.slice(at, start === -1 ? source.length : start);
    const before = isTrimmed ? withoutLeadingBlanks(text) : text;
    if (start === -1) {
      addText(items, before);
      return items;
    }
    const inner = start + left.length;
    const trimsBefore = source[inner] === '-' && isBlank(source[inner + 1]);
    addText(items, trimsBefore ? withoutTrailingBlanks(before) : before);
    const from = inner + (trimsBefore ? 2 : 0);
    const end =
      commentEnd(source, from, right) ?? new ActionLexer(source, { start, from, right }).readInto(items);
    isTrimmed = end.trims;
    at = end.at;
  }
}

function addText(items: GoItem[], text: string): void {
  if (text !== '') items.push({ kind: 'text', text });
}

/** Where an action ends, and whether it trims the text after it. */
interface ActionEnd {
  readonly at: number;
  readonly trims: boolean;
}

/** @returns undefined when it is no comment @throws GoSyntaxError */
function commentEnd(source: string, from: number, right: string): ActionEnd | undefined {
  const start = skipBlanks(source, from);
  if (!source.startsWith('/*', start)) return undefined;
  const close = source.indexOf('*/', start + 2);
  if (close === -1) throw new GoSyntaxError('a comment is not closed: `*/` is missing', start);
  const end = endAt(source, close + 2, right);
  if (end === undefined)
    throw new GoSyntaxError('a comment must end its action: the right delimiter is missing', close);
  return end;
}

/** The right delimiter here, or behind a blank and a trim marker. */
function endAt(source: string, at: number, right: string): ActionEnd | undefined {
  if (source.startsWith(right, at)) return { at: at + right.length, trims: false };
  if (isBlank(source[at]) && source[at + 1] === '-' && source.startsWith(right, at + 2))
    return { at: at + 2 + right.length, trims: true };
  return undefined;
}

const SIGNS = [':=', '=', '|', '(', ')', ','];
const WORD = /[\p{L}_][\p{L}\p{Nd}_]*/uy;
const FIELD = /\.([\p{L}_][\p{L}\p{Nd}_]*)/uy;
const VARIABLE = /\$[\p{L}\p{Nd}_]*/uy;
const NUMBER =
  /[+-]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y;
const RAW_STRING = /`([^`]*)`/y;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const CHARACTER = /'(?:[^'\\\n]|\\.)+'/y;

class ActionLexer {
  readonly #source: string;
  readonly #start: number;
  readonly #right: string;
  #at: number;
  readonly #tokens: GoToken[] = [];

  constructor(
    source: string,
    { start, from, right }: { readonly start: number; readonly from: number; readonly right: string },
  ) {
    this.#source = source;
    this.#start = start;
    this.#right = right;
    this.#at = from;
  }

  readInto(items: GoItem[]): ActionEnd {
    let isDetached = true;
    for (;;) {
      const end = this.#end();
      if (end !== undefined) {
        const source = this.#source.slice(this.#start, end.at);
        items.push({ kind: 'action', tokens: this.#tokens, source, position: this.#start });
        return end;
      }
      if (isBlank(this.#source[this.#at])) {
        this.#at += 1;
        isDetached = true;
        continue;
      }
      const token = this.#read(isDetached);
      this.#tokens.push(token);
      isDetached = token.kind === 'sign' && token.text !== ')';
    }
  }

  #end(): ActionEnd | undefined {
    if (this.#at >= this.#source.length)
      throw new GoSyntaxError('an action is not closed: the right delimiter is missing', this.#start);
    return endAt(this.#source, this.#at, this.#right);
  }

  #read(isDetached: boolean): GoToken {
    const position = this.#at;
    const token = (kind: TokenKind, text: string): GoToken => ({ kind, text, position, isDetached });
    const number = this.#match(NUMBER);
    if (number !== undefined) return token('number', number);
    const sign = SIGNS.find((one) => this.#source.startsWith(one, position));
    if (sign !== undefined) {
      this.#at += sign.length;
      return token('sign', sign);
    }
    const field = this.#match(FIELD);
    if (field !== undefined) return token('field', field.slice(1));
    const variable = this.#match(VARIABLE);
    if (variable !== undefined) return token('variable', variable);
    const word = this.#match(WORD);
    if (word !== undefined) return token('word', word);
    if (this.#source[position] === '.') {
      this.#at += 1;
      return token('dot', '.');
    }
    return token('string', this.#string());
  }

  #string(): string {
    const raw = this.#match(RAW_STRING);
    // Go drops carriage returns of raw strings.
    if (raw !== undefined) return raw.slice(1, -1).replaceAll('\r', '');
    const position = this.#at;
    const quoted = this.#match(STRING) ?? this.#match(CHARACTER);
    if (quoted !== undefined) return unquoteGo(quoted.slice(1, -1), position);
    throw new GoSyntaxError(
      /["'`]/.test(this.#source[position] ?? '')
        ? 'a text is not closed: its quote is missing'
        : 'a character that no action has',
      position,
    );
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  ...{ '\\': '\\', '"': '"', "'": "'" },
};

/**
 * What stands in quotes, by the rules of Go (strconv.Unquote), which are those of HCL, too. Bytes are read as UTF-8.
 * @throws GoSyntaxError
 */
export function unquoteGo(text: string, position: number): string {
  if (!text.includes('\\')) return text;
  const bytes: Buffer[] = [];
  for (const [part, code] of escapesOf(text)) {
    if (code === undefined) bytes.push(Buffer.from(part));
    else bytes.push(unescaped(code, position));
  }
  return Buffer.concat(bytes).toString('utf8');
}

function* escapesOf(text: string): Generator<readonly [text: string, code: string | undefined]> {
  const pattern = /\\([0-7]{3}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|.|$)/gsu;
  let at = 0;
  for (const found of text.matchAll(pattern)) {
    yield [text.slice(at, found.index), undefined];
    yield ['', found[1] ?? ''];
    at = found.index + found[0].length;
  }
  yield [text.slice(at), undefined];
}

function unescaped(code: string, position: number): Buffer {
  const simple = ESCAPES[code];
  if (simple !== undefined) return Buffer.from(simple);
  if (/^[0-3][0-7]{2}$/.test(code)) return Buffer.from([Number.parseInt(code, 8)]);
  if (/^x.{2}/.test(code)) return Buffer.from([Number.parseInt(code.slice(1), 16)]);
  const point = /^[uU]./.test(code) ? Number.parseInt(code.slice(1), 16) : Infinity;
  if (point <= 0x10ffff && (point < 0xd800 || point > 0xdfff))
    return Buffer.from(String.fromCodePoint(point));
  throw new GoSyntaxError('a text has an escape that does not exist', position);
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && BLANKS.includes(character);
}

function skipBlanks(source: string, from: number): number {
  let at = from;
  while (isBlank(source[at])) at += 1;
  return at;
}

function withoutLeadingBlanks(text: string): string {
  return text.slice(skipBlanks(text, 0));
}

function withoutTrailingBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && isBlank(text[end - 1])) end -= 1;
  return text.slice(0, end);
}

import { GoSyntaxError, unquoteGo } from '../go-template/lex-go.ts';
import { HclSyntaxError, type HclEntry, type HclObject, type HclValue } from './hcl-syntax.ts';

/** Of objects and lists within each other. */
const DEEPEST = 100;

/**
 * Parses HCL of version 1, which agents and consul-template read, or JSON, which both read in its place. No package that
 * is kept reads version 1 and says lines.
 * @throws HclSyntaxError
 */
export function parseHcl(source: string): HclObject {
  const text = source.startsWith('\ufeff') ? ` ${source.slice(1)}` : source;
  return /^\s*\{/.test(text) ? new HclParser(text, true).json() : new HclParser(text, false).file();
}

const IDENTIFIER = /[\p{L}_][\p{L}\p{Nd}_.-]*/uy;
const NUMBER = /-?(?:0[xX][\da-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)/y;
const HEREDOC = /<<(-?)([\p{L}\p{Nd}_]+)\r?\n/uy;
const BLANK_OR_COMMENT = /[ \t\r\n]+|#[^\n]*|\/\/[^\n]*|\/\*[^]*?\*\//y;

class HclParser {
  readonly #source: string;
  readonly #isJson: boolean;
  #at = 0;
  /** Values come in the order of the text, so that lines are counted once. */
  readonly #counted = { position: 0, line: 1 };
  #depth = 0;

  constructor(source: string, isJson: boolean) {
    this.#source = source;
    this.#isJson = isJson;
  }

  file(): HclObject {
    const entries = this.#entries('');
    return { kind: 'object', entries, line: 1 };
  }

  json(): HclObject {
    this.#skip();
    const value = this.#object();
    this.#skip();
    if (this.#at < this.#source.length) throw this.#error('something follows the last `}`');
    return value;
  }

  #entries(close: '' | '}'): HclEntry[] {
    const entries: HclEntry[] = [];
    for (;;) {
      this.#skip();
      if (this.#at >= this.#source.length) {
        if (close === '') return entries;
        throw this.#error('a block is not closed: `}` is missing');
      }
      if (this.#take(close)) return entries;
      entries.push(this.#entry());
      this.#skip();
      this.#take(',');
    }
  }

  /** `key = value`, `key { … }`, `key "label" { … }`, `"key": value` */
  #entry(): HclEntry {
    const line = this.#line();
    const key = this.#key('a key');
    const labels: { readonly key: string; readonly line: number }[] = [];
    for (;;) {
      this.#skip();
      const next = this.#source[this.#at];
      if (labels.length === 0 && (next === '=' || next === ':')) {
        this.#at += 1;
        this.#skip();
        return { key, value: this.#value(), line };
      }
      if (next === '{') break;
      labels.push({ line: this.#line(), key: this.#key(labels.length === 0 ? '`=` or `{`' : '`{`') });
    }
    // A label is a key of an object around the block.
    const value = labels.reduceRight<HclValue>(
      (inner, label) => ({ kind: 'object', entries: [{ ...label, value: inner }], line: label.line }),
      this.#object(),
    );
    return { key, value, line };
  }

  #key(expected: string): string {
    const identifier = this.#match(IDENTIFIER)?.[0];
    if (identifier !== undefined) return identifier;
    if (this.#source[this.#at] === '"') return this.#quoted();
    throw this.#error(`${expected} is expected`);
  }

  #value(): HclValue {
    const line = this.#line();
    switch (this.#source[this.#at]) {
      case '"':
        return { kind: 'text', text: this.#quoted(), line, firstLine: line, isVerbatim: false };
      case '{':
        return this.#object();
      case '[':
        return this.#list(line);
      case '<':
        return this.#heredoc(line);
      default:
        return this.#word(line);
    }
  }

  #word(line: number): HclValue {
    const word = this.#match(IDENTIFIER)?.[0];
    if (word === 'true' || word === 'false') return { kind: 'boolean', isTrue: word === 'true', line };
    if (word === 'null') return { kind: 'null', line };
    const number = word === undefined ? this.#match(NUMBER)?.[0] : undefined;
    if (number !== undefined) return { kind: 'number', text: number, line };
    throw this.#error('a value is expected: a text in quotes, a number, true, false, `[` or `{`');
  }

  #object(): HclObject {
    const line = this.#line();
    const open = this.#at;
    if (!this.#take('{')) throw this.#error('`{` is expected');
    this.#enter(open);
    const entries = this.#entries('}');
    this.#depth -= 1;
    return { kind: 'object', entries, line };
  }

  #list(line: number): HclValue {
    const items: HclValue[] = [];
    this.#enter(this.#at);
    this.#at += 1;
    for (;;) {
      this.#skip();
      if (this.#take(']')) break;
      if (this.#at >= this.#source.length) throw this.#error('a list is not closed: `]` is missing');
      items.push(this.#value());
      this.#skip();
      if (this.#take(',') || this.#source[this.#at] === ']') continue;
      throw this.#error('`,` or `]` is expected');
    }
    this.#depth -= 1;
    return { kind: 'list', items, line };
  }

  #enter(position: number): void {
    this.#depth += 1;
    if (this.#depth > DEEPEST)
      throw new HclSyntaxError(`it nests more than ${String(DEEPEST)} levels deep`, position);
  }

  #quoted(): string {
    const start = this.#at;
    const end = this.#endOfQuoted(start);
    this.#at = end + 1;
    try {
      return unquoteGo(joinSurrogates(this.#source.slice(start + 1, end)), start);
    } catch (error) {
      throw error instanceof GoSyntaxError ? new HclSyntaxError(error.message, start) : error;
    }
  }

  /** Quotes inside `${…}` do not end a text of HCL. */
  #endOfQuoted(start: number): number {
    const part = /\\[^]|\$\{|[{}"\n]/g;
    part.lastIndex = start + 1;
    let braces = 0;
    for (let found = part.exec(this.#source); found !== null; found = part.exec(this.#source)) {
      const [sign] = found;
      if (sign === '"' && braces === 0) return found.index;
      if (sign === '\n' && braces === 0) break;
      if ((sign === '${' && !this.#isJson) || (sign === '{' && braces > 0)) braces += 1;
      else if (sign === '}' && braces > 0) braces -= 1;
    }
    throw new HclSyntaxError('a text is not closed: `"` is missing', start);
  }

  #heredoc(line: number): HclValue {
    const start = this.#at;
    const [, indented = '', anchor = ''] = this.#match(HEREDOC) ?? [];
    if (anchor === '') throw this.#error('`<<NAME` with nothing behind it is expected');
    const from = this.#at;
    const end = new RegExp(`^[ \\t\\r\\v\\f]*${anchor}\\r*$`, 'm');
    const found = end.exec(this.#source.slice(from));
    if (found === null) throw new HclSyntaxError(`a text is not closed: its \`${anchor}\` is missing`, start);
    this.#at = from + found.index + found[0].length;
    const blanks = found[0].slice(0, found[0].indexOf(anchor));
    const content = this.#source.slice(from, from + found.index);
    const text = indented === '' ? content + blanks : withoutIndentation(content, blanks);
    return { kind: 'text', text, line, firstLine: line + 1, isVerbatim: true };
  }

  #skip(): void {
    while (this.#match(BLANK_OR_COMMENT) !== undefined);
    if (this.#source.startsWith('/*', this.#at))
      throw this.#error('a comment is not closed: `*/` is missing');
  }

  #take(sign: string): boolean {
    if (sign === '' || this.#source[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source) ?? undefined;
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #line(): number {
    const counted = this.#counted;
    for (; counted.position < this.#at; counted.position += 1)
      if (this.#source[counted.position] === '\n') counted.line += 1;
    return counted.line;
  }

  #error(message: string): HclSyntaxError {
    return new HclSyntaxError(message, this.#at);
  }
}

/** JSON writes a character beyond U+FFFF as two escapes, and a slash may be escaped. */
function joinSurrogates(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(
    /\\(?:u([dD][89abAB][\da-fA-F]{2})\\u([dD][c-fC-F][\da-fA-F]{2})|([^]))/g,
    (escape, high?: string, low?: string, other?: string) => {
      if (high !== undefined && low !== undefined)
        return String.fromCharCode(Number.parseInt(high, 16), Number.parseInt(low, 16));
      return other === '/' ? '/' : escape;
    },
  );
}

/** `<<-`: the blanks before the end are left out of each line, if all lines have them. */
function withoutIndentation(content: string, blanks: string): string {
  const lines = content.split('\n').slice(0, -1);
  if (lines.every((line) => line.startsWith(blanks)))
    return lines.map((line) => `${line.slice(blanks.length)}\n`).join('');
  return content;
}

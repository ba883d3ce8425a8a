import { lineFinder } from './line-finder.ts';
import { ITEM, keyOf, LINE, NotPlain, PAIR, REST_OF_LINE, valueOf } from './plain-scalars.ts';
import type { Parsed } from './source.ts';

/**
 * Reads YAML as most configs are written, in a fraction of the time that js-yaml takes to be loaded alone: maps and lists by
 * indentation or in brackets, texts of one line, literal blocks. What is not certainly in this part of the language, mistakes among
 * it, is left to js-yaml, which makes the same of all that this takes: a property test holds it to that.
 */

/** In longer ones a pattern may take more than a runtime has for it. */
const LONGEST = 512 * 1024;
/** js-yaml refuses more than 100. */
const DEEPEST = 50;

/** A tab, a carriage return, a surrogate, a byte order mark and the like. */
const OTHER_CHARACTERS = /[^\n -~\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/;

/** @returns undefined for what is left to js-yaml */
export function readPlainYaml(text: string): Parsed | undefined {
  if (text.length > LONGEST) return undefined;
  if (/[^\n -~]/.test(text) && OTHER_CHARACTERS.test(text)) return undefined;
  try {
    const reader = new Reader(text);
    const value = reader.read();
    const lineAt = lineFinder(text);
    return { value, lineOf: (path) => lineAt(reader.offsetAt(value, path)) };
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

type Step = string | number;
type Fields = Record<string, unknown>;

class Reader {
  readonly #text: string;
  readonly #isCut: boolean;
  /** Where keys and items stand, by what they are in. What is in brackets of one line stands where that does. */
  readonly #offsets = new Map<unknown, Map<Step, number>>();
  #at = 0;
  #depth = 0;
  /** The line that is to be read, its key, and its indentation, which is -1 after the last one. */
  #line: readonly (string | undefined)[] = [];
  #key: string | undefined;
  #indent = 0;
  /** Where the line ends in which the outermost bracket opens. */
  #lineEnd = 0;

  constructor(text: string) {
    this.#isCut = !text.endsWith('\n');
    this.#text = this.#isCut ? `${text}\n` : text;
  }

  read(): unknown {
    if (this.#text.startsWith('---\n')) this.#at = 4;
    this.#nextLine();
    const value = this.#indent === 0 && !this.#hasDash() ? this.#map(0) : undefined;
    if (value === undefined || this.#isLine()) throw new NotPlain();
    return value;
  }

  /** Of what stands at a path, or of the nearest thing around it. */
  offsetAt(root: unknown, path: readonly Step[]): number | undefined {
    let offset: number | undefined;
    let value = root;
    for (const step of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) break;
      if (Array.isArray(value) !== (typeof step === 'number')) break;
      offset = this.#offsets.get(value)?.get(step) ?? offset;
      value = (value as Readonly<Record<Step, unknown>>)[step];
    }
    return offset;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text) ?? undefined;
    if (found !== undefined) this.#at = pattern.lastIndex;
    return found;
  }

  #must(pattern: RegExp): RegExpExecArray {
    const found = this.#match(pattern);
    if (found === undefined) throw new NotPlain();
    return found;
  }

  #nextLine(): void {
    const line = this.#must(LINE);
    this.#line = line;
    this.#key = keyOf(line, 3);
    this.#indent = line[1]?.length ?? 0;
    if (this.#key !== undefined) return;
    if (line[2] !== undefined && line[7] === undefined) return;
    const isEnd = line[2] === undefined && this.#at === this.#text.length;
    if (!isEnd || valueOf(line, 5) !== undefined) throw new NotPlain();
    this.#indent = -1;
  }

  /** There is one to be read. */
  #isLine(): boolean {
    return this.#indent !== -1;
  }

  #hasDash(): boolean {
    return this.#line[2] !== undefined;
  }

  /** From the line that is to be read, whose key may stand behind a dash. */
  #map(indent: number): unknown {
    const map: Fields = {};
    const offsets = this.#open(map);
    do {
      const key = newKey(map, this.#key);
      offsets.set(key, this.#at - 1);
      map[key] = this.#line[7] === undefined ? this.#value(indent) : this.#below(indent);
    } while (this.#indent === indent && !this.#hasDash());
    this.#depth -= 1;
    return map;
  }

  #list(indent: number): unknown {
    const list: unknown[] = [];
    const offsets = this.#open(list);
    do {
      offsets.set(list.length, this.#at - 1);
      const column = indent + (this.#line[2] ?? '').length;
      list.push(this.#key === undefined ? this.#value(indent) : this.#map(column));
    } while (this.#indent === indent && this.#hasDash());
    this.#depth -= 1;
    return list;
  }

  #open(collection: unknown): Map<Step, number> {
    this.#deeper();
    const offsets = new Map<Step, number>();
    this.#offsets.set(collection, offsets);
    return offsets;
  }

  #deeper(): void {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new NotPlain();
  }

  /** The map or list in the lines below a key. */
  #below(indent: number): unknown {
    this.#nextLine();
    if (this.#hasDash() && this.#indent >= indent) return this.#list(this.#indent);
    if (this.#indent <= indent) throw new NotPlain();
    return this.#map(this.#indent);
  }

  /** What stands in the line of its key or dash, or begins there. */
  #value(indent: number): unknown {
    const value = valueOf(this.#line, 5) ?? this.#other(indent);
    this.#nextLine();
    return value;
  }

  #other(indent: number): unknown {
    return this.#text[this.#at] === '|' ? this.#literal(indent) : this.#brackets(indent);
  }

  /** The text of a block that begins with `|` or `|-`. */
  #literal(indent: number): string {
    const [, chomping, spaces = ''] = this.#must(/\|(-?)\n( +)(?=[^ \n])/y);
    if (this.#key === undefined || spaces.length <= indent) throw new NotPlain();
    const start = this.#at;
    let next = start;
    do {
      this.#at = this.#text.indexOf('\n', next) + 1;
      next = this.#at;
      while (this.#text[next] === '\n') next += 1;
    } while (this.#text.startsWith(spaces, next));
    const lines = this.#text.slice(start, this.#at);
    // A line of spaces alone may belong to it, and so what follows that.
    const more = this.#text.slice(this.#at, this.#text.indexOf('\n', next) + 1);
    if (/\n +\n/.test(lines + more) || (this.#isCut && next === this.#text.length)) throw new NotPlain();
    const value = lines.replaceAll(`\n${spaces}`, '\n');
    return chomping === '' ? value : value.slice(0, -1);
  }

  /** A map or list in brackets: of several lines, all but the first go deeper than what it is in. */
  #brackets(indent: number): unknown {
    this.#lineEnd = this.#text.indexOf('\n', this.#at);
    const value = this.#bracket();
    const deeper = ' '.repeat(indent + 1);
    for (let at = this.#lineEnd; at < this.#at; at = this.#text.indexOf('\n', at + 1)) {
      if (!this.#text.startsWith(deeper, at + 1)) throw new NotPlain();
    }
    this.#must(REST_OF_LINE);
    return value;
  }

  #bracket(): unknown {
    const opening = this.#text[this.#at];
    if (opening !== '{' && opening !== '[') throw new NotPlain();
    this.#at += 1;
    this.#deeper();
    const value = opening === '{' ? this.#pairs() : this.#items();
    this.#depth -= 1;
    return value;
  }

  #pairs(): Fields {
    const map: Fields = {};
    for (let end: string | undefined; end !== '}';) {
      const pair = this.#match(PAIR);
      if (pair === undefined) {
        this.#end('}');
        break;
      }
      const key = newKey(map, keyOf(pair, 2));
      this.#note(map, key, pair);
      map[key] = pair[6] === undefined ? this.#bracket() : valueOf(pair, 4);
      end = pair[6] ?? this.#separator('}');
    }
    return map;
  }

  #items(): unknown[] {
    const list: unknown[] = [];
    for (let end: string | undefined; end !== ']';) {
      const item = this.#match(ITEM);
      if (item === undefined) {
        this.#end(']');
        break;
      }
      this.#note(list, list.length, item);
      list.push(item[4] === undefined ? this.#bracket() : valueOf(item, 2));
      end = item[4] ?? this.#separator(']');
    }
    return list;
  }

  #note(collection: unknown, step: Step, { index, 1: space = '' }: RegExpExecArray): void {
    const offset = index + space.length;
    if (offset < this.#lineEnd) return;
    const offsets = this.#offsets.get(collection) ?? new Map<Step, number>();
    this.#offsets.set(collection, offsets.set(step, offset));
  }

  /** Of a collection that is empty or ends with a comma. */
  #end(closing: string): void {
    if (this.#must(/[ \n]*(.)/y)[1] !== closing) throw new NotPlain();
  }

  /** What follows a collection within another. */
  #separator(closing: string): string {
    const found = this.#must(/[ \n]*(.)/y)[1] ?? '';
    if (found !== ',' && found !== closing) throw new NotPlain();
    return found;
  }
}

function newKey(map: Fields, key: string | undefined): string {
  if (key === undefined || Object.hasOwn(map, key)) throw new NotPlain();
  return key;
}

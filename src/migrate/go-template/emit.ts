import { withLineBreaksMoved } from './line-breaks.ts';
import type { Piece } from './pieces.ts';

/** Where a template is written to: variables of the environment are replaced in a config only. */
export type Place = 'file' | 'config';

export interface Emitted {
  readonly text: string;
  /** It takes a config, whose `${NAME}` are replaced. */
  readonly needsConfig: boolean;
  /** Sections that move lines to a column other than that of their tag. */
  readonly misplaced: number;
}

/** The usual ones first. */
const DELIMITERS = [
  ['{{', '}}'],
  ['<%', '%>'],
  ['[[', ']]'],
  ['((', '))'],
  ['<<', '>>'],
  ['<|', '|>'],
] as const;

/**
 * Writes a Mustache template that renders to exactly what its pieces are. What a tag that is alone on its line would
 * take with it, its blanks and its line break, is written so that it stays.
 */
export function emit(given: readonly Piece[]): Emitted {
  const pieces = withLineBreaksMoved(given);
  const needsConfig = pieces.some(({ kind }) => kind === 'environment');
  const [left, right] = delimitersFor(pieces);
  const writer = new Writer({ left, right, place: needsConfig ? 'config' : 'file' });
  if (left !== DELIMITERS[0][0]) writer.write(`{{=${left} ${right}=}}\n`);
  for (const line of linesOf(pieces)) writer.line(line);
  return { text: writer.text, needsConfig, misplaced: writer.misplaced };
}

/** Delimiters that stand nowhere in the texts, not even half in a text and half in the tag after it. */
function delimitersFor(pieces: readonly Piece[]): readonly [string, string] {
  const texts = pieces.flatMap((piece) => (piece.kind === 'text' ? [piece.text] : ['\0']));
  const whole = texts.join('');
  const fits = ([left]: readonly [string, string]): boolean => {
    if (whole.includes(left)) return false;
    // `{{{` is a tag of its own.
    return !whole.includes(`${left.charAt(0)}\0`);
  };
  return DELIMITERS.find(fits) ?? DELIMITERS[0];
}

interface Line {
  readonly pieces: readonly Piece[];
  /** The line break; empty at the end of the template. */
  readonly end: '' | '\n';
}

function linesOf(pieces: readonly Piece[]): Line[] {
  const lines: Line[] = [];
  let current: Piece[] = [];
  for (const piece of pieces) {
    if (piece.kind !== 'text') {
      current.push(piece);
      continue;
    }
    const [first = '', ...others] = piece.text.split('\n');
    if (first !== '') current.push({ kind: 'text', text: first });
    for (const text of others) {
      lines.push({ pieces: current, end: '\n' });
      current = text === '' ? [] : [{ kind: 'text', text }];
    }
  }
  return [...lines, { pieces: current, end: '' }];
}

type SectionTag = Extract<Piece, { kind: 'open' | 'close' }>;

function isSectionTag(piece: Piece | undefined): piece is SectionTag {
  return piece?.kind === 'open' || piece?.kind === 'close';
}

function isEncoding(piece: SectionTag): boolean {
  return piece.name().startsWith('@');
}

/** To mustache, what makes a line more than tags. */
function isContent(piece: Piece): boolean {
  return piece.kind === 'text' ? /\S/.test(piece.text) : !isSectionTag(piece);
}

class Writer {
  text = '';
  misplaced = 0;
  readonly #left: string;
  readonly #right: string;
  readonly #place: Place;

  constructor({
    left,
    right,
    place,
  }: {
    readonly left: string;
    readonly right: string;
    readonly place: Place;
  }) {
    this.#left = left;
    this.#right = right;
    this.#place = place;
  }

  write(text: string): void {
    this.text += text;
  }

  line({ pieces, end }: Line): void {
    const last = pieces.findLastIndex(isSectionTag);
    if (last === -1) this.#pieces(pieces);
    else if (pieces.some(isContent)) this.#mixed(pieces);
    else this.#tagsOnly(pieces, last, end);
    this.write(end);
  }

  /** Such a line disappears with its blanks and its line break. */
  #tagsOnly(pieces: readonly Piece[], last: number, end: Line['end']): void {
    const blank = pieces.findIndex(({ kind }) => kind === 'text');
    if (blank === -1 || blank > last) {
      this.#eachOnItsLine(pieces.slice(0, last + 1));
      const rest = pieces.slice(last + 1);
      // What follows the tags is a line of its own.
      if (end === '\n' || rest.length > 0) this.write('\n');
      this.#pieces(rest);
      return;
    }
    // Blanks between tags stay where the line has something else.
    const piece = pieces[blank];
    this.#pieces(pieces.slice(0, blank));
    if (piece?.kind === 'text') this.#encodedBlanks(piece.text);
    this.#pieces(pieces.slice(blank + 1));
  }

  #encodedBlanks(text: string): void {
    const base64 = Buffer.from(text).toString('base64');
    this.write(this.#tag('#@base64decode') + base64 + this.#tag('/@base64decode'));
  }

  /** Sections that start or end before the text of a line get a line of their own, which disappears. */
  #mixed(pieces: readonly Piece[]): void {
    const rest = pieces.findIndex((piece) => !isSectionTag(piece) || isEncoding(piece));
    this.#eachOnItsLine(pieces.slice(0, rest));
    if (rest > 0) this.write('\n');
    this.#pieces(pieces.slice(rest));
  }

  #eachOnItsLine(tags: readonly Piece[]): void {
    this.write(tags.map((tag) => this.#written(tag)).join('\n'));
  }

  #pieces(pieces: readonly Piece[]): void {
    for (const piece of pieces) this.write(this.#written(piece));
  }

  #written(piece: Piece): string {
    switch (piece.kind) {
      case 'text':
        return this.#place === 'config' ? piece.text.replaceAll('${', () => '$${') : piece.text;
      case 'name':
        return this.#tag(piece.name());
      case 'open':
        this.#checkColumn(piece);
        return this.#tag(`${piece.inverted ? '^' : '#'}${piece.name()}`);
      case 'close':
        return this.#tag(`/${piece.name()}`);
      case 'environment':
        return `\${${piece.name}:-}`;
      case 'kept':
        return piece.source;
    }
  }

  #checkColumn({ column }: Extract<Piece, { kind: 'open' }>): void {
    if (column === undefined) return;
    const before = this.text.slice(this.text.lastIndexOf('\n') + 1);
    if (before !== ' '.repeat(column)) this.misplaced += 1;
  }

  #tag(name: string): string {
    return `${this.#left}${name}${this.#right}`;
  }
}

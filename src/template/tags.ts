export interface Tag {
  /** Without delimiters, and without the blanks after the first, which Mustache skips. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The tags in the usual delimiters: other ones are too rare for a second parser. */
export function tagsOf(source: string): readonly Tag[] {
  const tags: Tag[] = [];
  const opening = /\{\{\s*/g;
  for (let open = opening.exec(source); open !== null; open = opening.exec(source)) {
    const closing = source.startsWith('{', opening.lastIndex) ? '}}}' : '}}';
    const close = source.indexOf(closing, opening.lastIndex);
    if (close === -1) break;
    const end = close + closing.length;
    tags.push({ text: source.slice(opening.lastIndex, close), start: open.index, end });
    opening.lastIndex = end;
  }
  return tags;
}

/** Where a tag is that sets other delimiters: behind it, `{{` is text. */
export function delimitersTag(tags: readonly Tag[]): Tag | undefined {
  return tags.find(({ text }) => text.startsWith('='));
}

/** The line of a position, from 1; the newline at the end of a text starts no line. */
export function lineAt(source: string, position: number): number {
  const before = source.slice(0, Math.max(position, 0));
  const newlines = before.split('\n').length - 1;
  return newlines + (before.length === source.length && source.endsWith('\n') ? 0 : 1);
}

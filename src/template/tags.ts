export interface Tag {
  /** Without delimiters. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** The tags in the usual delimiters: other ones are too rare for a second parser. */
export function tagsOf(source: string): readonly Tag[] {
  const tags: Tag[] = [];
  for (let start = source.indexOf('{{'); start !== -1;) {
    const closing = source.startsWith('{{{', start) ? '}}}' : '}}';
    const close = source.indexOf(closing, start);
    if (close === -1) break;
    const end = close + closing.length;
    tags.push({ text: source.slice(start + '{{'.length, close), start, end });
    start = source.indexOf('{{', end);
  }
  return tags;
}

/** The line of a position, from 1; the newline at the end of a text starts no line. */
export function lineAt(source: string, position: number): number {
  const before = source.slice(0, Math.max(position, 0));
  const newlines = before.split('\n').length - 1;
  return newlines + (before.length === source.length && source.endsWith('\n') ? 0 : 1);
}

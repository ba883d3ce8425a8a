import mustache from 'mustache';

/**
 * A token of mustache's parser: type, name or text, start, end, then for a section its children and where its
 * closing tag starts, for a partial its indentation, how many tags are before it in its line, and whether text is.
 */
export type Token = readonly [
  type: '#' | '^' | '>' | '&' | 'name' | 'text' | '!' | '=',
  value: string,
  start: number,
  end: number,
  inner?: readonly Token[] | string,
  closeStartOrTagsBefore?: number,
  lineHasContent?: boolean,
];

/**
 * Parses with mustache's own parser, delimiters and standalone lines included.
 * @throws Error of mustache, whose message may quote the template
 */
export function tokenize(source: string): readonly Token[] {
  return new mustache.Writer().parse(source) as readonly unknown[] as readonly Token[];
}

/** The names of the partials in a template; none when it does not parse, which is reported elsewhere. */
export function partialNames(source: string): string[] {
  // A partial's tag has this in it, whatever the delimiters are.
  if (!source.includes('>')) return [];
  try {
    return namesIn(tokenize(source));
  } catch {
    return [];
  }
}

function namesIn(tokens: readonly Token[]): string[] {
  return tokens.flatMap(([type, value, , , inner]) => {
    if (type === '>') return [value];
    return typeof inner === 'object' ? namesIn(inner) : [];
  });
}

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
  return namesOnly(source) ?? (new mustache.Writer().parse(source) as readonly unknown[] as readonly Token[]);
}

/** The start of a tag that is not a name, or nothing. */
const OTHER_TAG = /^(?:[#^/>{&=!]|$)/;

/**
 * The same tokens of a template whose tags are all names: most templates are. Mustache compiles three regular expressions for each
 * template, which takes more time than the rest of its plan.
 * @returns undefined: another tag is in it, or one that is not closed
 */
function namesOnly(source: string): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; ;) {
    const start = source.indexOf('{{', at);
    const textEnd = start === -1 ? source.length : start;
    if (textEnd > at) tokens.push(['text', source.slice(at, textEnd), at, textEnd]);
    if (start === -1) return tokens;
    const close = source.indexOf('}}', start);
    const name = source.slice(start + 2, close).trim();
    if (close === -1 || OTHER_TAG.test(name)) return undefined;
    at = close + 2;
    tokens.push(['name', name, start, at]);
  }
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

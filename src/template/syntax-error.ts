import type { RunError } from '../base/errors.ts';
import { templateError } from './names.ts';
import { tokenize, type Token } from './syntax.ts';
import { delimitersTag, lineAt, tagsOf } from './tags.ts';

/**
 * Parses a template file or a partial.
 * @throws RunError `template` with the line of the tag that is wrong
 */
export function parseTokens(source: string, file: string | undefined): readonly Token[] {
  try {
    return tokenize(source);
  } catch (error) {
    throw syntaxError(error instanceof Error ? error.message : '', source, file);
  }
}

interface Problem {
  /** How mustache's message starts. */
  readonly start: string;
  readonly message: (section: string) => string;
  /** Where the tag is; undefined: where mustache says. */
  readonly position: (source: string, reported: number) => number | undefined;
}

const PROBLEMS: readonly Problem[] = [
  {
    start: 'Unclosed section',
    message: (section) => `the section ${section} is not closed`,
    position: (source, reported) => (reported < source.length ? reported : openSection(source)),
  },
  {
    start: 'Unopened section',
    message: (section) => `the section ${section} is closed, but was not opened`,
    position: () => undefined,
  },
  { start: 'Unclosed tag', message: () => 'a tag is not closed', position: openTag },
  {
    start: 'Invalid tags',
    message: () => 'there must be two delimiters, with a space between them',
    position: (source) => delimitersTag(tagsOf(source))?.start,
  },
];

function syntaxError(reported: string, source: string, file: string | undefined): RunError {
  const position = Number(/ at (\d+)$/.exec(reported)?.[1] ?? 0);
  const section = /"([^"]*)"/.exec(reported)?.[1] ?? '';
  const problem = PROBLEMS.find(({ start }) => reported.startsWith(start));
  const line = lineAt(source, problem?.position(source, position) ?? position);
  return templateError(
    { file, line },
    problem?.message(section) ?? 'the template does not parse',
    'Mustache tags look like {{secret.key}}, {{#section}}…{{/section}}',
  );
}

/** Where the tag starts that the text ends in. Mustache only reports where the text ends. */
function openTag(source: string): number | undefined {
  const start = source.indexOf('{{', tagsOf(source).at(-1)?.end ?? 0);
  return start === -1 ? undefined : start;
}

/** Where the innermost section starts that is open at the end of the text. */
function openSection(source: string): number | undefined {
  const open: number[] = [];
  for (const { text, start } of tagsOf(source)) {
    if (/^[#^]/.test(text)) open.push(start);
    else if (text.startsWith('/')) open.pop();
  }
  return open.at(-1);
}

import type { RunError } from '../errors.ts';
import { templateError } from './names.ts';
import { tokenize, type Token } from './syntax.ts';

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

/** Mustache's messages in our words. */
function syntaxError(message: string, source: string, file: string | undefined): RunError {
  const told = Number(/ at (\d+)$/.exec(message)?.[1] ?? 0);
  const section = /"([^"]*)"/.exec(message)?.[1] ?? '';
  const [problem, position] = message.startsWith('Unclosed section')
    ? [`the section ${section} is not closed`, told < source.length ? told : openSection(source)]
    : message.startsWith('Unopened section')
      ? [`the section ${section} is closed, but was not opened`, told]
      : message.startsWith('Unclosed tag')
        ? ['a tag is not closed', openTag(source)]
        : message.startsWith('Invalid tags')
          ? ['delimiters have to be two, with a blank between them', source.indexOf('{{=')]
          : ['the template does not parse', told];
  return templateError(
    { file, line: lineAt(source, position ?? told) },
    problem,
    'Mustache tags look like {{secret.key}}, {{#section}}…{{/section}}',
  );
}

/** Where the tag starts that the text ends in. Mustache only tells where the text ends. */
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

/** The tags in the usual delimiters: other ones are too rare for a second parser, and get the last line. */
function tagsOf(source: string): readonly { text: string; start: number; end: number }[] {
  const tags = [];
  for (let start = source.indexOf('{{'); start !== -1; ) {
    const close = source.indexOf('}}', start);
    if (close === -1) break;
    const end = close + '}}'.length;
    tags.push({ text: source.slice(start + '{{'.length, close), start, end });
    start = source.indexOf('{{', end);
  }
  return tags;
}

/** The line of a position; the newline at the end of a text starts no line. */
function lineAt(source: string, position: number): number {
  const before = source.slice(0, Math.max(position, 0));
  const newlines = before.split('\n').length - 1;
  return newlines + (before.length === source.length && source.endsWith('\n') ? 0 : 1);
}

import {
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type ErrorCode,
} from 'yaml';
import { RunError } from '../errors.ts';
import type { ConfigPath } from './interpolate.ts';
import type { SourceText } from './source.ts';

/** The parser's error codes in words; its own messages quote the text. */
const PROBLEMS: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'an alias that names no anchor',
  BAD_DQ_ESCAPE: 'a backslash in double quotes that escapes nothing',
  BAD_INDENT: 'wrong indentation',
  BAD_SCALAR_START: 'a plain text must not start with this character: quote it',
  BLOCK_AS_IMPLICIT_KEY: 'a `: ` inside a plain text, or wrong indentation: quote the text',
  DUPLICATE_KEY: 'a key that stands twice in its map',
  MISSING_CHAR: 'a closing quote, bracket or comma is missing, or a colon after a key',
  MULTILINE_IMPLICIT_KEY: 'a key that goes over several lines: is a colon missing?',
  MULTIPLE_DOCS: 'a second document; a config is one',
  TAB_AS_INDENT: 'a tab in the indentation: use blanks',
  TAG_RESOLVE_FAILED: 'a tag that is not known',
};

/** @throws RunError `config` */
export function parseYaml({ text, name }: SourceText) {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw new RunError(
      'config',
      `invalid YAML at column ${String(col)}: ${PROBLEMS[problem.code] ?? problem.code}`,
      {
        where: `${name}:${String(line)}`,
        hint: 'the mistake may be just before this place',
      },
    );
  }
  return { value: toValue(document, name), lineOf: (path: ConfigPath) => lineOf(document, lines, path) };
}

function toValue(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch {
    throw new RunError('config', 'the aliases of this YAML cannot be resolved, or grow without limit', {
      where: name,
      hint: 'write the repeated parts out',
    });
  }
}

/** The line of the key at the end of the path, or of the nearest thing around it. */
function lineOf(document: Document, lines: LineCounter, path: ConfigPath): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (!isCollection(node)) break;
    if (isMap(node)) {
      const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step);
      if (pair === undefined) break;
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      node = pair.value;
    } else {
      node = node.get(step, true);
      offset = rangeStart(node) ?? offset;
    }
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}

function rangeStart(node: unknown): number | undefined {
  return isScalar(node) || isCollection(node) ? node.range?.[0] : undefined;
}

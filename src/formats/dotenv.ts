import { textOf } from '../base/secret-data.ts';
import { isEvaluatedByShell, isEvaluatedByZsh, isShellName } from './encodings/shell-quoting.ts';
import type { Format } from './format.ts';
import { BAD_NAME, fileOfLines, SHELL_RUNS_IT, ZSH_RUNS_IT, type Problem } from './lines.ts';

/** Means the same to every reader without quotes. */
const BARE = /^[A-Za-z0-9_./:@%+,=-]+$/;
/** Node, dotenv and python-dotenv keep backslashes without quotes; a shell would take them away. */
const BARE_WITH_BACKSLASHES = /^[A-Za-z0-9_./:@%+,=\\-]+$/;
/** What python-dotenv unescapes within single quotes, the closing one included; nobody else does. */
const ESCAPES_IN_PYTHON = /\\(?:\\|$)/;
/** An odd number of backslashes at the end: in a shell the line goes on, and the next name is lost. */
const CONTINUES_LINE = /(?<!\\)(?:\\\\)*\\$/;

const UNCARRIABLE: Problem = {
  reason:
    'has a value that readers of dotenv files understand differently (an apostrophe with `"`, `\\`, `$` or a backtick, a backslash before another or at the end, a carriage return, or no text)',
  hint: 'use `format: json`, `format: raw` or a template for it, and leave it out here with keys.exclude',
};

/**
 * `NAME=value` lines. There is no standard: values are written in the form that Node's `--env-file`, dotenv,
 * python-dotenv and a POSIX shell read alike, and refused where there is none. Two differences have no remedy:
 * python-dotenv replaces `${NAME}` even within single quotes, unless it is called with `interpolate=False`, and a
 * shell takes away every other backslash of a value that has two in a row. Names
 * whose value bash would run are refused, and texts in those that zsh takes for numbers.
 */
export const dotenv: Format = {
  name: 'dotenv',
  about: '`NAME=value` lines that dotenv libraries and a shell read alike.',
  target: 'file',
  nesting: '_',
  render: (values) =>
    fileOfLines(values, (key, value) => {
      if (!isShellName(key)) return BAD_NAME;
      if (isEvaluatedByShell(key)) return SHELL_RUNS_IT;
      const text = textOf(value);
      if (isEvaluatedByZsh(key, text)) return ZSH_RUNS_IT;
      const quoted = quote(text);
      return quoted === undefined ? UNCARRIABLE : { text: `${key}=${quoted}` };
    }),
};

/** @returns undefined when no form carries the value through all readers */
function quote(value: string): string | undefined {
  if (value === '' || BARE.test(value)) return value;
  // A carriage return is a line break to some readers, and is dropped by others.
  if (/[\0\r]/.test(value) || !value.isWellFormed()) return undefined;
  if (!value.includes("'") && !ESCAPES_IN_PYTHON.test(value)) return `'${value}'`;
  // Within double quotes the shell expands `$` and backticks, and all readers differ about backslashes.
  if (!/["\\$`]/.test(value)) return `"${value}"`;
  // Nothing else may stand without quotes: a shell that reads the file would run it.
  return BARE_WITH_BACKSLASHES.test(value) && !CONTINUES_LINE.test(value) ? value : undefined;
}

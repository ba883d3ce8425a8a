import { textOf } from '../secrets.ts';
import type { Format, FormatProblem } from './format.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Means the same to every reader without quotes. */
const BARE = /^[A-Za-z0-9_./:@%+,=-]+$/;

/**
 * `NAME=value` lines. There is no standard: values are written in the form that Node's `--env-file`, dotenv,
 * python-dotenv and a POSIX shell read alike, and refused where there is none.
 */
export const dotenv: Format = {
  name: 'dotenv',
  target: 'file',
  render(values) {
    const problems: FormatProblem[] = [];
    const lines: string[] = [];
    for (const [key, value] of values) {
      const quoted = NAME.test(key) ? quote(textOf(value)) : undefined;
      if (quoted !== undefined) lines.push(`${key}=${quoted}\n`);
      else problems.push(NAME.test(key) ? uncarriable(key) : badName(key));
    }
    return problems.length > 0
      ? { problems }
      : { files: [{ name: undefined, content: Buffer.from(lines.join('')) }] };
  },
};

/** @returns undefined when no form carries the value through all readers */
function quote(value: string): string | undefined {
  if (value === '' || BARE.test(value)) return value;
  // A carriage return is a line break to some readers, and is dropped by others.
  if (/[\0\r]/.test(value) || !value.isWellFormed()) return undefined;
  // python-dotenv unescapes `\\` within single quotes, Node and the shell do not.
  if (!/['\\]/.test(value)) return `'${value}'`;
  // Within double quotes the shell expands `$` and backticks, and all readers differ about backslashes.
  return /["\\$`]/.test(value) ? bare(value) : `"${value}"`;
}

/** Backslashes survive without quotes in Node and python-dotenv; a shell would take them away. */
function bare(value: string): string | undefined {
  return /^[A-Za-z0-9_./:@%+,=-][A-Za-z0-9_./:@%+,=\\-]*$/.test(value) ? value : undefined;
}

function badName(key: string): FormatProblem {
  return {
    key,
    reason: 'is not a name that an environment variable can have',
    hint: 'give it one with keys.rename, or leave it out with keys.exclude; `format: json` takes any name',
  };
}

function uncarriable(key: string): FormatProblem {
  return {
    key,
    reason:
      'has a value that readers of dotenv files understand differently (quotes mixed with `\\`, `$` or backticks, or a carriage return)',
    hint: 'use `format: json`, `format: raw` or a template for it, and leave it out here with keys.exclude',
  };
}

import { hasControlCharacter } from '../base/control-characters.ts';
import { textOf } from '../base/secret-data.ts';
import { isShellName } from './encodings/shell-quoting.ts';
import type { Format } from './format.ts';
import { BAD_NAME, fileOfLines, type Problem } from './lines.ts';

/** Docker and kubectl read lines with Go's bufio.Scanner, which stops at a longer one. */
const LONGEST_LINE_BYTES = 65_535;

const UNCARRIABLE: Problem = {
  reason:
    'has a value that an env file cannot hold (a line break or another control character, a blank at either end, a quote at the start, a backslash, or no text)',
  hint: 'use `format: dotenv` for a reader that knows quotes, `format: files` or `json`, and leave it out here with keys.exclude',
};

const TOO_LONG: Problem = {
  reason: 'has a value that is too long: readers of env files take lines of up to 64 KiB',
  hint: 'use `format: files` or `format: raw` for it, and leave it out here with keys.exclude',
};

/**
 * `NAME=value` lines without quotes, for `docker run --env-file` and `kubectl create --from-env-file`, to which all after
 * the first `=` is the value, and for systemd's `EnvironmentFile=`, which takes away blanks around it, quotes at its start
 * and backslashes (systemd.exec(5)), and drops variables with control characters. What they read differently is refused.
 */
export const envFile: Format = {
  name: 'env-file',
  about: '`NAME=value` lines without quotes, for `docker run --env-file` and systemd.',
  target: 'file',
  nesting: '_',
  render: (values) =>
    fileOfLines(values, (key, value) => {
      if (!isShellName(key)) return BAD_NAME;
      const text = textOf(value);
      if (!isCarriable(text)) return UNCARRIABLE;
      const line = `${key}=${text}`;
      return Buffer.byteLength(line) < LONGEST_LINE_BYTES ? { text: line } : TOO_LONG;
    }),
};

function isCarriable(text: string): boolean {
  if (hasControlCharacter(text.replaceAll('\t', '')) || !text.isWellFormed()) return false;
  return text === text.trim() && !/^["']|\\/.test(text);
}

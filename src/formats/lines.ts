import type { JsonValue, KeyValues } from '../base/secret-data.ts';
import type { Encoded } from './encodings/encoded.ts';
import type { FormatProblem, Formatted } from './format.ts';

/** A problem without the name of its key. */
export type Problem = Omit<FormatProblem, 'key'>;

/** What a format makes of one key: a line, without its end, or the reason why there is none. */
export type Line = { readonly text: string } | Problem;

/** The one file of a format with a line for each key; every problem, when there are any. */
export function fileOfLines(
  values: KeyValues,
  lineOf: (key: string, value: JsonValue) => Line,
  head = '',
): Formatted {
  const problems: FormatProblem[] = [];
  const lines: string[] = [];
  for (const [key, value] of values) {
    const line = lineOf(key, value);
    if ('text' in line) lines.push(`${line.text}\n`);
    else problems.push({ key, ...line });
  }
  return problems.length > 0
    ? { problems }
    : { files: [{ name: undefined, content: Buffer.from(head + lines.join('')) }] };
}

/** The line of an encoding; `what` is the name of the format as people write it. */
export function lineOfEncoded(encoded: Encoded, what: string): Line {
  if ('text' in encoded) return encoded;
  return {
    reason: `cannot be written as ${what}: ${encoded.problem}`,
    hint: 'use `format: json`, `format: raw` or a template for it, and leave it out here with keys.exclude',
  };
}

export const BAD_NAME: Problem = {
  reason: 'is not a name that an environment variable can have',
  hint: 'give it one with keys.rename or `keys: { sanitize: true }`, or leave it out with keys.exclude; `format: json` takes any name',
};

export const SHELL_RUNS_IT: Problem = {
  reason: 'is a variable of the shell, which runs what is assigned to it',
  hint: 'give it another name with keys.rename or keys.prefix, or leave it out with keys.exclude',
};

export const ZSH_RUNS_IT: Problem = {
  ...SHELL_RUNS_IT,
  reason: 'is a number to zsh, which would run this value',
};

export const SHELL_KEEPS_IT: Problem = {
  ...SHELL_RUNS_IT,
  reason: 'is a variable that a shell keeps for itself: it would not hold the value',
};

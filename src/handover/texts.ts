import type { Variable } from '../values.ts';
import { RunError } from '../errors.ts';
import { dotenv as dotenvFormat } from '../formats/dotenv.ts';
import { printed } from './handover.ts';

/** `export NAME='value'`, for `eval` in any POSIX shell. */
export const shell = printed('shell', 'export commands for sh, bash, zsh', exports);

export function exports(variables: readonly Variable[]): string {
  return variables
    .map(({ name, text }) => `export ${name}='${text.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('');
}

/** fish knows two escapes within single quotes. https://fishshell.com/docs/current/language.html#quotes */
export const fish = printed('fish', 'set commands for fish', (variables) =>
  variables
    .map(({ name, text }) => `set -gx ${name} '${text.replace(/[\\']/g, String.raw`\$&`)}'\n`)
    .join(''),
);

export const json = printed(
  'json',
  'a JSON object',
  (variables) =>
    `${JSON.stringify(Object.fromEntries(variables.map(({ name, text }) => [name, text])), undefined, 2)}\n`,
);

/** The same as the output format. */
export const dotenv = printed('dotenv', 'NAME=value lines', (variables) => {
  const formatted = dotenvFormat.render(new Map(variables.map(({ name, text }) => [name, text])), {
    key: undefined,
    decode: undefined,
  });
  if (formatted.problems === undefined) {
    return formatted.files.map(({ content }) => Buffer.from(content).toString('utf8')).join('');
  }
  throw new RunError(
    formatted.problems.map(({ key, reason, hint }) => ({
      kind: 'output',
      message: `the variable \`${key}\` ${reason}`,
      hint,
    })),
  );
});

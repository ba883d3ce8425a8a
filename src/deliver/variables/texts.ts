import { RunError, throwIfAny, type Failure } from '../../base/errors.ts';
import { dotenv as dotenvFormat } from '../../formats/dotenv.ts';
import { envFile as envFileFormat } from '../../formats/env-file.ts';
import type { Format } from '../../formats/format.ts';
import { shell as shellFormat } from '../../formats/shell.ts';
import { printed } from './handover.ts';
import type { Variable } from './variable.ts';

/** For `eval` in any POSIX shell; the same as the output format. */
export const shell = printed('shell', exportsOf, exitOf);

/** `eval` has the status of this, and `set -e` ends the script. */
export function exitOf(exitCode: number): string {
  return `(exit ${String(exitCode)})\n`;
}

export function exportsOf(variables: readonly Variable[]): string {
  return inFormat(shellFormat, variables);
}

/** The same as the output format. */
export const dotenv = printed('dotenv', (variables) => inFormat(dotenvFormat, variables));

/** The same as the output format. */
export const envFile = printed('env-file', (variables) => inFormat(envFileFormat, variables));

/**
 * What fish lets nobody set, or not as a variable that programs inherit.
 * https://fishshell.com/docs/current/language.html#special-variables
 */
const KEPT_BY_FISH: ReadonlySet<string> = new Set([
  ...['FISH_VERSION', 'PWD', 'SHLVL', '_', 'fish_kill_signal', 'fish_killring', 'fish_pid', 'history'],
  ...['hostname', 'pipestatus', 'status', 'status_generation', 'umask', 'version'],
]);

/** fish knows two escapes within single quotes. https://fishshell.com/docs/current/language.html#quotes */
export const fish = printed(
  'fish',
  (variables) => {
    const kept = variables.filter(({ name }) => KEPT_BY_FISH.has(name));
    throwIfAny(kept.map(({ name }) => refusal(name, 'is one that fish keeps for itself')));
    return variables
      .map(({ name, text }) => `set -gx ${name} '${text.replace(/[\\']/g, String.raw`\$&`)}'\n`)
      .join('');
  },
  (exitCode) => `return ${String(exitCode)}\n`,
);

export const json = printed(
  'json',
  (variables) =>
    `${JSON.stringify(Object.fromEntries(variables.map(({ name, text }) => [name, text])), undefined, 2)}\n`,
);

function inFormat(format: Format, variables: readonly Variable[]): string {
  const formatted = format.render(new Map(variables.map(({ name, text }) => [name, text])), {}, {});
  if (formatted.problems === undefined) {
    return formatted.files.map(({ content }) => Buffer.from(content).toString('utf8')).join('');
  }
  throw new RunError(formatted.problems.map(({ key, reason }) => refusal(key, reason)));
}

function refusal(name: string, reason: string): Failure {
  return {
    kind: 'output',
    message: `the variable \`${name}\` ${reason}`,
    hint: 'give it another name, use another --format, or write its value to a file with an output',
  };
}

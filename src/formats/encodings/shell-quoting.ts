import { HALF_PAIR, type Encoded } from './encoded.ts';

/** A name in the sense of POSIX.1-2024, XBD 3.216. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function isShellName(name: string): boolean {
  return NAME.test(name);
}

/**
 * Bash takes what is assigned to these for arithmetic, and arithmetic for code: `RANDOM='a[$(id)]'` runs `id`. Dash
 * refuses all but numbers for OPTIND.
 */
const EVALUATED = ['HISTCMD', 'OPTIND', 'RANDOM', 'SRANDOM'];

/** The other variables of bash that are read-only, count by themselves, or drop what is assigned (Bash manual, 5.2). */
const KEPT = [
  ...['BASHOPTS', 'BASHPID', 'BASH_ALIASES', 'BASH_ARGC', 'BASH_ARGV', 'BASH_CMDS', 'BASH_COMMAND'],
  ...['BASH_LINENO', 'BASH_SOURCE', 'BASH_SUBSHELL', 'BASH_VERSINFO', 'DIRSTACK', 'EPOCHREALTIME'],
  ...['EPOCHSECONDS', 'EUID', 'FUNCNAME', 'GROUPS', 'LINENO', 'PIPESTATUS', 'PPID', 'SECONDS', 'SHELLOPTS'],
  ...['UID', '_'],
];

const evaluatedNames: ReadonlySet<string> = new Set(EVALUATED);
const keptNames: ReadonlySet<string> = new Set([...EVALUATED, ...KEPT]);

/** True for a variable whose value a shell would run. */
export function isEvaluatedByShell(name: string): boolean {
  return evaluatedNames.has(name);
}

/** True for a variable that does not hold what is assigned to it, whatever it is. */
export function isKeptByShell(name: string): boolean {
  return keptNames.has(name);
}

/** One word, in single quotes: within them nothing is special (POSIX.1-2024, XCU 2.2.2), and none can stand. */
export function shellWord(text: string): Encoded {
  if (text.includes('\0')) return { problem: 'a shell word cannot hold a NUL character' };
  if (!text.isWellFormed()) return { problem: HALF_PAIR };
  return { text: `'${text.replaceAll("'", String.raw`'\''`)}'` };
}

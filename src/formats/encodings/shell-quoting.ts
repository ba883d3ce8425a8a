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

/**
 * Zsh takes these for arithmetic, and so for code, when they are assigned or when it next looks at them (zshparam(1), and
 * the callers of getiparam in zsh 5.9). To other shells they are variables like any other, or kept.
 */
const NUMBERS_OF_ZSH = [
  ...['BAUD', 'COLUMNS', 'DIRSTACKSIZE', 'EGID', 'ERRNO', 'EUID', 'FUNCNEST', 'GID', 'HISTSIZE'],
  ...['KEYTIMEOUT', 'LINES', 'LISTMAX', 'LOGCHECK', 'MAILCHECK', 'MENUSCROLL', 'PERIOD', 'REPORTMEMORY'],
  ...['REPORTTIME', 'SAVEHIST', 'SECONDS', 'SHLVL', 'TMOUT', 'TRY_BLOCK_ERROR', 'TRY_BLOCK_INTERRUPT'],
  ...['UID', 'ZFTP_TMOUT', 'ZLE_RPROMPT_INDENT'],
];
/** Of 18 digits at most: zsh cuts off what 64 bits do not hold. */
const NUMBER = /^(?:0|-?[1-9]\d{0,17})$/;

const evaluatedNames: ReadonlySet<string> = new Set(EVALUATED);
const numbersOfZsh: ReadonlySet<string> = new Set(NUMBERS_OF_ZSH);
const keptNames: ReadonlySet<string> = new Set([...EVALUATED, ...KEPT]);

/** True for a variable whose value a shell would run. */
export function isEvaluatedByShell(name: string): boolean {
  return evaluatedNames.has(name);
}

/** True for a value that zsh would run in this variable. */
export function isEvaluatedByZsh(name: string, value: string): boolean {
  return numbersOfZsh.has(name) && !NUMBER.test(value);
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

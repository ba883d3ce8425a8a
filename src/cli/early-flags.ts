import type { CommandDefinitions } from '../commands/command.ts';
import { SETTINGS, type Environment, type Setting } from '../config/settings.ts';
import type { LogSettings } from '../host/process-io.ts';

/** Known even to a command that does not take them. */
const LOG_FLAGS = ['--log-level', '--log-format'];

/** What a command line that does not parse says all the same. */
export interface EarlyFlags {
  readonly command: string | undefined;
  /** By name, as `--log-format`; the last value of each. A switch has an empty one. */
  readonly values: ReadonlyMap<string, string>;
}

/** Reads flags as commander does, but past what it refuses. */
export function earlyFlags(argv: readonly string[], commands: CommandDefinitions): EarlyFlags {
  const known = Object.values(commands).flatMap(({ flags }) => Object.entries(flags));
  const takingValue = known.filter(([, { value }]) => value !== undefined);
  const takesValue = new Set([...LOG_FLAGS, ...takingValue.flatMap(([long, { short }]) => [long, short])]);
  const values = new Map<string, string>();
  const words = [...argv];
  let command: string | undefined;
  for (let word = words.shift(); word !== undefined && word !== '--'; word = words.shift()) {
    if (word === '-' || !word.startsWith('-')) {
      // The rest belongs to the command that it starts.
      if (command === 'exec') break;
      command ??= word;
      continue;
    }
    const { flag, value } = parts(word);
    if (takesValue.has(flag)) values.set(flag, value ?? words.shift() ?? '');
    else values.set(flag, '');
    // Switches may share a dash: `-qc FILE`.
    if (flag === '-q' && value !== undefined) words.unshift(`-${value}`);
  }
  return { command, values };
}

/** `--flag=value`, `-fvalue`. */
function parts(word: string): { readonly flag: string; readonly value: string | undefined } {
  const end = word.startsWith('--') ? word.indexOf('=') : 2;
  if (end === -1 || end >= word.length) return { flag: word, value: undefined };
  return { flag: word.slice(0, end), value: word.slice(word.startsWith('--') ? end + 1 : end) };
}

/** How to log errors of the command line itself. What is not valid does not count: it may be the error. */
export function earlyLogSettings({ values }: EarlyFlags, env: Environment): LogSettings {
  const { logLevel, logFormat } = SETTINGS;
  const isQuiet = values.has('-q') || values.has('--quiet');
  return {
    level: isQuiet ? 'error' : (firstValid(logLevel, values.get('--log-level'), env) ?? 'info'),
    format: firstValid(logFormat, values.get('--log-format'), env),
  };
}

function firstValid<T>(setting: Setting<T>, flag: string | undefined, env: Environment): T | undefined {
  for (const text of [flag, ...setting.env.map((name) => env[name])]) {
    const value = text === undefined ? undefined : setting.parse(text);
    if (value !== undefined) return value;
  }
  return undefined;
}

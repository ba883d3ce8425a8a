import { RunError } from '../base/errors.ts';
import { shownName } from '../base/shown-text.ts';
import { VERSION } from '../base/version.ts';
import type { Call } from '../commands/command.ts';
import type { EnvOptions } from '../commands/env.ts';
import type { Deprecated } from '../config/old-names.ts';
import { logSettings } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import type { LogSettings } from '../host/process-io.ts';
import { commandNamed, commandsFor } from './command-tree.ts';
import type { Refused } from './commander-tree.ts';
import type { EarlyFlags } from './early-flags.ts';
import { tellOfOldFlags, tellOfOldKeys, withCurrentVariables, withOldFlags } from './old-flags.ts';
import { readPlainly } from './plain-arguments.ts';

type ConfigureLog = (settings: LogSettings) => void;

/**
 * Parses the arguments and runs the command.
 * @throws RunError `usage` for bad flags and arguments, and whatever the command throws
 */
export async function runCommandLine(
  argv: readonly string[],
  process: Io,
  configureLog: ConfigureLog,
): Promise<void> {
  const old = new Map<string, Deprecated>();
  const tell = (used: Deprecated): void => {
    if (!old.has(used.name)) old.set(used.name, used);
  };
  const io: Io = { ...process, env: withCurrentVariables(process.env, tell) };
  const call = plainCall(argv) ?? (await anyCall(argv, io, configureLog, tell));
  if (call === undefined) return;
  const { command, options, words } = call;
  try {
    configureLog(logSettings(options, io.env));
  } catch (error) {
    throw await notStarted(() => error, argv, io, configureLog);
  }
  tellOfOldKeys(options, tell);
  for (const used of old.values()) io.scope.log.write(used);
  await command.run(options, words, io);
}

function plainCall([name = '', ...args]: readonly string[]): Call | undefined {
  const command = commandNamed(name);
  return command && readPlainly(command, args);
}

/** @returns undefined where help or the version was asked for, and printed */
async function anyCall(
  argv: readonly string[],
  io: Io,
  configureLog: ConfigureLog,
  tell: (used: Deprecated) => void,
): Promise<Call | undefined> {
  const { parseFully } = await import('./commander-tree.ts');
  const parsed = parseFully(argv, withOldFlags(commandsFor(argv)), VERSION);
  switch (parsed.kind) {
    case 'call':
      tellOfOldFlags(parsed.oldFlags, tell);
      return parsed.call;
    case 'text':
      io.stdout.write(parsed.text);
      return undefined;
    case 'refused':
      throw await notStarted((flags) => usageError(parsed, flags), argv, io, configureLog);
  }
}

/** @returns the error as it is reported, in the way that the command line and the environment ask for */
async function notStarted(
  toError: (flags: EarlyFlags) => unknown,
  argv: readonly string[],
  io: Io,
  configureLog: ConfigureLog,
): Promise<unknown> {
  const { earlyFlags, earlyLogSettings } = await import('./early-flags.ts');
  const flags = earlyFlags(argv, withOldFlags(commandsFor(argv)));
  configureLog(earlyLogSettings(flags, io.env));
  const failed = toError(flags);
  if (flags.command === 'env' && failed instanceof RunError) {
    const { failInShell } = await import('../commands/env.ts');
    failInShell(earlyEnvOptions(flags), failed.exitCode, io);
  }
  return failed;
}

function earlyEnvOptions({ values }: EarlyFlags): Pick<EnvOptions, 'format' | 'out'> {
  const [format, out] = [values.get('--format'), values.get('--out')];
  return { ...(format === undefined ? {} : { format }), ...(out === undefined ? {} : { out }) };
}

/** Flags that others have, or that one would expect. */
const CREDENTIAL_FLAG = /^unknown option '--(?:token|password|secret-id|jwt)'/;
const CREDENTIAL_HINT =
  'there are no flags for credentials, because other users can see them: use a file, as with `--auth token --set auth.token_file=FILE`, or for a token $VAULT_TOKEN';

function usageError({ code, message }: Refused, { command }: EarlyFlags): RunError {
  // Without a command, and for help about one that it does not know, commander answers with the help text as an error.
  if (code === 'commander.help') {
    return new RunError('usage', command === 'help' ? 'unknown command' : 'no command given', {
      hint: 'see `vaultonce --help`; the main job is `vaultonce render`',
    });
  }
  const [first = '', ...rest] = withoutValues(message.replace(/^error: /, '')).split('\n');
  const details = rest.filter((line) => line !== '');
  const page = command !== undefined && commandNamed(command) !== undefined ? `${command} ` : '';
  return new RunError('usage', first, {
    ...(details.length === 0 ? {} : { details }),
    hint: CREDENTIAL_FLAG.test(first)
      ? CREDENTIAL_HINT
      : first.includes("'--fixtures") && command === 'watch'
        ? 'values of a file do not change: use `render --fixtures`'
        : `see \`vaultonce ${page}--help\``,
  });
}

/** Commander quotes what was typed, which may be a credential in the wrong place. */
function withoutValues(message: string): string {
  return message
    .replace(/(?<=^unknown option '--[^=]*)=.*'(?=\n|$)/s, "'")
    .replace(
      /(?<=^unknown (?:option|command) ')(-*)([^]*?)(?='(?:\n|$))/,
      (_text, dashes: string, name: string) => `${dashes}${shownName(name)}`,
    )
    .replace(/ argument '.*' is invalid\./s, ' has an invalid value.')
    .replace(/^command-argument value '.*' is invalid for/s, 'invalid value for')
    .replace(/(?<=but got \d+): .*/s, '');
}

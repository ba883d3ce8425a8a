import { Command, CommanderError } from 'commander';
import { RunError } from '../base/errors.ts';
import { shownName } from '../base/shown-text.ts';
import { VERSION } from '../base/version.ts';
import type { EnvOptions } from '../commands/env.ts';
import type { Deprecated } from '../config/old-names.ts';
import { logSettings, type Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import type { LogSettings } from '../host/process-io.ts';
import { commandsFor } from './command-tree.ts';
import type { EarlyFlags } from './early-flags.ts';
import { takeOldFlags, tellOfOldKeys, withCurrentVariables } from './old-flags.ts';

/** `-qh` is `-q` and `-h`. What belongs to the command of `exec` may look like it, too. */
const ASKS_FOR_HELP = /^(?:help$|--help$|-\w*h)/;

/**
 * Parses the arguments and runs the command.
 * @throws RunError `usage` for bad flags and arguments, and whatever the command throws
 */
export async function runCommandLine(
  argv: readonly string[],
  process: Io,
  configureLog: (settings: LogSettings) => void,
): Promise<void> {
  const progress = { hasStarted: false };
  const old = new Map<string, Deprecated>();
  const tell = (used: Deprecated): void => {
    if (!old.has(used.name)) old.set(used.name, used);
  };
  const io: Io = { ...process, env: withCurrentVariables(process.env, tell) };
  const program = createProgram(argv, io, (flags) => {
    configureLog(logSettings(flags, io.env));
    progress.hasStarted = true;
    tellOfOldKeys(flags, tell);
    for (const used of old.values()) io.scope.log.write(used);
  });
  takeOldFlags(program, tell);
  // Only for those who ask: it is a third of what the command line takes to describe.
  if (argv.some((word) => ASKS_FOR_HELP.test(word))) {
    const { addHelpTexts } = await import('./help-texts.ts');
    addHelpTexts(program);
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    if (progress.hasStarted && !(error instanceof CommanderError)) throw error;
    throw await notStarted(error, argv, program, io, configureLog);
  }
}

/** @returns the error as it is reported, in the way that the command line and the environment ask for */
async function notStarted(
  error: unknown,
  argv: readonly string[],
  program: Command,
  io: Io,
  configureLog: (settings: LogSettings) => void,
): Promise<unknown> {
  const { earlyFlags, earlyLogSettings } = await import('./early-flags.ts');
  const flags = earlyFlags(argv, program);
  configureLog(earlyLogSettings(flags, io.env));
  const failed = error instanceof CommanderError ? usageError(error, flags) : error;
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

function createProgram(argv: readonly string[], io: Io, start: (flags: Flags) => void): Command {
  const program = new Command('vaultonce')
    .description(
      'Logs in to Vault or OpenBao once, fetches every declared secret in parallel, writes all files or none, and exits.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    // Lets `exec` hand all that follows the word of its command on.
    .enablePositionalOptions()
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureOutput({
      writeOut: (text) => {
        io.stdout.write(text);
      },
      // Errors come back as CommanderError and are reported like all others.
      writeErr: () => undefined,
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .hook('preAction', (_program, command) => {
      start(command.opts<Flags>());
    });
  for (const add of commandsFor(argv)) add(program, io);
  return program;
}

/** Flags that others have, or that one would expect. */
const CREDENTIAL_FLAG = /^unknown option '--(?:token|password|secret-id|jwt)'/;
const CREDENTIAL_HINT =
  'there are no flags for credentials, because other users can see them: use a file, as with `--set auth.token_file=FILE`, or for a token $VAULT_TOKEN';

function usageError({ code, message }: CommanderError, { command }: EarlyFlags): RunError {
  // Without a command, and for help about one that it does not know, commander answers with the help text as an error.
  if (code === 'commander.help') {
    return new RunError('usage', command === 'help' ? 'unknown command' : 'no command given', {
      hint: 'see `vaultonce --help`; the main job is `vaultonce render`',
    });
  }
  const [first = '', ...rest] = withoutValues(message.replace(/^error: /, '')).split('\n');
  const details = rest.filter((line) => line !== '');
  return new RunError('usage', first, {
    ...(details.length === 0 ? {} : { details }),
    hint: CREDENTIAL_FLAG.test(first)
      ? CREDENTIAL_HINT
      : first.includes("'--fixtures") && command === 'watch'
        ? 'values of a file do not change: use `render --fixtures`'
        : 'see `vaultonce --help`',
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

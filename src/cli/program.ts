import { Command, CommanderError } from 'commander';
import { RunError } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import type { Flags } from '../config/settings.ts';
import { logSettings } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import type { LogSettings } from '../host/process-io.ts';
import { commandsFor } from './command-tree.ts';
import { EXIT_CODES_HELP } from './common-flags.ts';

/**
 * Parses the arguments and runs the command.
 * @throws RunError `usage` for bad flags and arguments, and whatever the command throws
 */
export async function runCommandLine(
  argv: readonly string[],
  io: Io,
  configureLog: (settings: LogSettings) => void,
): Promise<void> {
  const program = createProgram(argv, io, configureLog);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    throw usageError(error);
  }
}

function createProgram(
  argv: readonly string[],
  io: Io,
  configureLog: (settings: LogSettings) => void,
): Command {
  const program = new Command('vaultonce')
    .description(
      'Logs in to Vault or OpenBao once, fetches every declared secret in parallel, writes all files or none, and exits.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .configureOutput({
      writeOut: (text) => {
        io.stdout.write(text);
      },
      // Errors come back as CommanderError and are told like all others.
      writeErr: () => undefined,
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride()
    .hook('preAction', (_program, command) => {
      configureLog(logSettings(command.opts<Flags>(), io.env));
    })
    .addHelpText(
      'after',
      `
Examples:
  vaultonce check -c vaultonce.yaml      what would be requested and written, offline
  vaultonce render -c vaultonce.yaml     log in, fetch, write, give the token back
  vaultonce exec -- ./server             start a command with \`environment:\` set
  eval "$(vaultonce env)"                set \`environment:\` in this shell
  vaultonce read secret/app/db#password  print one value
${EXIT_CODES_HELP}`,
    );
  for (const add of commandsFor(argv)) add(program, io);
  return program;
}

function usageError({ code, message }: CommanderError): RunError {
  // Without a command, commander answers with the help text as an error.
  if (code === 'commander.help') {
    return new RunError('usage', 'no command given', {
      hint: 'see `vaultonce --help`; the main job is `vaultonce render`',
    });
  }
  const [first = '', ...details] = message.replace(/^error: /, '').split('\n');
  return new RunError('usage', first, {
    details: details.filter((line) => line !== ''),
    hint: 'see `vaultonce --help`',
  });
}

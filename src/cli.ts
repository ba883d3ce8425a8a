import { Command, CommanderError, Option } from 'commander';
import type { Flags } from './config/settings.ts';
import { logSettings } from './config/settings.ts';
import { RunError } from './errors.ts';
import type { Io } from './io.ts';
import { LOG_FORMATS, LOG_LEVELS } from './log.ts';
import type { LogSettings } from './process-io.ts';
import { VERSION } from './version.ts';

const EXIT_CODES_HELP = `
Exit codes:
  0 every output is complete   1 a bug             2 bad flags or arguments
  3 invalid config             4 login refused     5 denied (403 on a path)
  6 secret or key missing      7 template error    8 cannot write
  9 server unavailable        10 limit not met   124 timeout
  130, 143 stopped by SIGINT, SIGTERM`;

/**
 * Parses the arguments and runs the command.
 * @throws RunError `usage` for bad flags and arguments, and whatever the command throws
 */
export async function runCommandLine(
  argv: readonly string[],
  io: Io,
  configureLog: (settings: LogSettings) => void,
): Promise<void> {
  const program = createProgram(io, configureLog);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    throw usageError(error);
  }
}

function createProgram(io: Io, configureLog: (settings: LogSettings) => void): Command {
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
      configureLog(logSettings(flagsOf(command), io.env));
    })
    .addHelpText(
      'after',
      `
Examples:
  vaultonce check -c vaultonce.yaml      what would be requested and written, offline
  vaultonce render -c vaultonce.yaml     log in, fetch, write, give the token back
${EXIT_CODES_HELP}`,
    );
  addRender(program, io);
  addCheck(program, io);
  addSchema(program, io);
  return program;
}

function addRender(program: Command, io: Io): void {
  withCommonFlags(program.command('render'))
    .description('fetch all secrets and write all outputs, or change nothing')
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file, or `-` for stdout')
    .addHelpText(
      'after',
      `
Examples:
  vaultonce render                                  with ./vaultonce.yaml
  vaultonce render -c base.yaml -c prod.yaml        several files, merged
  generate-config | vaultonce render -c -           config from stdin
  vaultonce render --timeout 30s --report -         with a report on stdout
${EXIT_CODES_HELP}`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { render } = await import('./commands/render.ts');
      await render(flagsOf(command), io);
    });
}

function addCheck(program: Command, io: Io): void {
  withCommonFlags(program.command('check'))
    .description('validate config, templates and references offline, and show the plan')
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--json', 'print the plan as JSON')
    .addHelpText(
      'after',
      `
Examples:
  vaultonce check                       with ./vaultonce.yaml
  vaultonce check -c app.yaml --json    for machines
${EXIT_CODES_HELP}`,
    )
    .action(async (options: { readonly json?: true }, command: Command) => {
      const { check } = await import('./commands/check.ts');
      await check(flagsOf(command), options.json === true, io);
    });
}

function addSchema(program: Command, io: Io): void {
  program
    .command('schema')
    .description('print the JSON Schema of the config')
    .option('--markdown', 'print the reference of the config as Markdown instead')
    .addHelpText(
      'after',
      `
Examples:
  vaultonce schema > vaultonce.schema.json      for editors: # yaml-language-server: $schema=vaultonce.schema.json
  vaultonce schema --markdown | less`,
    )
    .action(async (options: { readonly markdown?: true }) => {
      const { schema } = await import('./commands/schema.ts');
      schema(options.markdown === true, io);
    });
}

function withCommonFlags(command: Command): Command {
  return command
    .option(
      '-c, --config <file>',
      'config file, `-` for stdin; may be repeated (default: $VAULTONCE_CONFIG, then ./vaultonce.yaml)',
      (file: string, files: readonly string[] | undefined) => [...(files ?? []), file],
    )
    .option('--address <url>', 'address of the server (default: $VAULT_ADDR, then vault.address)')
    .option('--namespace <path>', 'namespace (default: $VAULT_NAMESPACE, then vault.namespace)')
    .option('--timeout <duration>', 'limit for the whole run (default: 60s)')
    .addOption(new Option('--log-level <level>', 'what to log (default: info)').choices(LOG_LEVELS))
    .addOption(
      new Option('--log-format <format>', 'default: text on a terminal, else json').choices(LOG_FORMATS),
    )
    .option('-q, --quiet', 'log errors only')
    .allowExcessArguments(false);
}

function flagsOf(command: Command): Flags {
  return command.opts<Flags>();
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

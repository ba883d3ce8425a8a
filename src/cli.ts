import { Argument, Command, CommanderError } from 'commander';
import { collect, EXIT_CODES_HELP, OUT_HELP, withCommonFlags } from './common-flags.ts';
import type { CheckOptions } from './commands/check.ts';
import type { EnvOptions } from './commands/env.ts';
import type { ExecOptions } from './commands/exec.ts';
import type { ReadOptions } from './commands/read.ts';
import type { RenderOptions } from './commands/render.ts';
import type { Flags } from './config/settings.ts';
import { logSettings } from './config/settings.ts';
import { RunError } from './errors.ts';
import type { Io } from './io.ts';
import type { LogSettings } from './process-io.ts';
import { VERSION } from './version.ts';

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
  vaultonce exec -- ./server             start a command with \`environment:\` set
  eval "$(vaultonce env)"                set \`environment:\` in this shell
  vaultonce read secret/app/db#password  print one value
${EXIT_CODES_HELP}`,
    );
  addRender(program, io);
  addExec(program, io);
  addEnv(program, io);
  addRead(program, io);
  addCheck(program, io);
  addPolicy(program, io);
  addSchema(program, io);
  addCompletion(program, io);
  return program;
}

function addRender(program: Command, io: Io): void {
  withCommonFlags(program.command('render'))
    .description('fetch all secrets and write all outputs, or change nothing')
    .option('--out <path=ref>', OUT_HELP, collect)
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file, or `-` for stdout')
    .option('--fixtures <file>', 'render with the values of a YAML or JSON file; no server is asked')
    .addHelpText(
      'after',
      `
Examples:
  vaultonce render                                  with ./vaultonce.yaml
  vaultonce render -c base.yaml -c prod.yaml        several files, merged
  generate-config | vaultonce render -c -           config from stdin
  vaultonce render --timeout 30s --report -         with a report on stdout
  vaultonce render --fixtures test.yaml             a preview, without a server
  vaultonce render --set vault.namespace=team-a     one key otherwise than in the config
Without a config file:
  vaultonce render --auth kubernetes --role web --out /vault/secrets/password=secret/web/db#password
${EXIT_CODES_HELP}`,
    )
    .action(async (options: RenderOptions, command: Command) => {
      const { render } = await import('./commands/render.ts');
      await render(options, flagsOf(command), io);
    });
}

function addExec(program: Command, io: Io): void {
  withCommonFlags(program.command('exec'))
    .description('fetch, write the outputs if there are any, and become a command that has `environment` set')
    .argument('<command...>', 'the command and its arguments, after `--`')
    .option('--env <name=ref>', 'a variable more, as NAME=path#key; may be repeated', collect)
    .option('--clear-env', 'do not hand the inherited environment on, except PATH')
    .option('--keep-env <name>', 'hand this variable on in any case; may be repeated', collect)
    .option('--redact', 'black out the values (of 4 characters and more) in what the command prints')
    .option('--pass-token', 'hand on VAULT_TOKEN and what else this run logged in with')
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file')
    .addHelpText(
      'after',
      `
Examples:
  vaultonce exec -- ./server --port 8080            with \`environment:\` of ./vaultonce.yaml
  vaultonce exec --env DB_PASSWORD=secret/app/db#password -- psql
  vaultonce exec --clear-env --keep-env HOME -- env
  vaultonce exec --auth jwt --role ci --set auth.jwt_env=CI_JWT --env TOKEN=secret/ci#token -- make
${EXIT_CODES_HELP}
  126, 127 the command cannot be run, does not exist; else the command's own status`,
    )
    .action(async (words: readonly string[], options: ExecOptions, command: Command) => {
      const { exec } = await import('./commands/exec.ts');
      await exec(words, options, flagsOf(command), io);
    });
}

function addEnv(program: Command, io: Io): void {
  withCommonFlags(program.command('env'))
    .description('print `environment`, or hand it to the CI system that this runs in')
    .option(
      '--format <name>',
      'shell, fish, dotenv, json, github, azure, circleci, buildkite (default: by the CI system, else shell)',
    )
    .option('--env <name=ref>', 'a variable more, as NAME=path#key; may be repeated', collect)
    .option('--force', 'hand on names that change how a job runs, such as PATH')
    .option('--report <file>', 'write a JSON report to a file')
    .addHelpText(
      'after',
      `
Examples:
  eval "$(vaultonce env)"                      sh, bash, zsh
  vaultonce env --format fish | source         fish
  vaultonce env                                in a CI job: masks the values, then sets them for later steps
  vaultonce env --format json --env TOKEN=secret/ci/registry#token
${EXIT_CODES_HELP}`,
    )
    .action(async (options: EnvOptions, command: Command) => {
      const { env } = await import('./commands/env.ts');
      await env(options, flagsOf(command), io);
    });
}

function addRead(program: Command, io: Io): void {
  withCommonFlags(program.command('read'))
    .description('print single values, for scripts')
    .argument('<ref...>', '`path#key`, `path#key@version`, `name#key` of a config, `path#/json/pointer`')
    .option('--json', 'print an object of all values by reference')
    .option('--out <file>', 'write the value to a file with mode 0400')
    .option('--allow-disk', 'allow a file outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file')
    .addHelpText(
      'after',
      `
Examples:
  password=$(vaultonce read secret/app/db#password)
  vaultonce read secret/app/db#password@3 secret/app/db#/replicas/0/host --json
  vaultonce read secret/app/tls#key --out /dev/shm/tls.key
${EXIT_CODES_HELP}`,
    )
    .action(async (refs: readonly string[], options: ReadOptions, command: Command) => {
      const { read } = await import('./commands/read.ts');
      await read(refs, options, flagsOf(command), io);
    });
}

function addCheck(program: Command, io: Io): void {
  withCommonFlags(program.command('check'))
    .description('validate config, templates and references offline, and show the plan')
    .option('--out <path=ref>', OUT_HELP, collect)
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--json', 'print the plan as JSON')
    .option('--online', 'log in and ask what the token may do at each path; no secret is read')
    .option('--fixtures <file>', 'prove the outputs with the values of a YAML or JSON file')
    .addHelpText(
      'after',
      `
Examples:
  vaultonce check                       with ./vaultonce.yaml
  vaultonce check -c app.yaml --json    for machines
  vaultonce check --online              is everything allowed?
  vaultonce check --fixtures test.yaml  are all keys there, do all templates render?
${EXIT_CODES_HELP}`,
    )
    .action(async (options: CheckOptions, command: Command) => {
      const { check } = await import('./commands/check.ts');
      await check(options, flagsOf(command), io);
    });
}

function addPolicy(program: Command, io: Io): void {
  withCommonFlags(program.command('policy'))
    .description('print the least-privilege policy (HCL) that this config needs')
    .addHelpText(
      'after',
      `
Logs in only if the server has to say which engine serves a path; with \`engine:\` for each secret it works offline.

Examples:
  vaultonce policy | bao policy write web -
${EXIT_CODES_HELP}`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { policy } = await import('./commands/policy.ts');
      await policy(flagsOf(command), io);
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

function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a script that completes commands and flags in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(vaultonce completion bash)        in ~/.bashrc; for zsh in ~/.zshrc after compinit
  vaultonce completion fish | source         in ~/.config/fish/config.fish`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./commands/completion.ts');
      completion(shell, program, io);
    });
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

import { Argument, Option, type Command } from 'commander';
import type { CheckOptions } from '../commands/check.ts';
import type { EnvOptions } from '../commands/env.ts';
import type { ExecOptions } from '../commands/exec.ts';
import type { MigrateOptions } from '../commands/migrate.ts';
import type { ReadOptions } from '../commands/read.ts';
import type { RenderOptions } from '../commands/render.ts';
import type { SchemaOptions } from '../commands/schema.ts';
import type { Flags } from '../config/settings.ts';
import { DESTINATIONS, FORMAT_NAMES } from '../deliver/variables/format-names.ts';
import type { Io } from '../host/io.ts';
import { collect, ENV_LINES_HELP, OUT_HELP, withCommonFlags } from './common-flags.ts';
import { addCsi } from './csi-flags.ts';
import { addManifest } from './manifest-flags.ts';
import { addWatch } from './watch-flags.ts';

type AddCommand = (program: Command, io: Io) => void;

/** Every command, in the order of the help. Each loads its code when it runs. */
const COMMANDS: ReadonlyMap<string, AddCommand> = new Map([
  ['render', addRender],
  ['watch', addWatch],
  ['csi', addCsi],
  ['exec', addExec],
  ['env', addEnv],
  ['read', addRead],
  ['check', addCheck],
  ['policy', addPolicy],
  ['manifest', addManifest],
  ['migrate', addMigrate],
  ['schema', addSchema],
  ['completion', addCompletion],
  ['version', addVersion],
] as const);

/**
 * The commands that a command line needs. One that is named is built alone: building all of them takes longer than
 * running some. Only `completion` is about all the others.
 */
export function commandsFor([name = '']: readonly string[]): readonly AddCommand[] {
  const named = name === 'completion' ? undefined : COMMANDS.get(name);
  return named === undefined ? [...COMMANDS.values()] : [named];
}

function addRender(program: Command, io: Io): void {
  withCommonFlags(program.command('render'))
    .description('fetch all secrets and write all outputs, or change nothing')
    .option('--out <path=ref>', OUT_HELP, collect)
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file, or `-` for stdout')
    .option('--fixtures <file>', 'render with the values in a YAML or JSON file, without a server')
    .action(async (options: RenderOptions, command: Command) => {
      const { render } = await import('../commands/render.ts');
      await render(options, flagsOf(command), io);
    });
}

function addExec(program: Command, io: Io): void {
  withCommonFlags(program.command('exec'))
    .description('fetch secrets, write outputs, then replace this process with COMMAND')
    .argument(
      '<command...>',
      'the command and its arguments: its first word ends the options, and so does `--`',
    )
    .passThroughOptions()
    .option('--env <name=ref>', 'another variable, as NAME=path#key; repeatable', collect)
    .option('--env-from <secret>', 'all keys of a secret as variables; repeatable', collect)
    .option('--env-lines <text>', ENV_LINES_HELP)
    .option('--clear-env', 'do not pass on the inherited environment, except PATH')
    .option('--keep-env <name>', 'always pass on this variable; repeatable', collect)
    .option('--redact', 'black out values of 4 or more characters in the output of COMMAND')
    .option('--pass-token', 'pass on VAULT_TOKEN and the other credentials of this run')
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file')
    .action(async (words: readonly string[], options: ExecOptions, command: Command) => {
      const { exec } = await import('../commands/exec.ts');
      await exec(words, options, flagsOf(command), io);
    });
}

function addEnv(program: Command, io: Io): void {
  withCommonFlags(program.command('env'))
    .description('print `environment`, or pass it to the CI system this runs in')
    .option('--format <name>', `${FORMAT_NAMES.join(', ')} (default: that of the CI system, otherwise shell)`)
    .addOption(
      new Option(
        '--to <place>',
        'set job variables (default) or step outputs, for github, azure and gitlab; or both, for github',
      ).choices(DESTINATIONS),
    )
    .option('--out <file>', 'write to a file with mode 0400 instead of stdout')
    .option('--env <name=ref>', 'another variable, as NAME=path#key; repeatable', collect)
    .option('--env-from <secret>', 'all keys of a secret as variables; repeatable', collect)
    .option('--env-lines <text>', ENV_LINES_HELP)
    .option('--force', 'allow names that change how a job runs, such as PATH')
    .option('--allow-disk', 'allow a file outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file')
    .action(async (options: EnvOptions, command: Command) => {
      const { env } = await import('../commands/env.ts');
      await env(options, flagsOf(command), io);
    });
}

function addRead(program: Command, io: Io): void {
  withCommonFlags(program.command('read'))
    .description('print single values, for scripts')
    .argument(
      '<ref...>',
      '`path#key`, `path#key@version`, `name#key` of a config, `path#/json/pointer`; with --json also a secret',
    )
    .option('--json', 'print JSON: all keys of a secret, or several values by reference')
    .option('--out <file>', 'write the value to a file with mode 0400')
    .option('--allow-disk', 'allow a file outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file')
    .action(async (refs: readonly string[], options: ReadOptions, command: Command) => {
      const { read } = await import('../commands/read.ts');
      await read(refs, options, flagsOf(command), io);
    });
}

function addCheck(program: Command, io: Io): void {
  withCommonFlags(program.command('check'))
    .description('validate config, templates and references offline, and show the plan')
    .option('--out <path=ref>', OUT_HELP, collect)
    .option('--allow-disk', 'allow outputs outside tmpfs')
    .option('--json', 'print the plan as JSON')
    .option('--online', 'log in and check what the token may do at each path; reads no secrets')
    .option('--fixtures <file>', 'render outputs and variables with the values in a YAML or JSON file')
    .action(async (options: CheckOptions, command: Command) => {
      const { check } = await import('../commands/check.ts');
      await check(options, flagsOf(command), io);
    });
}

function addPolicy(program: Command, io: Io): void {
  withCommonFlags(program.command('policy'))
    .description('print the least-privilege policy (HCL) that this config needs')
    .action(async (_options: unknown, command: Command) => {
      const { policy } = await import('../commands/policy.ts');
      await policy(flagsOf(command), io);
    });
}

function addMigrate(program: Command, io: Io): void {
  program
    .command('migrate')
    .description('make a config and templates of the files of other tools')
    .argument(
      '<file...>',
      'configs of agents, consul-template and envconsul, manifests, workflows, Go templates; `-` for stdin',
    )
    .option('--out <directory>', 'where to write (default: the working directory)')
    .option('--force', 'overwrite files that exist')
    .option('--partial', 'write what can be carried over, and list the rest in notes.md')
    .action(async (files: readonly string[], options: MigrateOptions) => {
      const { migrate } = await import('../commands/migrate.ts');
      await migrate(files, options, io);
    });
}

function addSchema(program: Command, io: Io): void {
  program
    .command('schema')
    .description('print the JSON Schema of the config')
    .option('--markdown', 'print the config reference as Markdown instead')
    .option('--out <file>', 'write to a file with mode 0644 instead of stdout')
    .action(async (options: SchemaOptions) => {
      const { schema } = await import('../commands/schema.ts');
      await schema(options, io);
    });
}

function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a shell completion script')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('../commands/completion/completion.ts');
      completion(shell, program, io);
    });
}

function addVersion(program: Command, io: Io): void {
  program
    .command('version')
    .description('print version, commit, runtime and features')
    .option('--json', 'print JSON')
    .action(async ({ json }: { readonly json?: true }) => {
      const { version } = await import('../commands/print-version.ts');
      await version(json === true, [...COMMANDS.keys()], io);
    });
}

function flagsOf(command: Command): Flags {
  return command.opts<Flags>();
}

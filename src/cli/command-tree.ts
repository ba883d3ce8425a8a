import { Argument, Option, type Command } from 'commander';
import type { CheckOptions } from '../commands/check.ts';
import type { EnvOptions } from '../commands/env.ts';
import type { ExecOptions } from '../commands/exec.ts';
import type { ReadOptions } from '../commands/read.ts';
import type { RenderOptions } from '../commands/render.ts';
import type { Flags } from '../config/settings.ts';
import { DESTINATIONS, FORMAT_NAMES } from '../deliver/variables/format-names.ts';
import type { Io } from '../host/io.ts';
import { collect, EXIT_CODES_HELP, OUT_HELP, withCommonFlags } from './common-flags.ts';

type AddCommand = (program: Command, io: Io) => void;

/** Every command, in the order of the help. Each loads what it needs when it runs. */
const COMMANDS: ReadonlyMap<string, AddCommand> = new Map([
  ['render', addRender],
  ['exec', addExec],
  ['env', addEnv],
  ['read', addRead],
  ['check', addCheck],
  ['policy', addPolicy],
  ['schema', addSchema],
  ['completion', addCompletion],
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
      const { render } = await import('../commands/render.ts');
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
      const { exec } = await import('../commands/exec.ts');
      await exec(words, options, flagsOf(command), io);
    });
}

function addEnv(program: Command, io: Io): void {
  withCommonFlags(program.command('env'))
    .description('print `environment`, or hand it to the CI system that this runs in')
    .option('--format <name>', `${FORMAT_NAMES.join(', ')} (default: by the CI system, else shell)`)
    .addOption(
      new Option(
        '--to <place>',
        'variables of the job (default), or outputs of this step; for github, azure and gitlab',
      ).choices(DESTINATIONS),
    )
    .option('--out <file>', 'write the text to a file with mode 0400 instead of stdout')
    .option('--env <name=ref>', 'a variable more, as NAME=path#key; may be repeated', collect)
    .option('--force', 'hand on names that change how a job runs, such as PATH')
    .option('--allow-disk', 'allow a file outside tmpfs')
    .option('--report <file>', 'write a JSON report to a file')
    .addHelpText(
      'after',
      `
Examples:
  eval "$(vaultonce env)"                      sh, bash, zsh; its status is the run's, so that \`set -e\` works
  vaultonce env --format fish | source         fish
  vaultonce env --format powershell | Out-String | Invoke-Expression
  vaultonce env                                in a CI job: masks the values, then sets them for later steps
  vaultonce env --to output                    in GitHub Actions or Azure Pipelines: outputs of this step
  vaultonce env --out /dev/shm/job.env         a file to read with \`. /dev/shm/job.env\`
  vaultonce env --format json --env TOKEN=secret/ci/registry#token
${EXIT_CODES_HELP}`,
    )
    .action(async (options: EnvOptions, command: Command) => {
      const { env } = await import('../commands/env.ts');
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
      const { check } = await import('../commands/check.ts');
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
  vaultonce policy --auth token | bao policy write web -    with your own token, before the role has any
${EXIT_CODES_HELP}`,
    )
    .action(async (_options: unknown, command: Command) => {
      const { policy } = await import('../commands/policy.ts');
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
      const { schema } = await import('../commands/schema.ts');
      await schema(options.markdown === true, io);
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
      const { completion } = await import('../commands/completion/completion.ts');
      completion(shell, program, io);
    });
}

function flagsOf(command: Command): Flags {
  return command.opts<Flags>();
}

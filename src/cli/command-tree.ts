import type { CheckOptions } from '../commands/check.ts';
import type { CommandDefinition, CommandDefinitions } from '../commands/command.ts';
import type { Shell } from '../commands/completion/script.ts';
import type { EnvOptions } from '../commands/env.ts';
import type { ExecOptions } from '../commands/exec.ts';
import type { MigrateOptions } from '../commands/migrate.ts';
import type { ReadOptions } from '../commands/read.ts';
import type { RenderOptions } from '../commands/render.ts';
import type { SchemaOptions } from '../commands/schema.ts';
import type { Flags } from '../config/settings.ts';
import { DESTINATIONS, FORMAT_NAMES } from '../deliver/variables/format-names.ts';
import { COMMON, OUT, PASSING_ON, VARIABLES } from './common-flags.ts';
import { csiCommand } from './csi-flags.ts';
import { manifestCommand } from './manifest-flags.ts';
import { watchCommand } from './watch-flags.ts';

/** Every command, in the order of the help. Each is described when it is needed, and loads its code when it runs. */
const COMMANDS: Readonly<Record<string, () => CommandDefinition>> = {
  render: renderCommand,
  watch: watchCommand,
  csi: csiCommand,
  exec: execCommand,
  env: envCommand,
  read: readCommand,
  check: checkCommand,
  policy: policyCommand,
  manifest: manifestCommand,
  migrate: migrateCommand,
  schema: schemaCommand,
  completion: completionCommand,
  version: versionCommand,
};

export function commandNamed(name: string): CommandDefinition | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name]?.() : undefined;
}

export function allCommands(): CommandDefinitions {
  return Object.fromEntries(Object.entries(COMMANDS).map(([name, describe]) => [name, describe()]));
}

/** The commands that a command line can be about: one that is named is alone. */
export function commandsFor([name = '']: readonly string[]): CommandDefinitions {
  const named = commandNamed(name);
  return named === undefined ? allCommands() : { [name]: named };
}

function renderCommand(): CommandDefinition {
  return {
    description: 'fetch all secrets and write all outputs, or change nothing',
    flags: {
      ...COMMON,
      ...OUT,
      '--allow-disk': { description: 'allow outputs outside tmpfs' },
      '--report': { value: 'file', description: 'write a JSON report to a file, or `-` for stdout' },
      '--fixtures': {
        value: 'file',
        description: 'render with the values in a YAML or JSON file, without a server',
      },
    },
    async run(options: RenderOptions & Flags, _words, io) {
      const { render } = await import('../commands/render.ts');
      await render(options, options, io);
    },
  };
}

function execCommand(): CommandDefinition {
  return {
    description: 'fetch secrets, write outputs, then replace this process with COMMAND',
    argument: {
      name: 'command',
      isNeeded: true,
      description: 'the command and its arguments: its first word ends the options, and so does `--`',
    },
    passesOn: true,
    flags: {
      ...COMMON,
      ...VARIABLES,
      ...PASSING_ON,
      '--allow-disk': { description: 'allow outputs outside tmpfs' },
      '--report': { value: 'file', description: 'write a JSON report to a file' },
    },
    async run(options: ExecOptions & Flags, words, io) {
      const { exec } = await import('../commands/exec.ts');
      await exec(words, options, options, io);
    },
  };
}

function envCommand(): CommandDefinition {
  return {
    description: 'print `environment`, or pass it to the CI system this runs in',
    flags: {
      ...COMMON,
      '--format': {
        value: 'name',
        description: `${FORMAT_NAMES.join(', ')} (default: that of the CI system, otherwise shell)`,
      },
      '--to': {
        value: 'place',
        choices: DESTINATIONS,
        description:
          'set job variables (default) or step outputs, for github, azure and gitlab; or both, for github',
      },
      '--out': { value: 'file', description: 'write to a file with mode 0400 instead of stdout' },
      ...VARIABLES,
      '--force': { description: 'allow names that change how a job runs, such as PATH' },
      '--allow-disk': { description: 'allow a file outside tmpfs' },
      '--report': { value: 'file', description: 'write a JSON report to a file' },
    },
    async run(options: EnvOptions & Flags, _words, io) {
      const { env } = await import('../commands/env.ts');
      await env(options, options, io);
    },
  };
}

function readCommand(): CommandDefinition {
  return {
    description: 'print single values, for scripts',
    argument: {
      name: 'ref',
      isNeeded: true,
      description:
        '`path#key`, `path#key@version`, `name#key` of a config, `path#/json/pointer`; with --json also a secret',
    },
    flags: {
      ...COMMON,
      '--json': { description: 'print JSON: all keys of a secret, or several values by reference' },
      '--out': { value: 'file', description: 'write the value to a file with mode 0400' },
      '--allow-disk': { description: 'allow a file outside tmpfs' },
      '--report': { value: 'file', description: 'write a JSON report to a file' },
    },
    async run(options: ReadOptions & Flags, refs, io) {
      const { read } = await import('../commands/read.ts');
      await read(refs, options, options, io);
    },
  };
}

function checkCommand(): CommandDefinition {
  return {
    description: 'validate config, templates and references offline, and show the plan',
    flags: {
      ...COMMON,
      ...OUT,
      '--allow-disk': { description: 'allow outputs outside tmpfs' },
      '--json': { description: 'print the plan as JSON' },
      '--online': { description: 'log in and check what the token may do at each path; reads no secrets' },
      '--fixtures': {
        value: 'file',
        description: 'render outputs and variables with the values in a YAML or JSON file',
      },
    },
    async run(options: CheckOptions & Flags, _words, io) {
      const { check } = await import('../commands/check.ts');
      await check(options, options, io);
    },
  };
}

function policyCommand(): CommandDefinition {
  return {
    description: 'print the least-privilege policy (HCL) that this config needs',
    flags: COMMON,
    async run(flags, _words, io) {
      const { policy } = await import('../commands/policy.ts');
      await policy(flags, io);
    },
  };
}

function migrateCommand(): CommandDefinition {
  return {
    description: 'make a config and templates of the files of other tools',
    argument: {
      name: 'file',
      isNeeded: true,
      description:
        'configs of agents, consul-template and envconsul, manifests, workflows, Go templates; `-` for stdin',
    },
    flags: {
      '--out': { value: 'directory', description: 'where to write (default: the working directory)' },
      '--force': { description: 'overwrite files that exist' },
      '--partial': { description: 'write what can be carried over, and list the rest in notes.md' },
    },
    async run(options: MigrateOptions & Flags, files, io) {
      const { migrate } = await import('../commands/migrate.ts');
      await migrate(files, options, io);
    },
  };
}

function schemaCommand(): CommandDefinition {
  return {
    description: 'print the JSON Schema of the config',
    flags: {
      '--markdown': { description: 'print the config reference as Markdown instead' },
      '--out': { value: 'file', description: 'write to a file with mode 0644 instead of stdout' },
    },
    async run(options: SchemaOptions & Flags, _words, io) {
      const { schema } = await import('../commands/schema.ts');
      await schema(options, io);
    },
  };
}

function completionCommand(): CommandDefinition {
  return {
    description: 'print a shell completion script',
    argument: { name: 'shell', choices: ['bash', 'zsh', 'fish'], description: 'the shell' },
    flags: {},
    async run(_options, [shell], io) {
      const { completion } = await import('../commands/completion/completion.ts');
      completion(shell as Shell, allCommands(), io);
    },
  };
}

function versionCommand(): CommandDefinition {
  return {
    description: 'print version, commit, runtime and features',
    flags: { '--json': { description: 'print JSON' } },
    async run({ json }: { readonly json?: true } & Flags, _words, io) {
      const { version } = await import('../commands/print-version.ts');
      await version(json === true, Object.keys(COMMANDS), io);
    },
  };
}

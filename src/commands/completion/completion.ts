import type { Argument, Command, Option } from 'commander';
import { METHOD_NAMES } from '../../auth/index.ts';
import { FORMAT_NAMES } from '../../deliver/variables/format-names.ts';
import type { Io } from '../../host/io.ts';
import { bashScript } from './bash.ts';
import type { ArgumentShape, CommandShape, OptionShape } from './command-shape.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Values of flags that are checked later than on the command line, where loading their registries would cost. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  '--auth': METHOD_NAMES,
  '--format': FORMAT_NAMES,
};

/** `vaultonce completion SHELL`: a script that completes what this program takes. */
export function completion(shell: keyof typeof SCRIPTS, program: Command, io: Io): void {
  io.stdout.write(SCRIPTS[shell](shapeOf(program)));
}

function shapeOf(program: Command): CommandShape[] {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const names = commands.map((command) => command.name());
  return commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).flatMap(optionOf),
    argument: command.name() === 'help' ? { kind: 'choices', choices: names } : argumentOf(command),
  }));
}

function optionOf({ long, short, flags, description, parseArg, argChoices }: Option): OptionShape[] {
  if (long === undefined) return [];
  const name = /<(.+)>/.exec(flags)?.[1];
  return [
    {
      long,
      short,
      description,
      repeats: parseArg !== undefined && argChoices === undefined,
      value: name === undefined ? undefined : { name, choices: argChoices ?? CHOICES[long] ?? [] },
    },
  ];
}

function argumentOf({ registeredArguments: [first] }: Command): ArgumentShape {
  if (first === undefined) return { kind: 'none' };
  const { argChoices }: Argument = first;
  if (argChoices !== undefined) return { kind: 'choices', choices: argChoices };
  return { kind: first.name() === 'command' ? 'command' : 'text' };
}

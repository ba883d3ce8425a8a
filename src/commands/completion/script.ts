import type { Argument, Command, Option } from 'commander';
import { bashScript } from './bash.ts';
import type { ArgumentShape, CommandShape, OptionShape } from './command-shape.ts';
import { fishScript } from './fish.ts';
import { zshScript } from './zsh.ts';

/** A bundle of its own, which few need: `dist/completion.js`. What it completes is handed in. */

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

export type Shell = keyof typeof SCRIPTS;

/** Values of flags, by flag. */
export type Choices = Readonly<Record<string, readonly string[]>>;

/** @param choices of flags of which the command line does not know the values */
export function completionScript(shell: Shell, program: Command, choices: Choices): string {
  return SCRIPTS[shell](shapeOf(program, choices));
}

function shapeOf(program: Command, choices: Choices): CommandShape[] {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const names = commands.map((command) => command.name());
  return commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).flatMap((option) => optionOf(option, choices)),
    argument: command.name() === 'help' ? { kind: 'choices', choices: names } : argumentOf(command),
  }));
}

function optionOf(
  { long, short, flags, description, parseArg, argChoices }: Option,
  choices: Choices,
): OptionShape[] {
  if (long === undefined) return [];
  const name = /<(.+)>/.exec(flags)?.[1];
  return [
    {
      long,
      short,
      description,
      repeats: parseArg !== undefined && argChoices === undefined,
      value: name === undefined ? undefined : { name, choices: argChoices ?? choices[long] ?? [] },
    },
  ];
}

function argumentOf({ registeredArguments: [first] }: Command): ArgumentShape {
  if (first === undefined) return { kind: 'none' };
  const { argChoices }: Argument = first;
  if (argChoices !== undefined) return { kind: 'choices', choices: argChoices };
  return { kind: first.name() === 'command' ? 'command' : 'text' };
}

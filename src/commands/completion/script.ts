import type { ArgumentDefinition, CommandDefinitions, FlagDefinition } from '../command.ts';
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
export function completionScript(shell: Shell, commands: CommandDefinitions, choices: Choices): string {
  return SCRIPTS[shell](shapesOf(commands, choices));
}

/** With what every command line has besides. */
function shapesOf(commands: CommandDefinitions, choices: Choices): CommandShape[] {
  const shapes = Object.entries(commands).map(([name, { description, flags, argument }]): CommandShape => ({
    name,
    description,
    options: [...Object.entries(flags).map(([long, flag]) => optionOf(long, flag, choices)), HELP],
    argument: argumentOf(argument),
  }));
  const names = [...Object.keys(commands), 'help'];
  return [
    ...shapes,
    {
      name: 'help',
      description: 'show help for a command',
      options: [],
      argument: { kind: 'choices', choices: names },
    },
  ];
}

const HELP: OptionShape = {
  long: '--help',
  short: '-h',
  description: 'show help',
  repeats: false,
  value: undefined,
};

function optionOf(
  long: string,
  { short, description, repeats, value, choices: known }: FlagDefinition,
  choices: Choices,
): OptionShape {
  return {
    long,
    short,
    description,
    repeats: repeats === true,
    value: value === undefined ? undefined : { name: value, choices: known ?? choices[long] ?? [] },
  };
}

function argumentOf(argument: ArgumentDefinition | undefined): ArgumentShape {
  if (argument === undefined) return { kind: 'none' };
  if (argument.choices !== undefined) return { kind: 'choices', choices: argument.choices };
  return { kind: argument.name === 'command' ? 'command' : 'text' };
}

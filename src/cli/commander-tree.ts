import { Argument, Command, CommanderError, Option } from 'commander';
import {
  keyOf,
  type ArgumentDefinition,
  type Call,
  type CommandDefinition,
  type CommandDefinitions,
  type FlagDefinition,
} from '../commands/command.ts';
import type { Flags } from '../config/settings.ts';
import { addHelpTexts } from './help-texts.ts';

/** A bundle of its own, `dist/command-line.js`: most command lines are read without it. */

export type Parsed =
  | {
      readonly kind: 'call';
      readonly call: Call;
      /** Old names of flags, as they were given. */
      readonly oldFlags: readonly string[];
    }
  /** The help, or the version. */
  | { readonly kind: 'text'; readonly text: string }
  | Refused;

/** In the words of commander, which quotes what was typed. */
export interface Refused {
  readonly kind: 'refused';
  readonly code: string;
  readonly message: string;
}

/** Any command line: what it asks for, what it wants to know, or what is wrong with it. */
export function parseFully(argv: readonly string[], commands: CommandDefinitions, version: string): Parsed {
  const printed: string[] = [];
  const calls: Call[] = [];
  const oldFlags: string[] = [];
  const program = createProgram(version, (text) => printed.push(text));
  for (const [name, definition] of Object.entries(commands)) {
    const command = program.command(name);
    describe(command, definition, (flag) => oldFlags.push(flag));
    command.action(() => {
      calls.push({ command: definition, options: command.opts<Flags>(), words: command.args });
    });
  }
  addHelpTexts(program);
  try {
    program.parse(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0)
      return { kind: 'refused', code: error.code, message: withReason(error.message, commands) };
  }
  const [call] = calls;
  return call === undefined ? { kind: 'text', text: printed.join('') } : { kind: 'call', call, oldFlags };
}

/** To commander, a flag that takes no value and has one is an unknown one. */
function withReason(message: string, commands: CommandDefinitions): string {
  const [, flag = ''] = /^error: unknown option '(--[^=]+)=/.exec(message) ?? [];
  const [command, ...others] = Object.values(commands);
  const isKnown = others.length === 0 && command?.flags[flag] !== undefined;
  return isKnown ? `error: option '${flag}' takes no value` : message;
}

function createProgram(version: string, print: (text: string) => void): Command {
  return (
    new Command('vaultonce')
      .description(
        'Logs in to Vault or OpenBao once, fetches every declared secret in parallel, writes all files or none, and exits.',
      )
      .version(version, '-V, --version', 'print the version')
      // Lets `exec` hand all that follows the word of its command on.
      .enablePositionalOptions()
      .helpOption('-h, --help', 'show help')
      .helpCommand('help [command]', 'show help for a command')
      .configureOutput({
        writeOut: print,
        // Errors come back as CommanderError and are reported like all others.
        writeErr: () => undefined,
        getOutHelpWidth: () => 100,
        getErrHelpWidth: () => 100,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      })
      .exitOverride()
  );
}

function describe(
  command: Command,
  { description, argument, flags, passesOn }: CommandDefinition,
  tellOfOld: (flag: string) => void,
): void {
  command.description(description).passThroughOptions(passesOn === true);
  if (argument !== undefined) command.addArgument(argumentOf(argument));
  for (const [flag, definition] of Object.entries(flags)) {
    command.addOption(optionOf(flag, definition));
    if (definition.oldNameOf !== undefined) {
      command.on(`option:${flag.slice('--'.length)}`, () => {
        tellOfOld(flag);
      });
    }
  }
}

function argumentOf({ name, description, isNeeded, choices }: ArgumentDefinition): Argument {
  if (choices !== undefined) return new Argument(`<${name}>`, description).choices(choices);
  return new Argument(isNeeded === true ? `<${name}...>` : `[${name}...]`, description);
}

function optionOf(flag: string, definition: FlagDefinition): Option {
  const { description, short, value, choices, repeats, fallback, isNeeded, excludes, oldNameOf } = definition;
  const names = short === undefined ? flag : `${short}, ${flag}`;
  const option = new Option(value === undefined ? names : `${names} <${value}>`, description);
  // To commander, a name that starts with `no-` would empty that of the other flag, whichever comes last.
  option.negate = false;
  if (repeats === true) option.argParser(collect);
  if (choices !== undefined) option.choices(choices);
  // The help has a choice as the choices are, without quotes.
  if (fallback !== undefined) option.default(fallback, choices === undefined ? undefined : fallback);
  if (isNeeded === true) option.makeOptionMandatory();
  if (excludes !== undefined) option.conflicts(keyOf(excludes));
  if (oldNameOf === undefined) return option;
  // To commander it is a flag of its own: its value goes where that of the other one goes.
  option.attributeName = () => keyOf(oldNameOf);
  return option.hideHelp();
}

function collect(value: string, values: readonly string[] | undefined): readonly string[] {
  return [...(values ?? []), value];
}

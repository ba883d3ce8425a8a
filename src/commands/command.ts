import type { Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';

/** What a command takes, as data: the command line is read by it, and the help and the completion are made of it. */
export interface CommandDefinition {
  readonly description: string;
  /** In the order of the help, by their names: `--log-level`. */
  readonly flags: FlagDefinitions;
  /** Undefined: it takes nothing but flags. */
  readonly argument?: ArgumentDefinition;
  /** The first argument ends the flags: all that follows belongs to the command that it starts. */
  readonly passesOn?: true;
  /**
   * @param options the values of the flags by `keyOf` their names
   * @param words the arguments
   */
  run(options: Flags, words: readonly string[], io: Io): Promise<void>;
}

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

export interface FlagDefinition {
  readonly description: string;
  /** `-q` */
  readonly short?: string;
  /** What its value is called in the help. Undefined: it takes none. */
  readonly value?: string;
  /** The values that it takes. */
  readonly choices?: readonly string[];
  /** It may be given more than once, and has a list. */
  readonly repeats?: true;
  readonly fallback?: string;
  readonly isNeeded?: true;
  /** The flag that it cannot stand beside. */
  readonly excludes?: string;
  /** The flag that it is the old name of: it is neither in the help nor completed. */
  readonly oldNameOf?: string;
}

export interface ArgumentDefinition {
  readonly name: string;
  readonly description: string;
  readonly isNeeded?: true;
  /** There can be but one, and it is one of these. */
  readonly choices?: readonly string[];
}

/** By their names, in the order of the help. */
export type CommandDefinitions = Readonly<Record<string, CommandDefinition>>;

/** What a command line asks for. */
export interface Call {
  readonly command: CommandDefinition;
  readonly options: Flags;
  readonly words: readonly string[];
}

/** The name that the value of a flag has: `logLevel` for `--log-level`. */
export function keyOf(flag: string): string {
  const [first = '', ...others] = flag.slice('--'.length).split('-');
  return first + others.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}

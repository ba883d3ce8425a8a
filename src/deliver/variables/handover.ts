import type { Io } from '../../host/io.ts';
import type { Destination, FormatName } from './format-names.ts';
import type { Variable } from './variable.ts';

export type HandoverIo = Pick<Io, 'env' | 'stdout' | 'stderr' | 'scope'>;

/** How variables get to whoever needs them. To add one: a name in `formats`, one file, and one line in the index. */
export type Handover = TextHandover | JobHandover;

interface Common {
  readonly name: FormatName;
  /** What `--to` can be; the first is the default. */
  readonly destinations: readonly [Destination, ...Destination[]];
  /** Where variables become those of a job: some names would change how it runs there. */
  readonly setsJobVariables: readonly Destination[];
}

/** A text: on stdout, or in the file of `--out`. */
export interface TextHandover extends Common {
  readonly kind: 'text';
  /** @throws RunError `output` for what it cannot carry */
  textOf(variables: readonly Variable[], to: Destination): string;
  /** Why stdout will not do, where it will not. */
  needsFile?(to: Destination): FileReason | undefined;
  /** Who else sees the text. */
  warning?(to: Destination): string | undefined;
  /** What to print instead when the run has failed: `eval` of nothing succeeds. */
  failureText?(exitCode: number): string;
}

export interface FileReason {
  readonly message: string;
  readonly hint: string;
}

/** Straight into the job of a CI system. */
export interface JobHandover extends Common {
  readonly kind: 'job';
  /**
   * Looks whether it can work here, before anything is requested.
   * @throws RunError `output`
   */
  check?(io: Pick<HandoverIo, 'env'>, to: Destination): void;
  /** For the log: what has the variables then. */
  goesTo(to: Destination): string;
  /**
   * Hands all variables on, or none.
   * @throws RunError `output` for what it cannot carry, and where it cannot write; the reason of the scope
   */
  deliver(variables: readonly Variable[], io: HandoverIo, to: Destination): void | Promise<void>;
}

/** A handover that is one text wherever it goes. */
export function printed(
  name: FormatName,
  textOf: (variables: readonly Variable[]) => string,
  failureText?: (exitCode: number) => string,
): TextHandover {
  return {
    kind: 'text',
    name,
    destinations: ['env'],
    setsJobVariables: [],
    textOf,
    ...(failureText === undefined ? {} : { failureText }),
  };
}

import type { Variable } from '../values.ts';
import type { Io } from '../io.ts';

export type HandoverIo = Pick<Io, 'env' | 'stdout' | 'stderr'>;

/** How variables get to whoever needs them. To add one: one file, and one line in the index. */
export interface Handover {
  readonly name: string;
  /** True if variables become those of a job, where some names would change how it runs. */
  readonly setsJobVariables: boolean;
  /**
   * Looks whether it can work here, before anything is requested.
   * @throws RunError `output`
   */
  check?(io: Pick<HandoverIo, 'env'>): void;
  /**
   * Hands all variables on, or none.
   * @throws RunError `output` for what it cannot carry, and where it cannot write
   */
  deliver(variables: readonly Variable[], io: HandoverIo): void;
}

/** A handover that prints one text. */
export function printed(name: string, textOf: (variables: readonly Variable[]) => string): Handover {
  return {
    name,
    setsJobVariables: false,
    deliver: (variables, io) => {
      io.stdout.write(textOf(variables));
    },
  };
}

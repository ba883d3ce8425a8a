import type { PlacedOutput, WritableOutput } from '../plan/outputs.ts';

/** A place that outputs go to: files, Secrets of a cluster. */
export interface Destination {
  /** Whether an output goes there; the first destination that takes it gets it. */
  takes(output: PlacedOutput): boolean;
  /**
   * Looks for obstacles before anything is requested.
   * @throws RunError with every problem
   */
  check(outputs: readonly PlacedOutput[]): void | Promise<void>;
  /**
   * Does everything that may fail and changes nothing visible.
   * @throws RunError; then nothing is left behind
   */
  stage(outputs: readonly WritableOutput[]): StagedOutputs | Promise<StagedOutputs>;
  /**
   * True: a failed commit changes nothing. Destinations that cannot undo are committed first, because a failure after
   * others would leave half a run.
   */
  readonly undoable: boolean;
}

/** Outputs that are ready to become visible. */
export interface StagedOutputs {
  /**
   * Makes them visible.
   * @param note is called for every change as soon as it is made
   * @throws RunError
   */
  commit(note: (change: Change) => void): void | Promise<void>;
  /** Removes what was staged and not committed. Never throws. */
  discard(): void;
}

/** One change that a run has made. */
export type Change =
  | ({ readonly kind: 'file' } & WrittenFile)
  | ({ readonly kind: 'pruned' } & PrunedFile)
  /** A set of an earlier run with `swap`, secrets included. */
  | ({ readonly kind: 'set' } & PrunedFile)
  | ({ readonly kind: 'applied' } & AppliedSecret)
  /** It was under way when the run ended: whether it was made is unknown. */
  | { readonly kind: 'unknown'; readonly place: string };

/** A file of an earlier run that is no longer declared. */
export interface PrunedFile {
  readonly path: string;
  /** Why it is still there; undefined: it was removed. */
  readonly problem: string | undefined;
}

export interface WrittenFile {
  readonly path: string;
  readonly mode: number;
  /** False: content, mode and owner were right already, and the file was not touched. */
  readonly changed: boolean;
  readonly bytes: number;
}

/** A Secret of the cluster. */
export interface AppliedSecret {
  /** As the config declares it; without a namespace it is that of the pod. */
  readonly place: string;
  readonly namespace: string;
  readonly name: string;
  readonly entries: readonly string[];
  /** It did not exist before. */
  readonly created: boolean;
  /** False: it was like this already. */
  readonly changed: boolean;
}

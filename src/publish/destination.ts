import type { PlacedOutput, WritableOutput } from '../plan/outputs.ts';

/** Where outputs go: files, Secrets of a cluster, an answer. */
export interface Destination {
  /** Whether an output goes there; the first destination that says so has it. */
  takes(output: PlacedOutput): boolean;
  /**
   * Looks for what is in the way while nothing has been requested yet.
   * @throws RunError with every problem
   */
  check(outputs: readonly PlacedOutput[]): void | Promise<void>;
  /**
   * Does all that can fail without changing anything.
   * @throws RunError; nothing is left behind then
   */
  stage(outputs: readonly WritableOutput[]): StagedOutputs | Promise<StagedOutputs>;
  /**
   * True: a commit that fails has changed nothing. What cannot be undone is committed first, because a failure after it
   * would leave half of a run behind.
   */
  readonly undoable: boolean;
}

/** Outputs that are ready; nothing has changed yet. */
export interface StagedOutputs {
  /**
   * Makes them visible.
   * @param note is called for every change as soon as it stands
   * @throws RunError
   */
  commit(note: (change: Change) => void): void | Promise<void>;
  /** Removes what was staged and not committed. Never throws. */
  discard(): void;
}

/** One thing that a run has done to the outside. */
export type Change =
  | ({ readonly kind: 'file' } & WrittenFile)
  | ({ readonly kind: 'pruned' } & PrunedFile)
  | ({ readonly kind: 'applied' } & AppliedSecret)
  /** It was under way when the run ended: nobody has said whether it was done. */
  | { readonly kind: 'unknown'; readonly place: string };

/** A file of an earlier run that is not declared any more. */
export interface PrunedFile {
  readonly path: string;
  /** Why it is still there; undefined: it was removed. */
  readonly problem: string | undefined;
}

export interface WrittenFile {
  readonly path: string;
  readonly mode: number;
  /** False: content, mode and owner were already right, and the file was not touched. */
  readonly changed: boolean;
  readonly bytes: number;
}

/** A Secret of the cluster. */
export interface AppliedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly entries: readonly string[];
  /** It was not there before. */
  readonly created: boolean;
}

import { dirname } from 'node:path';
import { RunError } from '../../base/errors.ts';
import { turnAfter } from '../../base/turns.ts';
import type { Scope } from '../../host/scope.ts';
import type { ManagedDirectory, RenderedFile, WritableOutput } from '../../plan/outputs.ts';
import type { PrunedFile, WrittenFile } from '../destination.ts';
import { CommitError, commitFiles } from './commit.ts';
import {
  checkNoLinks,
  createDirectories,
  directoryModes,
  removeDirectories,
  syncDirectory,
  type DirectoryModes,
} from './directories.ts';
import { obstacleFinder } from './obstacles.ts';
import { planPruning, type Pruning } from './prune.ts';
import { isNoSpace, noSpaceError } from './space.ts';
import { isUnchanged, stageFile, type StagedFile } from './stage.ts';
import { planSwap, removeFormerSets, type Swap } from './swap.ts';
import { beginRun, endRun, removeFile, removeStale } from './temporary-names.ts';
import { cannotWrite, isSystemError, meaningOf, writeError } from './write-problems.ts';

/** All files, complete next to their targets; nothing visible has changed yet. */
export interface StagedFiles {
  /**
   * Makes all of them visible, or none. Synchronous, so that no signal handler runs in between.
   * @throws RunError `output`; then the outputs are unchanged
   */
  commit(): readonly WrittenFile[];
  /** Files of earlier runs that the commit removed, or could not remove. */
  readonly pruned: readonly PrunedFile[];
  /** Sets of earlier runs with `swap`, likewise. */
  readonly sets: readonly PrunedFile[];
  /** New files of a commit that failed and could not be undone completely. */
  readonly standing: readonly WrittenFile[];
  /** Removes staged files that were not committed, and the directories made for them. Never throws. */
  discard(): void;
}

type WriterScope = Pick<Scope, 'now' | 'random' | 'run' | 'throwIfEnded'>;

/** The longest that a signal must wait. */
const LONGEST_STRETCH_MS = 5;

/**
 * Writes every new or changed file next to its target.
 * @param managed the directory that is pruned or swapped
 * @param directory that of all outputs, where earlier runs may have left sets of `swap`
 * @throws RunError `output`, or the reason why the run was ended; nothing is left behind either way
 */
export async function stageOutputs(
  outputs: readonly WritableOutput[],
  scope: WriterScope,
  managed?: ManagedDirectory,
  directory?: string,
): Promise<StagedFiles> {
  const { pruning, swap } = plannedManagement(managed, outputs, scope);
  const targets = swap?.outputs ?? outputs;
  const manifest = pruning === undefined ? [] : [pruning.manifest];
  const formerRoot = swap === undefined ? directory : undefined;
  const staging = new Staging(targets, { pruning, swap, formerRoot }, scope);
  try {
    // All directories first: cleaning one may make room for the files of another.
    for (const output of [...targets, ...manifest]) staging.openDirectory(output);
    // Lets signal handlers run: file operations are synchronous, because threads cost more.
    const pause = turnAfter(LONGEST_STRETCH_MS, scope.now);
    for (const output of [...manifest, ...targets]) {
      for (const file of output.files) {
        staging.stage(file, output);
        const pausing = pause();
        if (pausing === undefined) continue;
        await pausing;
        scope.throwIfEnded();
      }
    }
  } catch (error) {
    staging.discard();
    throw staging.explained(error);
  }
  return staging;
}

/** The current file or directory, for messages. */
interface Position {
  readonly where: string;
  readonly path: string;
}

/** The extra work for a managed directory. */
interface Management {
  readonly pruning: Pruning | undefined;
  readonly swap: Swap | undefined;
  /** Where `swap` is off, but may have been on. */
  readonly formerRoot: string | undefined;
}

/** @throws RunError `output` */
function plannedManagement(
  managed: ManagedDirectory | undefined,
  outputs: readonly WritableOutput[],
  scope: WriterScope,
): Pick<Management, 'pruning' | 'swap'> {
  try {
    return {
      pruning: managed?.kind === 'prune' ? planPruning(managed, outputs) : undefined,
      swap: managed?.kind === 'swap' ? planSwap(managed, outputs, scope) : undefined,
    };
  } catch (error) {
    if (managed === undefined || !isSystemError(error)) throw error;
    throw writeError(error, managed.path, { where: managed.where });
  }
}

class Staging implements StagedFiles {
  readonly #outputs: readonly WritableOutput[];
  readonly #pruning: Pruning | undefined;
  readonly #swap: Swap | undefined;
  readonly #formerRoot: string | undefined;
  readonly #scope: WriterScope;
  readonly #staged = new Map<string, StagedFile>();
  readonly #createdDirectories = new Set<string>();
  readonly #openedDirectories = new Set<string>();
  readonly #obstacleTo = obstacleFinder();
  readonly #modeOfDirectory: DirectoryModes;
  #position: Position = { where: 'outputs', path: '' };
  #committed = false;
  #pruned: readonly PrunedFile[] = [];
  #sets: readonly PrunedFile[] = [];
  #standing: readonly WrittenFile[] = [];

  constructor(
    outputs: readonly WritableOutput[],
    { pruning, swap, formerRoot }: Management,
    scope: WriterScope,
  ) {
    beginRun(scope.run);
    this.#outputs = outputs;
    this.#modeOfDirectory = directoryModes(outputs);
    this.#pruning = pruning;
    this.#swap = swap;
    this.#formerRoot = formerRoot;
    this.#scope = scope;
  }

  /** Makes the directories of an output and its files, and removes leftovers of killed runs from them. */
  openDirectory({ plan: { target, where }, files }: WritableOutput): void {
    const root = target.kind === 'directory' ? target.path : dirname(target.path);
    for (const directory of new Set([root, ...files.map(({ path }) => dirname(path))])) {
      this.#position = { where, path: directory };
      checkNoLinks(directory, root, where);
      // Many outputs share a directory, and it may hold many files.
      if (this.#openedDirectories.has(directory)) continue;
      this.#openedDirectories.add(directory);
      createDirectories(directory, target, this.#modeOfDirectory, this.#createdDirectories);
      removeStale(directory);
    }
  }

  stage({ path, content }: RenderedFile, { plan: { target, where } }: WritableOutput): void {
    this.#position = { where, path };
    const bytes = content.reveal();
    // A directory that this run has just made is empty.
    const isNew = this.#createdDirectories.has(dirname(path));
    if (!isNew && isUnchanged(path, bytes, target)) return;
    const obstacle = isNew ? undefined : this.#obstacleTo(path);
    if (obstacle !== undefined) throw cannotWrite(path, obstacle, { where });
    this.#staged.set(path, stageFile(path, bytes, target, this.#scope));
  }

  commit(): readonly WrittenFile[] {
    try {
      commitFiles([...this.#staged.values()], this.#scope);
      // Before the swap: what a link makes visible must be durable.
      this.#syncDirectories();
      this.#swap?.publish();
    } catch (error) {
      this.discard();
      if (error instanceof CommitError) this.#standing = this.#written().filter(isOneOf(error.standing));
      throw this.explained(error);
    }
    this.#committed = true;
    endRun(this.#scope.run);
    this.#sets = this.#swap?.clean() ?? this.#formerSets();
    this.#pruned = this.#pruning?.finish(this.#scope) ?? [];
    return this.#written();
  }

  get pruned(): readonly PrunedFile[] {
    return this.#pruned;
  }

  get sets(): readonly PrunedFile[] {
    return this.#sets;
  }

  get standing(): readonly WrittenFile[] {
    return this.#standing;
  }

  discard(): void {
    if (this.#committed) return;
    endRun(this.#scope.run);
    for (const { temporary } of this.#staged.values()) removeFile(temporary);
    this.#swap?.discard();
    removeDirectories([...this.#createdDirectories]);
  }

  /** Explains an error of the file system; returns others unchanged. To be called after `discard`. */
  explained(error: unknown): unknown {
    if (error instanceof CommitError) {
      const details = error.remains.length === 0 ? undefined : error.remains;
      return this.#inWords(error.reason, { path: error.path, where: this.#whereOf(error.path) }, details);
    }
    return this.#inWords(error, this.#position);
  }

  #inWords(error: unknown, { path, where }: Position, details?: readonly string[]): unknown {
    if (error instanceof RunError || !isSystemError(error)) return error;
    if (!isNoSpace(error)) return writeError(error, path, { where, details });
    try {
      return noSpaceError(error, path, this.#all(), { where, details });
    } catch (problem) {
      // Its needs cannot be computed where the file system cannot be looked at.
      return isSystemError(problem) ? writeError(error, path, { where, details }) : problem;
    }
  }

  #whereOf(path: string): string {
    const output = this.#all().find(({ files }) => files.some((file) => file.path === path));
    return output?.plan.where ?? this.#position.where;
  }

  #syncDirectories(): void {
    const named = [...this.#staged.keys(), ...this.#createdDirectories];
    for (const directory of new Set(named.map((path) => dirname(path)))) syncDirectory(directory);
  }

  #all(): readonly WritableOutput[] {
    return this.#pruning === undefined ? this.#outputs : [...this.#outputs, this.#pruning.manifest];
  }

  #written(): readonly WrittenFile[] {
    return this.#outputs.flatMap(({ plan, files }) =>
      files.map((file) => this.#describe(file, plan.target.mode)),
    );
  }

  /** The run is complete: what goes wrong now is no failure of it. */
  #formerSets(): readonly PrunedFile[] {
    if (this.#formerRoot === undefined) return [];
    try {
      return removeFormerSets(this.#formerRoot, this.#outputs);
    } catch (error) {
      return [{ path: this.#formerRoot, problem: meaningOf(error).reason }];
    }
  }

  #describe({ path, content }: RenderedFile, mode: number): WrittenFile {
    const changed = this.#staged.has(path);
    return { path: this.#swap?.visiblePath(path) ?? path, mode, changed, bytes: content.reveal().length };
  }
}

function isOneOf(paths: readonly string[]): (file: WrittenFile) => boolean {
  return ({ path }) => paths.includes(path);
}

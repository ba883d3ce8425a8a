import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { RunError } from './errors.ts';
import type { Io } from './io.ts';
import type { RenderedFile, RenderedOutput, WrittenFile } from './outputs.ts';
import { CommitError, commitFiles } from './writer/commit.ts';
import { removeFile, removeStale } from './writer/names.ts';
import { isNoSpace, writeError } from './writer/problems.ts';
import { noSpaceError } from './writer/space.ts';
import {
  createDirectories,
  isUnchanged,
  removeDirectories,
  stageFile,
  syncDirectory,
  type StagedFile,
} from './writer/stage.ts';
import { nearestExisting } from './writer/targets.ts';

export { checkTargets } from './writer/targets.ts';

/** All files, complete beside their targets; nothing has changed yet. */
export interface StagedOutputs {
  /**
   * Makes all of them visible, or none.
   * @throws RunError `output`; the outputs are then as they were
   */
  commit(): readonly WrittenFile[];
  /** Removes what was staged and not committed, and the directories made for it. */
  discard(): void;
}

type WriterIo = Pick<Io, 'pid' | 'random' | 'lifetime'>;

/**
 * Writes every file that is new or different beside its target.
 * @throws RunError `output`, and the reason of a run that was ended; nothing is left behind in either case
 */
export async function stageOutputs(outputs: readonly RenderedOutput[], io: WriterIo): Promise<StagedOutputs> {
  const staging = new Staging(outputs, io);
  try {
    for (const output of outputs) {
      staging.openDirectory(output);
      for (const file of output.files) {
        // Between two files a signal may be handled: file operations are synchronous, because threads cost more.
        await nextTurn();
        io.lifetime.throwIfEnded();
        staging.stage(file, output);
      }
    }
  } catch (error) {
    staging.discard();
    throw staging.explained(error);
  }
  return staging;
}

/** Where an error happened, for the message. */
interface Position {
  readonly where: string;
  readonly path: string;
}

class Staging implements StagedOutputs {
  readonly #outputs: readonly RenderedOutput[];
  readonly #io: WriterIo;
  readonly #staged = new Map<string, StagedFile>();
  readonly #createdDirectories: string[] = [];
  readonly #cleaned = new Set<string>();
  #position: Position = { where: 'outputs', path: '' };
  #committed = false;

  constructor(outputs: readonly RenderedOutput[], io: WriterIo) {
    this.#outputs = outputs;
    this.#io = io;
  }

  /** Makes the output's directory, and cleans what a killed run has left in it. */
  openDirectory({ plan: { target, where } }: RenderedOutput): void {
    const directory = target.kind === 'directory' ? target.path : dirname(target.path);
    this.#position = { where, path: directory };
    this.#createdDirectories.push(...createDirectories(directory, target));
    if (this.#cleaned.has(directory)) return;
    this.#cleaned.add(directory);
    removeStale(directory, this.#io.pid);
  }

  stage({ path, content }: RenderedFile, { plan: { target, where } }: RenderedOutput): void {
    this.#position = { where, path };
    const bytes = content.reveal();
    if (!isUnchanged(path, bytes, target)) this.#staged.set(path, stageFile(path, bytes, target, this.#io));
  }

  commit(): readonly WrittenFile[] {
    try {
      commitFiles([...this.#staged.values()], this.#io);
    } catch (error) {
      this.discard();
      throw this.explained(error);
    }
    this.#committed = true;
    for (const directory of new Set([...this.#staged.keys()].map((path) => dirname(path))))
      syncDirectory(directory);
    return this.#outputs.flatMap(({ plan, files }) =>
      files.map((file) => this.#describe(file, plan.target.mode)),
    );
  }

  discard(): void {
    if (this.#committed) return;
    for (const { temporary } of this.#staged.values()) removeFile(temporary);
    removeDirectories(this.#createdDirectories);
  }

  /** An error of the file system in words; others as they are. Called after `discard`. */
  explained(error: unknown): unknown {
    if (error instanceof RunError) return error;
    const cause = error instanceof CommitError ? error.reason : error;
    const path = error instanceof CommitError ? error.path : this.#position.path;
    const where =
      this.#outputs.find(({ files }) => files.some((file) => file.path === path))?.plan.where ??
      this.#position.where;
    if (!isNoSpace(cause)) return isSystemError(cause) ? writeError(cause, 'writing', path, where) : cause;
    const sizes = this.#outputs.flatMap(({ files }) => files.map(({ content }) => content.reveal().length));
    return noSpaceError(nearestExisting(dirname(path)), sizes, where);
  }

  #describe({ path, content }: RenderedFile, mode: number): WrittenFile {
    return { path, mode, changed: this.#staged.has(path), bytes: content.reveal().length };
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

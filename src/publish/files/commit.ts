import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import type { StagedFile } from './stage.ts';
import { removeFile, withFreeName, type Naming } from './temporary-names.ts';

/** A file whose name is being given to another, and how to take that back. */
interface Replaced {
  readonly path: string;
  /** Holds the file that was there; undefined: there was none. */
  readonly backup: string | undefined;
}

/** A rename failed, and everything before it was taken back. */
export class CommitError extends Error {
  override readonly name = 'CommitError';
  readonly path: string;
  /** Of the file system. */
  readonly reason: unknown;
  /** What could not be taken back, one line each. */
  readonly remains: readonly string[];

  constructor(path: string, reason: unknown, remains: readonly string[]) {
    super('a rename failed');
    this.path = path;
    this.reason = reason;
    this.remains = remains;
  }
}

/**
 * Gives all staged files their names, in one synchronous stretch: no signal handler runs in between. If one cannot be
 * renamed, those before it get their old file back.
 * @throws CommitError
 */
export function commitFiles(staged: readonly StagedFile[], naming: Naming): void {
  const replaced: Replaced[] = [];
  for (const { temporary, path } of staged) {
    let backup: string | undefined;
    try {
      backup = backUp(path, naming);
      renameSync(temporary, path);
    } catch (reason) {
      if (backup !== undefined) replaced.push({ path, backup });
      throw new CommitError(path, reason, undo(replaced));
    }
    replaced.push({ path, backup });
  }
  for (const { backup } of replaced) if (backup !== undefined) removeFile(backup);
}

/**
 * Keeps the present file under a second name. A hard link leaves the target in place all the time. Where there are no
 * links, or `protected_hardlinks` or a limit forbids one, the file is moved away for the moment; a process that is
 * killed in that moment leaves it under its second name only.
 */
function backUp(path: string, naming: Naming): string | undefined {
  const present = lstatSync(path, { throwIfNoEntry: false });
  // A directory is never replaced: the rename will say so.
  if (present === undefined || present.isDirectory()) return undefined;
  return withFreeName(dirname(path), naming, 'old', (backup) => {
    try {
      linkSync(path, backup);
    } catch (error) {
      // A rename would replace what has this name.
      if (systemErrorCode(error) === 'EEXIST') throw error;
      renameSync(path, backup);
    }
    return backup;
  });
}

/** Returns what could not be taken back. */
function undo(replaced: readonly Replaced[]): string[] {
  const remains: string[] = [];
  for (const { path, backup } of replaced.toReversed()) {
    try {
      if (backup === undefined) unlinkSync(path);
      else restore(backup, path);
    } catch (error) {
      if (backup === undefined && systemErrorCode(error) === 'ENOENT') continue;
      remains.push(
        backup === undefined ? `${path} could not be removed again` : `the old ${path} is now ${backup}`,
      );
    }
  }
  return remains;
}

function restore(backup: string, path: string): void {
  renameSync(backup, path);
  // Renaming a link onto another link of the same file does nothing, and leaves both.
  removeFile(backup);
}

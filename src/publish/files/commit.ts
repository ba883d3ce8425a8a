import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import type { StagedFile } from './stage.ts';
import { removeFile, withFreeName, type Naming } from './temporary-names.ts';

/** A path that was given to a new file, and how to undo that. */
interface Replaced {
  readonly path: string;
  /** Path of the previous file; undefined: there was none. */
  readonly backup: string | undefined;
}

type Undone = Pick<CommitError, 'remains' | 'standing'>;

/** A rename failed, and those before it were undone. */
export class CommitError extends Error {
  override readonly name = 'CommitError';
  readonly path: string;
  /** The error of the file system. */
  readonly reason: unknown;
  /** What could not be undone, one line each. */
  readonly remains: readonly string[];
  /** The paths of new files that are still in place therefore. */
  readonly standing: readonly string[];

  constructor(path: string, reason: unknown, undone: Undone = { remains: [], standing: [] }) {
    super('a rename failed');
    this.path = path;
    this.reason = reason;
    this.remains = undone.remains;
    this.standing = undone.standing;
  }
}

/**
 * Renames all staged files into place, synchronously: no signal handler runs in between. If a rename fails, the files
 * before it are restored.
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
 * Backs up the present file under a second name. A hard link leaves the target in place throughout. Where hard links do
 * not exist, or `protected_hardlinks` or a limit forbids one, the file is moved away for a moment; a process killed in
 * that moment leaves only the backup.
 */
function backUp(path: string, naming: Naming): string | undefined {
  const present = lstatSync(path, { throwIfNoEntry: false });
  // A directory is never replaced: the rename will fail.
  if (present === undefined || present.isDirectory()) return undefined;
  return withFreeName(dirname(path), naming, 'old', (backup) => {
    try {
      linkSync(path, backup);
    } catch (error) {
      // A rename would replace the file of this name.
      if (systemErrorCode(error) === 'EEXIST') throw error;
      renameSync(path, backup);
    }
    return backup;
  });
}

function undo(replaced: readonly Replaced[]): Undone {
  const remains: string[] = [];
  const standing: string[] = [];
  for (const { path, backup } of replaced.toReversed()) {
    try {
      if (backup === undefined) unlinkSync(path);
      else restore(backup, path);
    } catch (error) {
      if (backup === undefined && systemErrorCode(error) === 'ENOENT') continue;
      standing.push(path);
      remains.push(
        backup === undefined ? `${path} could not be removed again` : `the old ${path} is now ${backup}`,
      );
    }
  }
  return { remains, standing };
}

function restore(backup: string, path: string): void {
  renameSync(backup, path);
  // Renaming a link onto another link to the same file does nothing and leaves both.
  removeFile(backup);
}

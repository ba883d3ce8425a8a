import { linkSync, lstatSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { removeFile, temporaryName } from './names.ts';
import type { Naming, StagedFile } from './stage.ts';

/** A file that has its name by now, and how to take that back. */
interface Published {
  readonly path: string;
  /** Holds the file that was replaced; undefined: there was none. */
  readonly backup: string | undefined;
}

/** A rename failed; everything before it was taken back. */
export class CommitError extends Error {
  readonly path: string;
  /** Of the file system. */
  readonly reason: unknown;

  constructor(path: string, reason: unknown) {
    super('a rename failed');
    this.path = path;
    this.reason = reason;
  }
}

/**
 * Gives all staged files their names, in one synchronous stretch: no signal handler runs in between. If one cannot be
 * renamed, those before it get their old content back.
 * @throws CommitError
 */
export function commitFiles(staged: readonly StagedFile[], naming: Naming): void {
  const published: Published[] = [];
  for (const { temporary, path } of staged) {
    let backup: string | undefined;
    try {
      backup = keepOld(path, naming);
      renameSync(temporary, path);
    } catch (reason) {
      undo([...published, ...(backup === undefined ? [] : [{ path, backup }])]);
      throw new CommitError(path, reason);
    }
    published.push({ path, backup });
  }
  for (const { backup } of published) if (backup !== undefined) removeFile(backup);
}

/**
 * Keeps the present file under a second name. A hard link leaves the target in place all the time; where there are
 * none, or a sticky directory or `protected_hardlinks` forbids them, the file is moved away for the moment.
 */
function keepOld(path: string, naming: Naming): string | undefined {
  if (!isThere(path)) return undefined;
  const backup = join(
    dirname(path),
    temporaryName(naming.pid, () => naming.random(), 'old'),
  );
  try {
    linkSync(path, backup);
  } catch {
    renameSync(path, backup);
  }
  return backup;
}

function undo(published: readonly Published[]): void {
  for (const { path, backup } of published.toReversed()) {
    if (backup === undefined) removeFile(path);
    else restore(backup, path);
  }
}

function restore(backup: string, path: string): void {
  try {
    renameSync(backup, path);
    // Renaming a link onto another link of the same file does nothing, and leaves both.
    removeFile(backup);
  } catch {
    // The backup stays: it is the only copy of what was there.
  }
}

function isThere(path: string): boolean {
  try {
    return !lstatSync(path).isDirectory();
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

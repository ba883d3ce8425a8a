import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Target } from '../outputs.ts';
import { systemErrorCode } from '../errors.ts';
import { removeFile, temporaryName } from './names.ts';

/** Where a staged file waits. */
export interface StagedFile {
  readonly temporary: string;
  readonly path: string;
}

export interface Naming {
  readonly pid: number;
  random(): number;
}

/**
 * Creates the missing directories of a path, each with its final mode and owner.
 * @returns those that were created, outermost first
 */
export function createDirectories(directory: string, target: Target): string[] {
  if (exists(directory)) return [];
  const above = createDirectories(dirname(directory), target);
  try {
    mkdirSync(directory, { mode: target.directoryMode });
    setOwner(directory, target);
    // mkdir applies the umask.
    chmodSync(directory, target.directoryMode);
  } catch (error) {
    removeDirectories([...above, directory]);
    throw error;
  }
  return [...above, directory];
}

function setOwner(directory: string, { uid, gid }: Target): void {
  const present = statSync(directory);
  const wanted = { uid: uid ?? present.uid, gid: gid ?? present.gid };
  if (wanted.uid !== present.uid || wanted.gid !== present.gid) chownSync(directory, wanted.uid, wanted.gid);
}

/** Removes directories that are empty, innermost first. */
export function removeDirectories(directories: readonly string[]): void {
  for (const directory of directories.toReversed()) {
    try {
      rmdirSync(directory);
    } catch {
      // It holds something that is not ours by now.
    }
  }
}

/** True when the file is there with this content, mode and owner; it is then left alone. */
export function isUnchanged(path: string, content: Uint8Array, { mode, uid, gid }: Target): boolean {
  try {
    const status = lstatSync(path);
    const isSame =
      status.isFile() &&
      status.size === content.length &&
      (status.mode & 0o7777) === mode &&
      (uid ?? status.uid) === status.uid &&
      (gid ?? status.gid) === status.gid;
    return isSame && readFileSync(path).equals(content);
  } catch {
    // Not there, or not readable for us: it will be replaced.
    return false;
  }
}

/**
 * Writes a complete file beside its target: nobody can have prepared or linked the name, and mode and owner are final
 * before it gets the target's name.
 */
export function stageFile(path: string, content: Uint8Array, target: Target, naming: Naming): StagedFile {
  const temporary = join(
    dirname(path),
    temporaryName(naming.pid, () => naming.random(), 'new'),
  );
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = openSync(temporary, flags, 0o600);
  try {
    for (let written = 0; written < content.length;) written += writeSync(file, content, written);
    const present = fstatSync(file);
    const wanted = { uid: target.uid ?? present.uid, gid: target.gid ?? present.gid };
    if (wanted.uid !== present.uid || wanted.gid !== present.gid) fchownSync(file, wanted.uid, wanted.gid);
    fchmodSync(file, target.mode);
    fsyncSync(file);
    return { temporary, path };
  } catch (error) {
    removeFile(temporary);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Makes the new names of a directory durable, where the file system knows how. */
export function syncDirectory(directory: string): void {
  try {
    const file = openSync(directory, constants.O_RDONLY);
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    // Some file systems cannot; the names are right all the same.
  }
}

function exists(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import type { Target } from '../../plan/outputs.ts';

/** S_ISGID, which Node does not name. */
const SETGID = 0o2000;

/**
 * Creates the missing directories of a path, each with its final mode and owner.
 * @param created receives the directories made, outermost first, even if one of them fails
 */
export function createDirectories(directory: string, target: Target, created: Set<string>): void {
  if (exists(directory)) return;
  createDirectories(dirname(directory), target, created);
  try {
    // No one else gets access before the owner is right.
    mkdirSync(directory, { mode: target.directoryMode & 0o700 });
  } catch (error) {
    // Another process has just made it, so setting it up and removing it are not our job.
    if (systemErrorCode(error) === 'EEXIST') return;
    throw error;
  }
  created.add(directory);
  setOwnerAndMode(directory, target);
}

/**
 * Refuses links between an output's directory and those below it: only the directory itself was checked to be a place
 * for secrets.
 * @throws RunError `output`
 */
export function checkNoLinks(directory: string, root: string, where: string): void {
  if (directory === root) return;
  checkNoLinks(dirname(directory), root, where);
  if (lstatSync(directory, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new RunError('output', `${directory} is a symbolic link, where a directory is needed`, {
    where,
    hint: 'remove the link, or give the output another path',
  });
}

function setOwnerAndMode(directory: string, { uid, gid, directoryMode }: Target): void {
  const present = statSync(directory);
  const wanted = { uid: uid ?? present.uid, gid: gid ?? present.gid };
  if (wanted.uid !== present.uid || wanted.gid !== present.gid) chownSync(directory, wanted.uid, wanted.gid);
  // A volume with fsGroup has the setgid bit, which passes its group on to every file below; chmod would clear it.
  chmodSync(directory, directoryMode | (present.mode & SETGID));
}

/** Removes directories that are empty, innermost first. */
export function removeDirectories(directories: readonly string[]): void {
  for (const directory of directories.toReversed()) {
    try {
      rmdirSync(directory);
    } catch {
      // Removed already, or it contains files of others.
    }
  }
}

/** Makes the new names in a directory durable, where the file system supports that. */
export function syncDirectory(directory: string): void {
  try {
    const file = openSync(directory, constants.O_RDONLY);
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    // Some file systems cannot (EINVAL), and some directories are not readable: the names are right nevertheless.
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

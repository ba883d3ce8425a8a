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
import type { Target, WritableOutput } from '../../plan/outputs.ts';

type Owner = Pick<Target, 'uid' | 'gid'>;

/** S_ISGID, which Node does not name. */
const SETGID = 0o2000;

/** The permission bits of a directory: those of all outputs below it together, so that each can be reached. */
export type DirectoryModes = (directory: string) => number;

export function directoryModes(outputs: readonly WritableOutput[]): DirectoryModes {
  const modes = new Map<string, number>();
  const add = (directory: string, mode: number): void => {
    const known = modes.get(directory) ?? 0;
    // The directories above have the bits of those below.
    if ((known | mode) === known) return;
    modes.set(directory, known | mode);
    if (dirname(directory) !== directory) add(dirname(directory), mode);
  };
  for (const { plan, files } of outputs) {
    const { path, kind, directoryMode } = plan.target;
    add(kind === 'directory' ? path : dirname(path), directoryMode);
    for (const file of files) add(dirname(file.path), directoryMode);
  }
  return (directory) => modes.get(directory) ?? 0o700;
}

/** Whether it is a directory with these permission bits; false for one that cannot be looked at. */
export function isDirectoryOf(directory: string, mode: number): boolean {
  try {
    const status = lstatSync(directory);
    return status.isDirectory() && (status.mode & 0o777) === mode;
  } catch {
    return false;
  }
}

/**
 * Creates the missing directories of a path, each with its final mode and owner.
 * @param created receives the directories made, outermost first, even if one of them fails
 */
export function createDirectories(
  directory: string,
  owner: Owner,
  modeOf: DirectoryModes,
  created: Set<string>,
): void {
  if (exists(directory)) return;
  createDirectories(dirname(directory), owner, modeOf, created);
  const mode = modeOf(directory);
  try {
    // No one else gets access before the owner is right.
    mkdirSync(directory, { mode: mode & 0o700 });
  } catch (error) {
    // Another process has just made it, so setting it up and removing it are not our job.
    if (systemErrorCode(error) === 'EEXIST') return;
    throw error;
  }
  created.add(directory);
  setOwnerAndMode(directory, owner, mode);
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

function setOwnerAndMode(directory: string, { uid, gid }: Owner, mode: number): void {
  const present = statSync(directory);
  const wanted = { uid: uid ?? present.uid, gid: gid ?? present.gid };
  if (wanted.uid !== present.uid || wanted.gid !== present.gid) chownSync(directory, wanted.uid, wanted.gid);
  // A volume with fsGroup has the setgid bit, which passes its group on to every file below; chmod would clear it.
  chmodSync(directory, mode | (present.mode & SETGID));
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

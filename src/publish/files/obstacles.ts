import { readlinkSync, rmdirSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import { mountPoints, nearestExisting, statusOf } from '../../host/file-systems.ts';
import { meaningOfCode, type Meaning } from './write-problems.ts';

/** Why the file or link of this name cannot be replaced by a rename; undefined: it can, or there is none. */
export type ObstacleFinder = (path: string) => Meaning | undefined;

/** S_ISVTX, which Node does not name. */
const STICKY = 0o1000;

/**
 * Finds what a rename would refuse, and changes nothing: a rename that fails may come after something that cannot be
 * undone. What it knows of mounts and directories is that of its first question.
 */
export function obstacleFinder(): ObstacleFinder {
  let mounts: ReadonlySet<string> | undefined;
  const directories = new Map<string, Directory>();
  return (path) => {
    const status = statusOf(path);
    if (status === undefined) return undefined;
    if (status.isDirectory()) return meaningOfCode('EISDIR');
    if (isSpecial(path, status)) return SPECIAL;
    mounts ??= mountPoints();
    const name = dirname(path);
    const directory = directories.get(name) ?? inspect(name);
    directories.set(name, directory);
    // Where the system does not list its mounts, those of other devices are seen nevertheless.
    const isMounted = mounts.has(join(directory.real, basename(path))) || status.dev !== directory.dev;
    if (isMounted) return meaningOfCode('EBUSY');
    if (isRemovable(path)) return undefined;
    const isOthers = directory.isSticky && status.uid !== process.geteuid?.();
    return meaningOfCode('EPERM', isOthers ? 'rename' : 'rmdir');
  };
}

const SPECIAL: Meaning = {
  reason: 'it is a device, a pipe or a socket',
  hint: 'change the path of the output; `vaultonce read` and `vaultonce env` print values to stdout where no file is named',
};

/** What others open to reach something: they would find a file in its place. `/dev/stdout` is a link to such a thing, or to a file. */
function isSpecial(path: string, status: Stats): boolean {
  if (!status.isSymbolicLink()) return !status.isFile();
  if (readlinkSync(path).startsWith('/proc/')) return true;
  try {
    const target = statSync(path);
    return !target.isFile() && !target.isDirectory();
  } catch {
    // It leads nowhere, and is itself replaced, as any other link.
    return false;
  }
}

interface Directory {
  /** Its path without links. */
  readonly real: string;
  readonly dev: number;
  readonly isSticky: boolean;
}

function inspect(path: string): Directory {
  const { dev, mode } = statSync(path);
  return { real: nearestExisting(path), dev, isSticky: (mode & STICKY) !== 0 };
}

/**
 * rmdir(2) of what is no directory never removes it, but Linux first checks whether this user might: sticky bit,
 * capabilities, and the flags of file and directory (immutable, append-only) are all in its answer. Other refusals come
 * from rules that may treat a rename differently.
 */
function isRemovable(path: string): boolean {
  try {
    rmdirSync(path);
  } catch (error) {
    return systemErrorCode(error) !== 'EPERM';
  }
  return true;
}

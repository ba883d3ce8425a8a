import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** Group and others may write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Reads a file that decides what this program does later. Only one that this user alone could write counts: in a
 * directory that others may write to, anybody can put one.
 * @returns undefined: not a file, or not only ours
 * @throws the error of the file system
 */
export function readOwnFile(path: string): string | undefined {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = fstatSync(file);
    const isOwn = status.uid === process.geteuid?.() && (status.mode & WRITABLE_BY_OTHERS) === 0;
    return status.isFile() && isOwn ? readFileSync(file, 'utf8') : undefined;
  } finally {
    closeSync(file);
  }
}

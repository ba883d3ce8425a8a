import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** Group and others may write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Reads a file that decides what this program does later. It is trusted only if no other user could have written it:
 * anyone can place a file in a directory that others may write to.
 * @returns undefined: not a regular file, or writable by others
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

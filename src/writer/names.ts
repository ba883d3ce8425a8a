import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';

const TEMPORARY = /^\.vaultonce-(\d+)-[0-9a-f]{8}\.(?:new|old)$/;

/** A name for a file beside a target, until it gets its own. */
export function temporaryName(pid: number, random: () => number, kind: 'new' | 'old'): string {
  const unique = Math.floor(random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
  return `.vaultonce-${String(pid)}-${unique}.${kind}`;
}

/**
 * Removes what a run that was killed has left in a directory. Files of a process that is still alive are left alone;
 * those with our own pid are not ours yet, because pids are used again, in containers always the same few.
 */
export function removeStale(directory: string, pid: number): void {
  for (const name of readdirSync(directory)) {
    const owner = TEMPORARY.exec(name)?.[1];
    if (owner === undefined || (Number(owner) !== pid && isAlive(Number(owner)))) continue;
    const path = join(directory, name);
    if (lstatSync(path).isFile()) removeFile(path);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not permitted: it lives, and belongs to someone else.
    return systemErrorCode(error) === 'EPERM';
  }
}

/** Removes a file that may be gone already. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // There is nothing better to do about a file that cannot be removed, and the cause has been told.
  }
}

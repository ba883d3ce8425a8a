import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';

/** What makes temporary names of one process differ from all others. */
export interface Naming {
  readonly pid: number;
  /** In [0, 1). */
  random(): number;
}

const TEMPORARY = /^\.vaultonce-(\d+)-[0-9a-f]{8}\.(?:new|old)$/;
const NAME_ATTEMPTS = 8;

/**
 * Uses a name in a directory until a file gets its own. `use` must fail with EEXIST on a name that is taken; it then
 * gets the next one.
 */
export function withFreeName<T>(
  directory: string,
  naming: Naming,
  kind: 'new' | 'old',
  use: (path: string) => T,
): T {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return use(join(directory, temporaryName(naming, kind)));
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST' || attempt === NAME_ATTEMPTS) throw error;
    }
  }
}

function temporaryName(naming: Naming, kind: 'new' | 'old'): string {
  const unique = Math.floor(naming.random() * 2 ** 32);
  return `.vaultonce-${String(naming.pid)}-${unique.toString(16).padStart(8, '0')}.${kind}`;
}

/**
 * Removes what a run that was killed has left in a directory; to be called before this run stages anything.
 */
export function removeStale(directory: string, pid: number): void {
  for (const name of namesIn(directory)) {
    const owner = TEMPORARY.exec(name)?.[1];
    if (owner === undefined || !isLeftBehind(Number(owner), pid)) continue;
    const path = join(directory, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) removeFile(path);
  }
}

/**
 * What a process that is still alive is working on is left alone. What has our own pid is not ours yet: pids are used
 * again, in containers always the same few.
 */
export function isLeftBehind(owner: number, pid: number): boolean {
  return owner === pid || !isAlive(owner);
}

/** None where the directory may be written but not read: a cleaning that cannot be done is no reason to fail. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
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

/** Removes a file that may be gone already. Called on the way out, where another error would hide the first. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone, or not removable by the user who made it: the next run tries again.
  }
}

import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import type { RunId, Scope } from '../../host/scope.ts';

/** What makes the temporary names of one run differ from all others. */
export type Naming = Pick<Scope, 'run' | 'random'>;

/** Of the process, of its run, and a random number. */
const TEMPORARY = /^\.vaultonce-(\d+)(?:\.([0-9a-f]{8}))?-[0-9a-f]{8}\.(?:new|old)$/;
const NAME_ATTEMPTS = 8;

/** The runs of this process that are staging files, or have not removed them yet. */
const staging = new Set<string>();

/** From now on the temporary files of this run are in use. */
export function beginRun({ id }: RunId): void {
  staging.add(id);
}

/** From now on they are leftovers. */
export function endRun({ id }: RunId): void {
  staging.delete(id);
}

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
  return `.vaultonce-${uniqueName(naming)}.${kind}`;
}

/** Names the process, its run, and a random number. */
export function uniqueName({ run, random }: Naming): string {
  const unique = Math.floor(random() * 2 ** 32);
  return `${String(run.pid)}.${run.id}-${unique.toString(16).padStart(8, '0')}`;
}

/** Removes what a run that was killed has left in a directory. */
export function removeStale(directory: string): void {
  for (const name of namesIn(directory)) {
    const [, pid, run] = TEMPORARY.exec(name) ?? [];
    if (pid === undefined || !isLeftBehind(Number(pid), run)) continue;
    const path = join(directory, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) removeFile(path);
  }
}

/**
 * What a process that is still alive is working on is left alone. What has our own pid may be of an earlier process: pids
 * are used again, in containers always the same few. Only its run tells.
 */
export function isLeftBehind(pid: number, run: string | undefined): boolean {
  return pid === process.pid ? run === undefined || !staging.has(run) : !isAlive(pid);
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

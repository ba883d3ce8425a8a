import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode } from '../../base/errors.ts';
import { randomHex } from '../../base/random-hex.ts';
import type { RunId, Scope } from '../../host/scope.ts';

/** Makes the temporary names of a run unique. */
export type Naming = Pick<Scope, 'run' | 'random'>;

/** Process, run, and a random number. */
const TEMPORARY = /^\.vaultonce-(\d+)(?:\.([0-9a-f]{8}))?-[0-9a-f]{8}\.(?:new|old)$/;
const NAME_ATTEMPTS = 8;

/** The runs of this process whose temporary files are in use. */
const staging = new Set<string>();

/** From now on, temporary files of this run are in use. */
export function beginRun({ id }: RunId): void {
  staging.add(id);
}

/** From now on they are leftovers. */
export function endRun({ id }: RunId): void {
  staging.delete(id);
}

/**
 * Calls `use` with temporary names in a directory until one is free: on a name that is taken it must fail with EEXIST.
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

/** Process, run, and a random number. */
export function uniqueName({ run, random }: Naming): string {
  return `${String(run.pid)}.${run.id}-${randomHex(random)}`;
}

/** Removes leftovers of killed runs from a directory. */
export function removeStale(directory: string): void {
  for (const name of namesIn(directory)) {
    const [, pid, run] = TEMPORARY.exec(name) ?? [];
    if (pid === undefined || !isLeftBehind(Number(pid), run)) continue;
    const path = join(directory, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true) removeFile(path);
  }
}

/**
 * Files of a living process are in use. Files with our own pid may come from an earlier process, because pids are reused,
 * in containers always the same few: only the run id distinguishes them.
 */
export function isLeftBehind(pid: number, run: string | undefined): boolean {
  return pid === process.pid ? run === undefined || !staging.has(run) : !isAlive(pid);
}

/** Empty if the directory is not readable: a clean-up that is impossible is no reason to fail. */
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
    // Not permitted: it is alive, and belongs to another user.
    return systemErrorCode(error) === 'EPERM';
  }
}

/** Removes a file that may be gone already. Called on the way out, where another error would hide the first. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone, or not removable for this user: the next run tries again.
  }
}

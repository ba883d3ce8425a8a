import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SetupFault } from './setup-fault.ts';

/** Types of file systems, as statfs(2) has them: tmpfs and ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** A directory in memory: /dev/shm, else what a login has of its own. */
export function findMemory(): string | undefined {
  const places = ['/dev/shm', process.env['XDG_RUNTIME_DIR'] ?? ''];
  return places.find((place) => isWritable(place) && isInMemory(place));
}

/**
 * Where tests write what goes to no disk.
 * @throws {SetupFault}
 */
export function memoryDirectory(): string {
  const found = findMemory();
  if (found !== undefined) return found;
  throw new SetupFault(
    'there is no tmpfs that this user may write to: mount one at /dev/shm, or name one in $XDG_RUNTIME_DIR',
  );
}

const DISKS: readonly string[] = ['/var/tmp', join(import.meta.dirname, '../..')];

/** Where secrets must not go: not /tmp wherever that is in memory. */
export function diskDirectory(): string | undefined {
  return [tmpdir(), ...DISKS].find((place) => isWritable(place) && !isInMemory(place));
}

/** Whether programs can be started from there: Docker mounts its /dev/shm `noexec`. */
export function startsPrograms(directory: string): boolean {
  const own = mkdtempSync(join(directory, 'vaultonce-program-'));
  try {
    const program = join(own, 'program');
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
    return spawnSync(program).status === 0;
  } finally {
    rmSync(own, { recursive: true });
  }
}

function isInMemory(path: string): boolean {
  return IN_MEMORY.has(statfsSync(path).type);
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

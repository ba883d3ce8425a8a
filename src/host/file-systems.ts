import { lstatSync, readFileSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode } from '../base/errors.ts';

/** statfs(2) `f_type`, from linux/magic.h. */
const MEMORY_TYPES: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0xf2f52010, 'f2fs'],
  [0x2fc12fc1, 'zfs'],
  [0x794c7630, 'overlayfs'],
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x00c36400, 'ceph'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x4d44, 'vfat'],
]);

/** True if files of this type never reach a disk. */
export function isMemory(type: number): boolean {
  return MEMORY_TYPES.has(type);
}

/** `ext4`; on macOS the numbers have no fixed meaning. */
export function typeName(type: number): string {
  return OTHER_TYPES.get(type) ?? `a file system of type 0x${type.toString(16)}`;
}

/**
 * The path itself, or its nearest existing ancestor; links are resolved.
 * @throws system errors: ENOENT for a dangling link
 */
export function nearestExisting(path: string): string {
  return realpathSync.native(existingPart(path));
}

/** The existing part of a path, links unresolved; even a dangling link exists. */
export function existingPart(path: string): string {
  let candidate = path;
  while (statusOf(candidate) === undefined) candidate = dirname(candidate);
  return candidate;
}

/** Status of the path itself, not of a link target; undefined if it does not exist. */
export function statusOf(path: string): Stats | undefined {
  try {
    // Throwing an error for each new file would take longer than writing it.
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Where something is mounted, links resolved; empty where the system does not list it. proc_pid_mountinfo(5) */
export function mountPoints(): ReadonlySet<string> {
  let lines: readonly string[];
  try {
    lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  } catch {
    return new Set();
  }
  return new Set(lines.map((line) => unescaped(line.split(' ', 5)[4] ?? '')));
}

/** Blanks, line breaks and backslashes are three octal digits there. */
function unescaped(path: string): string {
  if (!path.includes('\\')) return path;
  return path.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

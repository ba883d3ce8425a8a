import { accessSync, constants, lstatSync, realpathSync, statfsSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { systemErrorCode, throwIfAny, type Failure } from '../errors.ts';
import type { OutputPlan } from '../outputs.ts';

/** statfs(2) `f_type`. */
const MEMORY_TYPES = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
]);

const DISK_TYPES = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
  [0x6969, 'nfs'],
  [0x2fc12fc1, 'zfs'],
  [0x01021997, '9p'],
  [0xff534d42, 'cifs'],
  [0x65735546, 'fuse'],
]);

/**
 * Checks every target while nothing has been asked for or minted yet: it is on tmpfs, it can be written, and nothing of
 * another kind stands in its way.
 * @throws RunError `output` with all problems
 */
export function checkTargets(outputs: readonly OutputPlan[]): void {
  const failures: Failure[] = [];
  for (const { where, target } of outputs) {
    const failure = problemWith(target);
    if (failure !== undefined) failures.push({ kind: 'output', where, ...failure });
  }
  throwIfAny(failures);
}

type Problem = Pick<Failure, 'message' | 'hint'>;

function problemWith({ path, kind, allowDisk }: OutputPlan['target']): Problem | undefined {
  try {
    const present = statusOf(path);
    if (kind === 'file' && present?.isDirectory()) {
      return {
        message: `${path} is a directory, but a file is to be written there`,
        hint: 'change the path of the output, or remove the directory',
      };
    }
    if (kind === 'directory' && present !== undefined && !statSync(path).isDirectory()) {
      return {
        message: `${path} is a file, but a directory is needed there`,
        hint: 'change the path of the output, or remove the file',
      };
    }
    const directory = nearestExisting(kind === 'directory' ? path : dirname(path));
    return problemWithDirectory(directory, allowDisk);
  } catch (error) {
    return {
      message: `${path} cannot be looked at (${systemErrorCode(error) ?? 'unknown error'})`,
      hint: 'check the path and the permissions of its directories',
    };
  }
}

function problemWithDirectory(directory: string, allowDisk: boolean): Problem | undefined {
  if (!statSync(directory).isDirectory()) {
    return {
      message: `${directory} is a file, but has to be a directory`,
      hint: 'change output.directory or the path of the output, or remove the file',
    };
  }
  const { type } = statfsSync(directory);
  if (!allowDisk && !MEMORY_TYPES.has(type)) {
    return {
      message: `${directory} is on ${DISK_TYPES.get(type) ?? 'a file system'}, not on tmpfs: secrets would reach a disk`,
      hint: 'write below a memory file system (Kubernetes: `emptyDir: {medium: Memory}`; Linux: /dev/shm, /run), or allow it with --allow-disk or `allow_disk: true`',
    };
  }
  return problemWithAccess(directory);
}

function problemWithAccess(directory: string): Problem | undefined {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    if (systemErrorCode(error) === 'EROFS') {
      return {
        message: `${directory} is on a read-only file system`,
        hint: 'mount a writable volume there; in Kubernetes an `emptyDir` with `medium: Memory`',
      };
    }
    return {
      message: `${directory} is not writable for this user (${systemErrorCode(error) ?? 'unknown error'})`,
      hint: 'run as its owner, or set fsGroup in Kubernetes',
    };
  }
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The directory itself, or the nearest above it that exists; links are followed. */
export function nearestExisting(directory: string): string {
  for (let candidate = directory; ; candidate = dirname(candidate)) {
    if (statusOf(candidate) !== undefined) return realpathSync(candidate);
  }
}

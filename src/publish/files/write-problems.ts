import { RunError, systemErrorCode, type FailureContext } from '../../base/errors.ts';

/** The meaning of an error of the file system. */
export interface Meaning {
  readonly reason: string;
  readonly hint: string;
}

const OTHER_HINT = 'errno(3) lists the codes; look at the file system of this path';

const IN_THE_WAY: Meaning = {
  reason: 'there is a directory of this name',
  hint: 'remove the directory, or change the path of the output',
};

const FOREIGN_OWNER: Meaning = {
  reason: 'this user may not set the requested owner or group',
  hint: 'drop `owner` and `group` and run as that user, or in Kubernetes share the file by fsGroup with mode "0440"',
};

/** By code and system call, then by code. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  'EPERM chown': FOREIGN_OWNER,
  'EPERM fchown': FOREIGN_OWNER,
  'EPERM rename': {
    reason: 'in a directory with the sticky bit only its owner may replace a file',
    hint: 'run every init container with the same runAsUser, or empty the directory first',
  },
  'EPERM rmdir': {
    reason: 'it or its directory is immutable or append-only',
    hint: 'clear the flag with chattr, or write to another directory',
  },
  EACCES: {
    reason: 'permission denied',
    hint: 'run as the owner of the directory, or set fsGroup in Kubernetes',
  },
  EBUSY: {
    reason: 'it is a mount point',
    hint: 'mount the directory instead of the single file; in Kubernetes avoid subPath',
  },
  EEXIST: {
    reason: 'another process has just made something of this name',
    hint: 'let only one run write to a directory at a time, and run it again',
  },
  EIO: { reason: 'the device reports an error', hint: 'look at the log of the system' },
  EISDIR: IN_THE_WAY,
  ELOOP: { reason: 'its symbolic links lead in a circle', hint: 'correct the links, or change the path' },
  ENAMETOOLONG: { reason: 'the name is too long', hint: 'names may have 255 bytes, paths 4095' },
  ENOENT: {
    reason: 'a directory is gone, or a symbolic link leads nowhere',
    hint: 'create what the link points to, or let no other process write there at the same time',
  },
  ENOTDIR: {
    reason: 'a part of the path is a file',
    hint: 'change output.directory or the path of the output',
  },
  ENOTEMPTY: IN_THE_WAY,
  EPERM: { reason: 'not permitted for this user', hint: 'run as the owner of the directory' },
  EROFS: {
    reason: 'read-only file system',
    hint: 'mount a writable volume there; with readOnlyRootFilesystem an `emptyDir` with `medium: Memory`',
  },
  EXDEV: {
    reason: 'it is on another file system than its directory',
    hint: 'mount the directory as a whole',
  },
};

/** An error of the file system in words, with its code. */
export function meaningOf(error: unknown): Meaning {
  const syscall = error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
  return meaningOfCode(systemErrorCode(error) ?? 'unknown error', syscall);
}

export function meaningOfCode(code: string, syscall = ''): Meaning {
  const { reason, hint = OTHER_HINT } = MEANINGS[`${code} ${syscall}`] ?? MEANINGS[code] ?? {};
  return { reason: reason === undefined ? code : `${reason} (${code})`, hint };
}

/** A failed file operation; the content is not quoted. */
export function writeError(error: unknown, path: string, context: FailureContext): RunError {
  return cannotWrite(path, meaningOf(error), context);
}

export function cannotWrite(path: string, { reason, hint }: Meaning, context: FailureContext): RunError {
  return new RunError('output', `cannot write ${path}: ${reason}`, { ...context, hint });
}

/** True for an error of a system call; all others are bugs. What the runtime refuses in its place may name no call. */
export function isSystemError(error: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(systemErrorCode(error) ?? '');
}

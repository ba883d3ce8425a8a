import { RunError, systemErrorCode, type FailureContext } from '../../base/errors.ts';

/** The meaning of an error of the file system. */
interface Meaning {
  readonly reason: string;
  readonly hint?: string;
}

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
  EACCES: {
    reason: 'permission denied',
    hint: 'run as the owner of the directory, or set fsGroup in Kubernetes',
  },
  EBUSY: {
    reason: 'it is a mount point',
    hint: 'mount the directory instead of the single file; in Kubernetes avoid subPath',
  },
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
  const code = systemErrorCode(error) ?? 'unknown error';
  const syscall = error instanceof Error && 'syscall' in error ? String(error.syscall) : '';
  const { reason, hint } = MEANINGS[`${code} ${syscall}`] ?? MEANINGS[code] ?? {};
  return { reason: reason === undefined ? code : `${reason} (${code})`, ...(hint !== undefined && { hint }) };
}

/** A failed file operation; the content is not quoted. */
export function writeError(error: unknown, path: string, context: FailureContext): RunError {
  const { reason, hint } = meaningOf(error);
  return new RunError('output', `cannot write ${path}: ${reason}`, { ...context, hint });
}

/** True for an error of a system call; all others are bugs. */
export function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

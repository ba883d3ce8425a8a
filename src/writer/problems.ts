import { RunError, systemErrorCode } from '../errors.ts';

/** A failed file operation in words; what was to be written is not quoted. */
export function writeError(error: unknown, what: string, path: string, where: string): RunError {
  const code = systemErrorCode(error) ?? 'unknown error';
  return new RunError('output', `${what} failed: ${REASONS[code] ?? code}`, {
    where: `${where}, ${path}`,
    hint: HINTS[code],
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'not permitted for this user',
  EROFS: 'read-only file system',
  ENAMETOOLONG: 'the name is too long',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'there is a directory of this name',
  ENOTEMPTY: 'there is a directory of this name',
  ELOOP: 'too many symbolic links',
};

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'run as the owner of the directory, or set fsGroup in Kubernetes',
  EPERM:
    'only root may give files away, so run as that owner, or drop `owner` and `group` and use fsGroup; in a directory with the sticky bit, only the owner of a file may replace it',
  EROFS: 'mount a writable volume there; in Kubernetes an `emptyDir` with `medium: Memory`',
  EISDIR: 'remove the directory, or change the path of the output',
  ENOTEMPTY: 'remove the directory, or change the path of the output',
};

/** True for a full file system and for a full quota. */
export function isNoSpace(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

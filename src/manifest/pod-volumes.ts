import type { Failure } from '../base/errors.ts';
import { isAtOrBelow } from '../base/paths-below.ts';
import { SHARED_DIRECTORIES } from '../base/shared-directories.ts';
import { isOfPod } from './pod-only.ts';

/** A volume, and where a container has it. */
export interface Mount {
  /** Absolute. */
  readonly path: string;
  /** The volume without its name. */
  readonly source: object;
  /** The end of the volume's name. */
  readonly role: 'secrets' | 'config' | 'token' | 'ca' | 'credentials' | 'api' | 'health';
  /** What is in it, for messages. */
  readonly what: string;
  /** Where its path comes from, for messages. */
  readonly where: string | undefined;
}

/** What containers have there already: the kernel's, and this program in its image. */
const OCCUPIED = ['/dev', '/proc', '/sys', '/opt/vaultonce', '/usr/local/bin'];

function hintFor({ path }: Mount): string {
  return isOfPod(path)
    ? 'name the directory above it: `output: { directory: /vault/secrets }`'
    : 'choose a directory of its own, such as /vault/secrets or /etc/vault-ca';
}

/** Volumes that would hide what containers have, or each other. */
export function misplaced(mounts: readonly Mount[]): Failure[] {
  // What the config does not place cannot be elsewhere.
  const own = mounts.filter(({ where }) => where === undefined);
  const placed = mounts.filter((mount) => !own.includes(mount));
  return placed.flatMap((mount, index) => {
    const problem = problemOf(mount) ?? overlap(mount, [...own, ...placed.slice(0, index)]);
    return problem === undefined
      ? []
      : [{ kind: 'config', message: problem, where: mount.where, hint: hintFor(mount) }];
  });
}

function problemOf({ path, what }: Mount): string | undefined {
  if (path === '/')
    return `${what} would be in \`/\`, where no volume can be mounted: a relative path starts there in a pod`;
  if (OCCUPIED.some((one) => isAtOrBelow(one, path)))
    return `${what} would be in ${path}, where no volume can be mounted`;
  if (isOfPod(path))
    return `${what} would be in a directory that only the pod can name, where no volume can be mounted`;
  if (!SHARED_DIRECTORIES.has(path)) return undefined;
  return `${what} would be in ${path}, where a volume would hide what containers have there`;
}

function overlap({ path, what }: Mount, others: readonly Mount[]): string | undefined {
  const other = others.find((one) => isAtOrBelow(one.path, path) || isAtOrBelow(path, one.path));
  return other && `${what} would be in ${path}, which overlaps with ${other.path} for ${other.what}`;
}

/** The names of the volumes: those of one role are numbered from the second on. */
export function volumeName(mount: Mount, mounts: readonly Mount[], prefix: string): string {
  const index = mounts.filter(({ role }) => role === mount.role).indexOf(mount);
  return `${prefix}-${mount.role}${index === 0 ? '' : `-${String(index + 1)}`}`;
}

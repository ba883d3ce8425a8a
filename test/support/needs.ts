import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { nodeOf } from '../../.config/oldest-nodes.ts';
import { COMMAND } from './cli.ts';
import { diskDirectory, memoryDirectory } from './places.ts';
import { findBinaries } from './postgres.ts';
import { serverFacts } from './server-facts.ts';

/**
 * Options of a test that cannot run everywhere: why it is left out here, or false where all is there that it needs. Reasons that
 * `.config/test.ts` accepts where CI is set begin as it says there.
 */
export interface Needs {
  readonly skip: false | string;
}

/** Somebody else, with a group of the same number. */
export const OTHER_USER = 65532;

/** For what needs several things: the first reason that there is. */
export function allOf(...all: readonly Needs[]): Needs {
  return all.find(({ skip }) => skip !== false) ?? { skip: false };
}

/** For what gives files away or becomes another user. */
export const needsRoot = once(() => {
  if (!isRoot()) return 'needs root, to give files away and to become another user';
  // Root of a container may have neither right.
  return !succeedsAsOther('true') && 'needs root that may become another user';
});

/** For what starts the program as another user. */
export const needsOtherUser = once(() => {
  const { skip } = needsRoot();
  return skip === false
    ? !succeedsAsOther(...COMMAND, '--version') && 'needs root, and a checkout that other users can read'
    : skip;
});

/** For what mounts file systems. */
export const needsMounts = once(() => {
  if (!isRoot()) return 'needs root, to mount file systems';
  const directory = mkdtempSync(join(tmpdir(), 'vaultonce-mount-'));
  try {
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'none', directory]);
    if (status !== 0) return 'needs root that may mount file systems';
    spawnSync('umount', [directory]);
    return false;
  } finally {
    rmdirSync(directory);
  }
});

/** For what mounts where nobody else sees it. */
export const needsMountNamespace = once(() => {
  const { skip } = needsMounts();
  if (skip !== false) return skip;
  return spawnSync('unshare', ['-m', 'true']).status !== 0 && 'needs root that may make namespaces';
});

/** For what resolves names in its own way: it needs a mount namespace, and the port of name servers. */
export const needsOwnNames = once(() => {
  const { skip } = needsMounts();
  if (skip !== false) return skip;
  return (
    spawnSync('unshare', ['-m', '-p', '-f', 'true']).status !== 0 && 'needs root that may make namespaces'
  );
});

/** For what runs as PID 1. */
export const needsOwnProcesses = once(
  () =>
    spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status !== 0 &&
    'needs root that may make namespaces',
);

/** For what builds images. */
export const needsBuildah = once(() => {
  const { skip } = needsOwnNames();
  if (skip !== false) return skip;
  return spawnSync('buildah', ['--version']).status !== 0 && 'needs buildah, to build the images';
});

/** For files that nobody may change. */
export const needsFlags = once(() => {
  const directory = mkdtempSync(join(memoryDirectory(), 'vaultonce-flag-'));
  try {
    const { status } = spawnSync('chattr', ['+i', directory]);
    spawnSync('chattr', ['-i', directory]);
    return status !== 0 && 'needs root, chattr, and a tmpfs that knows its flags';
  } finally {
    rmdirSync(directory);
  }
});

/** For what is refused on a disk. */
export const needsDisk = once(
  () =>
    diskDirectory() === undefined &&
    'needs a directory on disk: /tmp, /var/tmp and the checkout are in memory',
);

/** For a real PostgreSQL, which neither runs as root nor as somebody without a name, and a server that has the plug-in for it. */
export async function needsPostgres(): Promise<Needs> {
  if (isRoot() && needsRoot().skip !== false) return needsRoot();
  if (!hasName()) return { skip: 'needs a passwd entry of this user, for PostgreSQL' };
  try {
    await findBinaries();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { skip: `needs PostgreSQL, which cannot be downloaded: ${reason}` };
  }
  return needsPlugins('database/postgresql-database-plugin');
}

/** For what runs on the oldest Node of a range. It is downloaded. @throws Error if what was downloaded is another one */
export function needsNode(version: string): Needs {
  try {
    nodeOf(version);
    return { skip: false };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason.includes('has not the digest')) throw error;
    return { skip: `needs Node.js ${version}, which cannot be installed: ${reason}` };
  }
}

/** For what only kubectl can say: what it makes of patches and kustomizations, which it does without a cluster. */
export const needsKubectl = once(
  () => spawnSync('kubectl', ['kustomize', '--help']).status !== 0 && 'needs kubectl with kustomize on PATH',
);

export async function needsNamespaces(): Promise<Needs> {
  const { name, namespaces } = await serverFacts();
  if (namespaces) return { skip: false };
  const isHashicorp = name.startsWith('HashiCorp');
  const why = isHashicorp ? 'namespaces are a feature of its Enterprise edition' : 'it has no namespaces';
  return { skip: `not on ${name}: ${why}` };
}

/** @param wanted as `auth/jwt`, `secret/pki` and `database/postgresql-database-plugin` */
export async function needsPlugins(...wanted: readonly string[]): Promise<Needs> {
  const { name, plugins } = await serverFacts();
  const missing = wanted.filter((plugin) => !plugins.includes(plugin));
  return { skip: missing.length > 0 && `not on ${name}: it was built without ${missing.join(', ')}` };
}

function succeedsAsOther(program = '', ...args: readonly string[]): boolean {
  return spawnSync(program, args, { uid: OTHER_USER, gid: OTHER_USER, cwd: '/' }).status === 0;
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

function hasName(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}

function once(find: () => Needs['skip']): () => Needs {
  let found: Needs | undefined;
  return () => (found ??= { skip: find() });
}

import { lstatSync, statSync, unlinkSync, type Stats } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { isBelow } from '../../base/paths-below.ts';
import { Secret } from '../../base/secret.ts';
import { manifestPath } from '../../config/managed-directory.ts';
import { statusOf } from '../../host/file-systems.ts';
import type { ManagedDirectory, RenderedFile, Target, WritableOutput } from '../../plan/outputs.ts';
import type { PrunedFile } from '../destination.ts';
import { removeDirectories, syncDirectory } from './directories.ts';
import { manifestText, readManifest } from './manifest.ts';
import { replaceFile } from './stage.ts';
import type { Naming } from './temporary-names.ts';
import { meaningOf } from './write-problems.ts';

/** The files to record, and those to remove after the commit. */
export interface Pruning {
  /** To be committed before the outputs: what was written is then known even if this run is killed. */
  readonly manifest: WritableOutput;
  /** Removes the files that are no longer declared. To be called after the commit; never throws. */
  finish(naming: Naming): readonly PrunedFile[];
}

/**
 * Only files in the manifest of earlier runs are ever removed: others in the directory are not ours.
 * @returns undefined when there is nothing to record
 * @throws RunError `output` for a manifest that cannot be trusted
 */
export function planPruning(
  { path: root, where }: ManagedDirectory,
  outputs: readonly WritableOutput[],
): Pruning | undefined {
  const recorded = readManifest(root, where);
  const files = outputs.flatMap((output) => output.files.map(({ path }) => path));
  const declared = new Set(files.filter((path) => isBelow(root, path)).map((path) => relative(root, path)));
  const stale = recorded.filter((name) => !declared.has(name));
  if (declared.size + stale.length === 0) return undefined;
  const target: Target = { ...MANIFEST_TARGET, path: manifestPath(root) };
  return {
    manifest: { plan: { where, target }, files: [manifestFile(root, [...declared, ...stale])] },
    finish(naming) {
      if (stale.length === 0) return [];
      const pruned = removeAll(root, stale, neededBy(outputs));
      const remaining = pruned.filter(({ problem }) => problem !== undefined);
      const names = [...declared, ...remaining.map(({ path }) => relative(root, path))];
      try {
        replaceFile(manifestFile(root, names), target, naming);
      } catch {
        // It then lists files that are gone, which the next run corrects.
      }
      return pruned;
    },
  };
}

/** Readable only for this user: the names of removed files are not for others. */
const MANIFEST_TARGET: Omit<Target, 'path'> = {
  kind: 'file',
  mode: 0o600,
  directoryMode: 0o700,
  uid: undefined,
  gid: undefined,
  allowDisk: true,
};

function manifestFile(root: string, names: readonly string[]): RenderedFile {
  return { path: manifestPath(root), content: new Secret<Uint8Array>(Buffer.from(manifestText(names))) };
}

/** Removes files and links, and then the directories below the root that have become empty. */
function removeAll(root: string, names: readonly string[], needed: ReadonlySet<string>): PrunedFile[] {
  const pruned: PrunedFile[] = [];
  for (const name of names) {
    const path = join(root, name);
    try {
      if (!isRemovable(root, path, needed)) continue;
      unlinkSync(path);
      pruned.push({ path, problem: undefined });
    } catch (error) {
      pruned.push({ path, problem: meaningOf(error).reason });
    }
  }
  const removed = pruned.filter(({ problem }) => problem === undefined);
  const emptied = new Set(removed.flatMap(({ path }) => directoriesBetween(root, path)));
  const outermostFirst = [...emptied].sort((a, b) => a.length - b.length);
  removeDirectories(outermostFirst.filter((directory) => !needed.has(identityOf(directory))));
  for (const directory of [root, ...outermostFirst]) syncDirectory(directory);
  return pruned;
}

/**
 * False for what is gone, for anything but a file or link, for what is reached through a link, because that leads out of
 * our directory, and for what this run has written under another spelling of its name.
 */
function isRemovable(root: string, path: string, needed: ReadonlySet<string>): boolean {
  const isPlain = directoriesBetween(root, path).every((directory) => statusOf(directory)?.isDirectory());
  const status = isPlain ? statusOf(path) : undefined;
  if (status === undefined || !(status.isFile() || status.isSymbolicLink())) return false;
  return !needed.has(identityOf(path));
}

/** The files of this run, and its declared directories, even if they are empty. */
function neededBy(outputs: readonly WritableOutput[]): ReadonlySet<string> {
  const files = outputs.flatMap((output) => output.files.map(({ path }) => identityOf(path)));
  const directories = outputs
    .filter(({ plan }) => plan.target.kind === 'directory')
    .map(({ plan }) => identityOf(plan.target.path, statSync));
  return new Set([...files, ...directories]);
}

/** Equal for all names of one file; empty if it has no status. */
function identityOf(path: string, look: (path: string) => Stats = lstatSync): string {
  try {
    const { dev, ino } = look(path);
    return `${String(dev)}:${String(ino)}`;
  } catch {
    return '';
  }
}

/** The directories above a path, up to but not including the root. */
function directoriesBetween(root: string, path: string): string[] {
  const directory = dirname(path);
  return directory === root ? [] : [directory, ...directoriesBetween(root, directory)];
}

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

/** What a run has to remember, and to remove once all its files have their names. */
export interface Pruning {
  /** To be committed with the outputs, before them: what is written is known even if this run is killed. */
  readonly manifest: WritableOutput;
  /** Removes what is not declared any more. To be called after the commit; never throws. */
  finish(naming: Naming): readonly PrunedFile[];
}

/**
 * Only what the manifest of the runs before names is ever removed: other files in the directory are not ours.
 * @returns undefined when there is nothing to remember
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
        // It then names files that are gone, which the next run corrects.
      }
      return pruned;
    },
  };
}

/** For the user of the process only: nobody else has to know the names of what was removed. */
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

/** Removes files and links, and then the directories below the root that this has emptied. */
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
 * False for what is gone, for what is no file or link, for what is reached through a link, which leads to a place that
 * is not ours, and for what this run has written under another spelling of its name.
 */
function isRemovable(root: string, path: string, needed: ReadonlySet<string>): boolean {
  const isPlain = directoriesBetween(root, path).every((directory) => statusOf(directory)?.isDirectory());
  const status = isPlain ? statusOf(path) : undefined;
  if (status === undefined || !(status.isFile() || status.isSymbolicLink())) return false;
  return !needed.has(identityOf(path));
}

/** The files of this run, and the directories that it declares even if they are empty. */
function neededBy(outputs: readonly WritableOutput[]): ReadonlySet<string> {
  const files = outputs.flatMap((output) => output.files.map(({ path }) => identityOf(path)));
  const directories = outputs
    .filter(({ plan }) => plan.target.kind === 'directory')
    .map(({ plan }) => identityOf(plan.target.path, statSync));
  return new Set([...files, ...directories]);
}

/** The same for all names of one file; empty for what cannot be looked at. */
function identityOf(path: string, look: (path: string) => Stats = lstatSync): string {
  try {
    const { dev, ino } = look(path);
    return `${String(dev)}:${String(ino)}`;
  } catch {
    return '';
  }
}

/** The directories above a path, up to and without the root. */
function directoriesBetween(root: string, path: string): string[] {
  const directory = dirname(path);
  return directory === root ? [] : [directory, ...directoriesBetween(root, directory)];
}

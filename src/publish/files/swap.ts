import { lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { RunError, systemErrorCode, type Failure } from '../../base/errors.ts';
import { statusOf } from '../../host/file-systems.ts';
import type { ManagedDirectory, PlacedOutput, WritableOutput } from '../../plan/outputs.ts';
import type { PrunedFile } from '../destination.ts';
import { CommitError } from './commit.ts';
import { directoryModes, isDirectoryOf, syncDirectory } from './directories.ts';
import type { ObstacleFinder } from './obstacles.ts';
import { isUnchanged } from './stage.ts';
import { isLeftBehind, namesIn, removeFile, uniqueName, type Naming } from './temporary-names.ts';
import { meaningOf } from './write-problems.ts';

/** The link that readers go through. The kubelet uses the same names, and tools that watch volumes know them. */
const DATA_LINK = '..data';
const NEW_DATA_LINK = '..data_tmp';
/** Name of the next set while only its surroundings are checked. */
const NEXT_SET = '..vaultonce';
/** A set of files: time, process and run that made it, and a random number. */
const DATA_DIRECTORY = /^\.\.\d{4}(?:_\d\d){5}_(\d+)(?:\.([0-9a-f]{8}))?-[0-9a-f]{8}$/;

/** Publishes all outputs of a run at once. */
export interface Swap {
  /** The outputs, with targets in the directory to be published, or in the published one if it is complete. */
  readonly outputs: readonly WritableOutput[];
  /** The path by which readers reach a file of this set. */
  visiblePath(path: string): string;
  /**
   * Makes the set visible with one rename.
   * @throws CommitError; then only the directory of the set is left
   */
  publish(): void;
  /**
   * Removes the previous set and links that are no longer declared. Never throws.
   * @returns the sets of earlier runs that could not be removed
   */
  clean(): readonly PrunedFile[];
  /** Removes a set that was not published. Never throws. */
  discard(): void;
}

/**
 * Chooses between the published set, if it is complete and right, and a new one; removes leftovers of killed runs.
 * @throws RunError `output` if a needed name belongs to something that is not ours
 */
export function planSwap(
  { path: root, where }: ManagedDirectory,
  outputs: readonly WritableOutput[],
  naming: Naming,
): Swap {
  const published = publishedSet(root);
  const names = topLevelNames(root, outputs);
  const failures = namesInTheWay(root, names, where);
  if (failures.length > 0) throw new RunError(failures);
  const left = removeLeftBehind(root, published);
  const current = published === undefined ? undefined : moved(outputs, root, join(root, published));
  if (published !== undefined && current !== undefined && isComplete(root, published, names, current)) {
    return {
      outputs: current,
      visiblePath: (path) => join(root, relative(join(root, published), path)),
      publish: () => undefined,
      clean: () => left,
      discard: () => undefined,
    };
  }
  const directory = join(root, dataDirectoryName(naming));
  return {
    outputs: moved(outputs, root, directory),
    visiblePath: (path) => join(root, relative(directory, path)),
    publish: () => {
      publish(root, basename(directory), names);
    },
    clean: () => {
      syncDirectory(root);
      for (const name of strayLinks(root, names)) removeFile(join(root, name));
      return published === undefined ? left : [...left, ...leftBy([join(root, published)])];
    },
    discard: () => {
      removeTree(directory);
    },
  };
}

/** The targets as if the next set existed: until then only the root can be checked. */
export function targetsInNewSet(
  { path: root }: ManagedDirectory,
  outputs: readonly PlacedOutput[],
): PlacedOutput[] {
  return outputs.map((plan) => ({ ...plan, target: movedTarget(plan, root, join(root, NEXT_SET)) }));
}

/** Obstacles where links are needed, for the names that are known before the fetch. */
export function problemsWithLinks(
  { path: root, where }: ManagedDirectory,
  outputs: readonly PlacedOutput[],
  obstacleTo: ObstacleFinder,
): Failure[] {
  const names = topLevelNames(
    root,
    outputs.map((plan) => ({ plan, files: [] })),
  );
  const inTheWay = namesInTheWay(root, names, where);
  if (inTheWay.length > 0) return inTheWay;
  return [DATA_LINK, NEW_DATA_LINK].flatMap((name): Failure[] => {
    const path = join(root, name);
    const { reason, hint } = obstacleTo(path) ?? {};
    return reason === undefined
      ? []
      : [{ kind: 'output', message: `${path} cannot be replaced: ${reason}`, where, hint }];
  });
}

/**
 * Removes what runs with `swap` have left in a directory, now that it is off: links, the published set, and others.
 * @param outputs what this run has written
 * @returns the sets
 */
export function removeFormerSets(root: string, outputs: readonly WritableOutput[]): readonly PrunedFile[] {
  // Almost always there is none.
  const published = publishedSet(root);
  if (published === undefined) return [];
  const path = join(root, published);
  const through = topLevelNames(
    root,
    outputs.filter(({ plan }) => !isAtTop(root, plan)),
  );
  const used = [...through].filter((name) => linkAt(root, name) === linkTarget(name));
  if (used.length > 0) {
    const links = used.map((name) => join(root, name)).join(', ');
    return [
      { path, problem: `outputs are written through its links: ${links}; remove these, and run again` },
    ];
  }
  for (const name of strayLinks(root, new Set())) removeFile(join(root, name));
  removeFile(join(root, DATA_LINK));
  const left = [...leftBy([path]), ...removeLeftBehind(root, published)];
  return left.some((one) => one.path === path) ? left : [{ path, problem: undefined }, ...left];
}

/** A file there replaces a link of its name. */
function isAtTop(root: string, { target }: PlacedOutput): boolean {
  return target.kind === 'file' && dirname(target.path) === root;
}

function namesInTheWay(root: string, names: ReadonlySet<string>, where: string): Failure[] {
  const data = statusOf(join(root, DATA_LINK));
  const foreign = data !== undefined && publishedSet(root) === undefined ? [DATA_LINK] : [];
  const taken = [...names].filter(
    (name) => statusOf(join(root, name)) !== undefined && linkAt(root, name) !== linkTarget(name),
  );
  return [...foreign, ...taken].map((name) => ({
    kind: 'output',
    message: `${join(root, name)} is in the way: \`swap\` needs the name for a link of its own`,
    where,
    hint: 'remove it if earlier runs without `swap` have written it, or use another output.directory',
  }));
}

/** The directory that `..data` points to; undefined if it is not one of ours. */
function publishedSet(root: string): string | undefined {
  const name = linkAt(root, DATA_LINK);
  if (name === undefined || !DATA_DIRECTORY.test(name)) return undefined;
  return name;
}

function linkAt(root: string, name: string): string | undefined {
  const path = join(root, name);
  if (statusOf(path)?.isSymbolicLink() !== true) return undefined;
  try {
    return readlinkSync(path);
  } catch (error) {
    // Another run has just replaced it.
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function linkTarget(name: string): string {
  return join(DATA_LINK, name);
}

function dataDirectoryName(naming: Naming): string {
  const time = new Date().toISOString().slice(0, 19).replace(/[-T:]/g, '_');
  return `..${time}_${uniqueName(naming)}`;
}

function moved(outputs: readonly WritableOutput[], root: string, directory: string): WritableOutput[] {
  return outputs.map(({ plan, files }) => ({
    plan: { where: plan.where, target: movedTarget(plan, root, directory) },
    files: files.map((file) => ({ ...file, path: join(directory, relative(root, file.path)) })),
  }));
}

function movedTarget({ target }: Pick<PlacedOutput, 'target'>, root: string, directory: string) {
  return { ...target, path: join(directory, relative(root, target.path)) };
}

/** The files, and the declared directories, even if they are empty. */
function declaredPaths(outputs: readonly WritableOutput[]): string[] {
  return outputs.flatMap(({ plan: { target }, files }) => [target.path, ...files.map(({ path }) => path)]);
}

function topLevelNames(root: string, outputs: readonly WritableOutput[]): ReadonlySet<string> {
  const names = declaredPaths(outputs).map((path) => relative(root, path).split(sep)[0] ?? '');
  return new Set(names.filter((name) => name !== ''));
}

/** True if the published set has exactly these files, with content, mode and owner, and all links lead to it. */
function isComplete(
  root: string,
  published: string,
  names: ReadonlySet<string>,
  outputs: readonly WritableOutput[],
): boolean {
  const directory = join(root, published);
  const isSame = outputs.every(({ plan: { target }, files }) =>
    files.every(({ path, content }) => isUnchanged(path, content.reveal(), target)),
  );
  const hasLinks = [...names].every((name) => linkAt(root, name) !== undefined);
  if (!isSame || !hasLinks || strayLinks(root, names).length > 0) return false;
  const expected = new Set(declaredPaths(outputs).flatMap((path) => pathsUpTo(directory, path)));
  const present = namesBelow(directory);
  const isWhole =
    present?.length === expected.size && present.every((name) => expected.has(join(directory, name)));
  const modeOf = directoryModes(outputs);
  const files = new Set(outputs.flatMap((output) => output.files.map(({ path }) => path)));
  const directories = [directory, ...[...expected].filter((path) => !files.has(path))];
  return isWhole && directories.every((path) => isDirectoryOf(path, modeOf(path)));
}

/** Undefined: not all of it can be read, because of its mode or because another run is just removing it. */
function namesBelow(directory: string): readonly string[] | undefined {
  try {
    return readdirSync(directory, { recursive: true, encoding: 'utf8' });
  } catch {
    return undefined;
  }
}

/** A path and the directories above it, up to but not including the root. */
function pathsUpTo(root: string, path: string): string[] {
  return path === root ? [] : [path, ...pathsUpTo(root, dirname(path))];
}

/**
 * New links are made first, and dangle until the rename of `..data`, which is the last step that can fail and makes
 * everything visible at once.
 */
function publish(root: string, directory: string, names: ReadonlySet<string>): void {
  const made: string[] = [];
  let path = '';
  const make = (target: string, name: string): void => {
    path = join(root, name);
    symlinkSync(target, path);
    made.push(path);
  };
  try {
    for (const name of names) if (linkAt(root, name) === undefined) make(linkTarget(name), name);
    make(directory, NEW_DATA_LINK);
    renameSync(path, join(root, DATA_LINK));
  } catch (error) {
    for (const link of made) removeFile(link);
    throw new CommitError(path, error);
  }
}

/** Links of earlier sets. Links to anywhere else are not ours, nor is what cannot be looked at. */
function strayLinks(root: string, names: ReadonlySet<string>): string[] {
  return namesIn(root).filter((name) => {
    try {
      return !names.has(name) && linkAt(root, name) === linkTarget(name);
    } catch {
      return false;
    }
  });
}

/**
 * Removes sets that killed runs have not published or not removed.
 * @returns those that could not be removed
 */
function removeLeftBehind(root: string, published: string | undefined): PrunedFile[] {
  if (linkAt(root, NEW_DATA_LINK) !== undefined) removeFile(join(root, NEW_DATA_LINK));
  const sets = namesIn(root).filter((name) => {
    const [, pid, run] = DATA_DIRECTORY.exec(name) ?? [];
    return pid !== undefined && name !== published && isLeftBehind(Number(pid), run);
  });
  return leftBy(sets.map((name) => join(root, name)));
}

/** Removes sets, and returns those that are still there. */
function leftBy(sets: readonly string[]): PrunedFile[] {
  return sets.flatMap((path) => {
    const problem = removeTree(path);
    if (problem === undefined) return [];
    return [{ path, problem: `it could not be removed: ${problem}; remove it as its owner` }];
  });
}

/**
 * Removes a directory, but not a link to one; links in it are removed, not followed.
 * @returns why it is still there; the next run tries again
 */
function removeTree(directory: string): string | undefined {
  try {
    if (lstatSync(directory).isDirectory()) rmSync(directory, { recursive: true });
    return undefined;
  } catch (error) {
    return systemErrorCode(error) === 'ENOENT' ? undefined : meaningOf(error).reason;
  }
}

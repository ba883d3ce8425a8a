import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { RunError, throwIfAny, type Failure } from '../../base/errors.ts';
import { existingPart, isMemory, nearestExisting, statusOf, typeName } from '../../host/file-systems.ts';
import type { ManagedDirectory, PlacedOutput } from '../../plan/outputs.ts';
import { readManifest } from './manifest.ts';
import { obstacleFinder, type ObstacleFinder } from './obstacles.ts';
import { problemsWithLinks, targetsInNewSet } from './swap.ts';
import { isSystemError, meaningOf } from './write-problems.ts';

type Problem = Pick<Failure, 'message' | 'hint'>;

/**
 * Checks every target before anything is requested or minted: it is on tmpfs, it is writable, and nothing of another
 * kind is in its way.
 * @param managed the files of earlier runs there are checked, too
 * @throws RunError `output` with all problems of all targets
 */
export function checkTargets(outputs: readonly PlacedOutput[], managed?: ManagedDirectory): void {
  const failures: Failure[] = [];
  const located = new Map<PlacedOutput, string>();
  const inspect = remembered(inspectDirectory);
  const obstacleTo = obstacleFinder();
  for (const plan of managed?.kind === 'swap' ? targetsInNewSet(managed, outputs) : outputs) {
    const report = (problem: Problem): number =>
      failures.push({ kind: 'output', where: plan.where, ...problem });
    const { path, kind, allowDisk } = plan.target;
    try {
      const directory = inspect(kind === 'directory' ? path : dirname(path));
      const problems = [
        ...(kind === 'file' && directory.exists ? problemsWithFile(path, obstacleTo) : []),
        ...(allowDisk ? [] : directory.onDisk),
        ...directory.problems,
      ];
      problems.forEach(report);
      located.set(plan, kind === 'directory' ? directory.location : join(directory.location, basename(path)));
    } catch (error) {
      if (!isSystemError(error)) throw error;
      const { reason, hint } = meaningOf(error);
      report({ message: `${path} cannot be reached: ${reason}`, hint });
    }
  }
  throwIfAny([...failures, ...clashes(located)]);
  if (managed !== undefined) checkEarlierRuns(managed, outputs);
}

function checkEarlierRuns(managed: ManagedDirectory, outputs: readonly PlacedOutput[]): void {
  const { path, where } = managed;
  try {
    if (managed.kind === 'swap') throwIfAny(problemsWithLinks(managed, outputs, obstacleFinder()));
    else readManifest(path, where);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const { reason, hint } = meaningOf(error);
    throw new RunError('output', `${path} cannot be reached: ${reason}`, { where, hint });
  }
}

/** Most outputs share a few directories. */
function remembered<T>(work: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    const value = known.get(key) ?? work(key);
    known.set(key, value);
    return value;
  };
}

interface Directory {
  /** If not, nothing in it can be in the way. */
  readonly exists: boolean;
  /** Its path once it exists, links resolved. */
  readonly location: string;
  readonly problems: readonly Problem[];
  /** The problem that it is outside tmpfs, which can be allowed. */
  readonly onDisk: readonly Problem[];
}

function inspectDirectory(path: string): Directory {
  const existing = existingPart(path);
  const real = nearestExisting(existing);
  const location = join(real, relative(existing, path));
  const exists = existing === path;
  if (!statSync(real).isDirectory()) {
    const problem = {
      message: `the output directory ${real} is a file`,
      hint: 'change output.directory or the path of the output, or remove the file',
    };
    return { exists, location, problems: [problem], onDisk: [] };
  }
  const { type } = statfsSync(real);
  const disk: Problem = {
    message: `${real} is on ${typeName(type)}, not on tmpfs: secrets would be written to disk`,
    hint: 'write to memory (Kubernetes: an `emptyDir` with `medium: Memory`; Linux: /dev/shm, /run), or allow the disk with `allow_disk: true` or --allow-disk',
  };
  return { exists, location, problems: problemsWithAccess(real), onDisk: isMemory(type) ? [] : [disk] };
}

function problemsWithFile(path: string, obstacleTo: ObstacleFinder): Problem[] {
  // A link in place of a file is itself replaced, so its target does not matter.
  if (statusOf(path)?.isDirectory() !== true) {
    const { reason, hint } = obstacleTo(path) ?? {};
    return reason === undefined ? [] : [{ message: `${path} cannot be replaced: ${reason}`, hint }];
  }
  return [
    {
      message: `${path} is a directory, but the output is a file`,
      hint: 'change the path of the output, or remove the directory',
    },
  ];
}

function problemsWithAccess(directory: string): Problem[] {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return [];
  } catch (error) {
    const { reason, hint } = meaningOf(error);
    return [{ message: `${directory} is not writable: ${reason}`, hint }];
  }
}

/** Outputs with the same path, or with one path as a file and as a directory. Links can hide that from the config. */
function clashes(located: ReadonlyMap<PlacedOutput, string>): Failure[] {
  const files = new Map<string, PlacedOutput>();
  const failures: Failure[] = [];
  const report = (plan: PlacedOutput, message: string): number =>
    failures.push({ kind: 'output', message, where: plan.where, hint: 'change the path of one of the two' });
  for (const [plan, location] of located) {
    if (plan.target.kind !== 'file') continue;
    const other = files.get(location);
    if (other === undefined) files.set(location, plan);
    else report(plan, `${location} is also written by ${other.where}`);
  }
  const filesAt = remembered((directory) => directoriesOf(directory).filter((above) => files.has(above)));
  for (const [plan, location] of located) {
    for (const directory of filesAt(plan.target.kind === 'directory' ? location : dirname(location))) {
      const where = files.get(directory)?.where ?? '';
      report(plan, `${directory} is needed as a directory, but written as a file by ${where}`);
    }
  }
  return failures;
}

/** A directory and all its ancestors. */
function directoriesOf(directory: string): string[] {
  const above = dirname(directory);
  return above === directory ? [directory] : [directory, ...directoriesOf(above)];
}

/** The type of the file system that a path is on, or would be; undefined for memory, and where that cannot be told. */
export function diskUnder(path: string): string | undefined {
  try {
    const { type } = statfsSync(nearestExisting(path));
    return isMemory(type) ? undefined : typeName(type);
  } catch {
    return undefined;
  }
}

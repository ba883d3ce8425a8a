import { dirname } from 'node:path';
import { isAtOrBelow } from '../base/paths-below.ts';
import type { ManifestInput, SizedOutput } from './manifest-input.ts';
import type { Mount } from './pod-volumes.ts';

/** What one output takes where its size is not known. */
export const ASSUMED_KIB = 64;
const PAGE = 4096;
const MIB = 1024 * 1024;
/** A limit reserves nothing, and what is stored grows. */
const SMALLEST_MIB = 8;
/** What `reuse` and `prune` remember. */
const OWN_FILES = 2;

export interface OutputVolumes {
  readonly mounts: readonly Mount[];
  /** The most that they hold at once. */
  readonly mib: number;
}

/** A volume in memory for each directory that files are written to. */
export function outputVolumes({
  outputs,
  directory,
}: Pick<ManifestInput, 'outputs' | 'directory'>): OutputVolumes {
  const files = outputs.filter(({ kubernetes }) => kubernetes === undefined);
  const wanted = [...new Set(files.map((output) => directoryOf(output, directory)))];
  const roots = wanted.filter((path) => !wanted.some((other) => other !== path && isAtOrBelow(other, path)));
  let mib = 0;
  const mounts = roots.map((path): Mount => {
    const inside = files.filter((output) => isAtOrBelow(path, directoryOf(output, directory)));
    const needed = Math.ceil((2 * bytesOf(inside)) / MIB);
    mib += needed;
    return {
      path,
      source: { emptyDir: { medium: 'Memory', sizeLimit: `${String(Math.max(SMALLEST_MIB, needed))}Mi` } },
      role: 'secrets',
      what: 'this output',
      where: inside[0]?.where,
    };
  });
  return { mounts, mib };
}

/** All that is below `output.directory` is in one volume. */
function directoryOf({ target }: SizedOutput, directory: string | undefined): string {
  if (directory !== undefined && isAtOrBelow(directory, target.path)) return directory;
  return target.kind === 'directory' ? target.path : dirname(target.path);
}

/** In whole pages, as tmpfs counts. For a moment, while they are exchanged, all files exist twice. */
function bytesOf(outputs: readonly SizedOutput[]): number {
  const sizes = outputs.flatMap((output) => output.sizes ?? [ASSUMED_KIB * 1024]);
  return sizes.reduce((sum, size) => sum + Math.ceil(size / PAGE) * PAGE, OWN_FILES * PAGE);
}

/** Measured: see test/bench/README.md. What is written counts against the writer, beside the texts that it is made of. */
export function resourcesFor({ mib }: Pick<OutputVolumes, 'mib'>): object {
  const more = 2 * Math.max(0, mib - SMALLEST_MIB);
  return {
    requests: { cpu: '50m', memory: `${String(64 + more)}Mi` },
    limits: { memory: `${String(128 + more)}Mi` },
  };
}

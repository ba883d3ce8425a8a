import { dirname, relative } from 'node:path';
import type { Failure } from '../base/errors.ts';
import { isAtOrBelow, isBelow } from '../base/paths-below.ts';
import { isReserved, manifestPath } from '../config/managed-directory.ts';
import type { ManagedDirectory, OutputPlan, Target } from './outputs.ts';

/** Two outputs on one path, or a file where another output needs a directory. */
export function sharedTargets(outputs: readonly OutputPlan[]): Failure[] {
  const failures: Failure[] = [];
  const seen = new Map<string, OutputPlan>();
  for (const output of outputs) {
    const { path, kind } = output.target;
    const other = seen.get(path);
    if (other === undefined) seen.set(path, output);
    else if (kind === 'file' || other.target.kind === 'file')
      failures.push(clash(output, `${path} is also written by ${other.where}`));
  }
  // Most outputs share their directories.
  const above = new Map<string, OutputPlan | undefined>();
  const fileAbove = (path: string): OutputPlan | undefined => {
    const parent = dirname(path);
    if (parent === path) return undefined;
    if (!above.has(parent)) {
      const other = seen.get(parent);
      above.set(parent, other?.target.kind === 'file' ? other : fileAbove(parent));
    }
    return above.get(parent);
  };
  for (const output of outputs) {
    const other = fileAbove(output.target.path);
    if (other !== undefined) failures.push(clash(output, neededAsDirectory(other)));
  }
  return failures;
}

/** Names of this program's own files: what is written under one of them would be taken for a leftover. */
export function reservedNames(outputs: readonly OutputPlan[]): Failure[] {
  return outputs
    .filter(({ target }) => isReserved(target.path))
    .map(({ where }) => ({
      kind: 'config',
      message: 'names that start with `.vaultonce-` are for files of vaultonce itself',
      where,
      hint: 'change its path',
    }));
}

/** Paths that `prune` needs for itself, or that `swap` cannot publish. */
export function unmanageable(
  outputs: readonly OutputPlan[],
  managed: ManagedDirectory | undefined,
): Failure[] {
  if (managed === undefined) return [];
  const problem = managed.kind === 'prune' ? problemWithPruning : problemWithSwapping;
  return outputs.flatMap(({ target, where }) => {
    const message = problem(target, managed.path);
    return message === undefined ? [] : [{ kind: 'config', message, where, hint: 'change its path' }];
  });
}

function problemWithPruning({ path }: Target, root: string): string | undefined {
  const reserved = manifestPath(root);
  if (isReserved(path) || !isAtOrBelow(reserved, path)) return undefined;
  return `with \`prune\` the path ${reserved} is taken`;
}

function problemWithSwapping({ path, kind }: Target, root: string): string | undefined {
  if (kind === 'directory' && path === root) return undefined;
  if (!isBelow(root, path)) return 'with `swap` every output must be below output.directory';
  return relative(root, path).startsWith('..')
    ? 'with `swap` names that start with `..` are taken'
    : undefined;
}

function neededAsDirectory({ target, where }: OutputPlan): string {
  return `${target.path} is needed as a directory, but written as a file by ${where}`;
}

function clash({ where }: OutputPlan, message: string): Failure {
  return {
    kind: 'config',
    message,
    where,
    hint: 'give each output a path of its own',
  };
}

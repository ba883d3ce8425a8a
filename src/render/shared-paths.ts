import { dirname } from 'node:path';
import type { Failure } from '../base/errors.ts';
import type { OutputPlan } from '../plan/outputs.ts';

/** A file of a `files` output may have the path of another output or of its directory, which only its keys show. */
export function sharedPaths(
  outputs: readonly { readonly plan: OutputPlan; readonly files: readonly { readonly path: string }[] }[],
): Failure[] {
  const owners = new Map<string, OutputPlan>();
  const failures: Failure[] = [];
  for (const { plan, files } of outputs) {
    for (const { path } of files) {
      const other = owners.get(path);
      if (other !== undefined) failures.push(clash(plan, `${path} is also written by ${other.where}`));
      owners.set(path, plan);
    }
  }
  for (const { plan, files } of outputs) {
    for (const path of new Set(files.map((file) => dirname(file.path)))) {
      const other = ancestorsOf(path).find((ancestor) => owners.has(ancestor));
      if (other !== undefined) {
        const owner = owners.get(other)?.where ?? '';
        failures.push(clash(plan, `${other} is needed as a directory, but written as a file by ${owner}`));
      }
    }
  }
  return failures;
}

function ancestorsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [path, ...ancestorsOf(parent)];
}

function clash({ where }: OutputPlan, message: string): Failure {
  return {
    kind: 'output',
    message,
    where,
    hint: 'rename the key with keys.rename, or move one of the outputs',
  };
}

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
  // Most outputs share their directories.
  const above = new Map<string, string | undefined>();
  const fileFrom = (path: string): string | undefined => {
    if (!above.has(path)) {
      const parent = dirname(path);
      above.set(path, owners.has(path) ? path : parent === path ? undefined : fileFrom(parent));
    }
    return above.get(path);
  };
  for (const { plan, files } of outputs) {
    for (const path of new Set(files.map((file) => dirname(file.path)))) {
      const other = fileFrom(path);
      if (other !== undefined) {
        const owner = owners.get(other)?.where ?? '';
        failures.push(clash(plan, `${other} is needed as a directory, but written as a file by ${owner}`));
      }
    }
  }
  return failures;
}

function clash({ where }: OutputPlan, message: string): Failure {
  return {
    kind: 'output',
    message,
    where,
    hint: 'rename the key with keys.rename, or move one of the outputs',
  };
}

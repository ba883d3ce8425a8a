import { basename, join, resolve } from 'node:path';
import { RunError } from '../base/errors.ts';
import { isAtOrBelow } from '../base/paths-below.ts';
import { SHARED_DIRECTORIES } from '../base/shared-directories.ts';
import { existingPart, nearestExisting } from '../host/file-systems.ts';
import { homeOfUser } from '../host/home.ts';
import type { ConfigFile } from './config-definition.ts';
import type { DeclaredDirectory } from './config.ts';
import type { Merged } from './merge.ts';
import { declarationOf } from './problems.ts';
import type { Surroundings } from './surroundings.ts';

/** No key can be written under this name, and no run cleans it up as a leftover. */
const MANIFEST_NAME = '.vaultonce-manifest.json';

/** Where the names of the files that were written are remembered. */
export function manifestPath(root: string): string {
  return join(root, MANIFEST_NAME);
}

/** What `reuse` remembers: next to the outputs, so that it lives and dies with them. */
export const STATE_NAME = '.vaultonce-reuse.json';

/** Whether a file of this name would be taken for one of this program: a leftover, a manifest, what `reuse` remembers. */
export function isReserved(path: string): boolean {
  return basename(path).startsWith('.vaultonce-');
}

/**
 * The directory that is changed as a whole, if any: by `swap`, which leaves nothing to prune, or by `prune`.
 * @throws RunError `config` for none, and for one that cannot be this program's own
 */
export function resolveManaged(
  { output = {} }: ConfigFile,
  merged: Merged,
  { cwd, env }: Pick<Surroundings, 'cwd' | 'env'>,
): DeclaredDirectory | undefined {
  const kind = output.swap === true ? 'swap' : 'prune';
  if (output[kind] !== true) return undefined;
  const where = declarationOf(['output', kind], `output.${kind}`, merged);
  if (output.directory === undefined) {
    throw new RunError('config', `\`${kind}\` needs \`directory\``, {
      where,
      hint: 'set output.directory to a directory that nothing else uses',
    });
  }
  const path = resolve(cwd, output.directory);
  const homes = [env['HOME'] ?? '', homeOfUser()].filter((home) => home !== '');
  const inUse = [cwd, ...homes.map((home) => resolve(cwd, home))];
  for (const spelling of [path, realPath(path)]) {
    if (!SHARED_DIRECTORIES.has(spelling) && !inUse.some((used) => isAtOrBelow(spelling, used))) continue;
    throw new RunError('config', `\`${kind}\` is refused in ${spelling}, which others use too`, {
      where,
      hint: 'set output.directory to a directory of its own below it',
    });
  }
  return { kind, path, where };
}

/** Without links, as far as it exists. */
function realPath(path: string): string {
  try {
    return existingPart(path) === path ? nearestExisting(path) : path;
  } catch {
    // A link that leads nowhere is reported when the targets are checked.
    return path;
  }
}

import type { Metafile } from 'esbuild';

/** Beside the bundles: the packages that they have code of, as package-lock.json has them. */
export const PACKAGES_FILE = 'packages.json';

/** The packages that bundles have code of: their directories, as `node_modules/axios`. */
export function packagesIn(metafiles: readonly Metafile[]): string[] {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
  // The last one: a package may have packages of its own.
  const directories = inputs.flatMap(
    (input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0] ?? [],
  );
  return [...new Set(directories)].sort();
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.ts';

export interface LockedPackage {
  readonly version: string;
  /** Of the package: `sha512-…`, as npm writes it. */
  readonly integrity: string;
  readonly license?: string;
}

/** What package-lock.json has, by paths as `node_modules/axios`. */
export function lockedPackages(): Readonly<Record<string, LockedPackage | undefined>> {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage | undefined>>;
  };
  return packages;
}

/** The package that npm has put at a path, which may be within another one. */
export function nameAt(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

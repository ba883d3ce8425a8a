import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { lockedPackages, type LockedPackage } from './locked-packages.ts';
import { root } from './paths.ts';
import { thisMachine } from './targets.ts';

/** The compiler, which is a runtime as well. */
export const BUN = realpathSync(join(root, 'node_modules/.bin/bun'));

/**
 * The Bun that a binary for a target consists of, beside the program: no other than the one that package-lock.json names. npm
 * has checked that of this machine; others are fetched once, from the package registry, and checked here, which Bun would not.
 * @throws Error if another one was fetched
 */
export function runtimeFor(target: string): string {
  if (target === thisMachine()) return BUN;
  const name = `@oven/bun-${target.replace('arm64', 'aarch64')}`;
  const { version, integrity } = lockOf(name);
  const cached = join(root, '.cache/bun', `${target}-${version}`);
  if (existsSync(cached)) return cached;
  mkdirSync(join(root, '.cache/bun'), { recursive: true });
  // Beside it, so that it appears complete, by a rename.
  const work = mkdtempSync(join(root, '.cache/bun/.fetch-'));
  try {
    const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', work, `${name}@${version}`];
    const file = join(work, execFileSync('npm', args, { cwd: work, encoding: 'utf8' }).trim());
    const found = `sha512-${hash('sha512', readFileSync(file), 'base64')}`;
    if (found !== integrity) throw new Error(`${name} ${version} is not the one of package-lock.json`);
    execFileSync('tar', ['--extract', '--file', file, '--directory', work, 'package/bin/bun']);
    renameSync(join(work, 'package/bin/bun'), cached);
  } finally {
    rmSync(work, { recursive: true });
  }
  return cached;
}

function lockOf(name: string): LockedPackage {
  const locked = lockedPackages()[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json has no ${name}`);
  return locked;
}

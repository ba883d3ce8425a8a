import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { hash } from 'node:crypto';
import { dist, root } from './paths.ts';
import { layRelease } from './release-files.ts';
import { ReleaseRefused, releaseOf } from './release-refusals.ts';
import { standaloneBinary, targetNamed, TARGETS } from './targets.ts';

/**
 * Makes all that a release uploads, in `dist/release`, which appears when it is complete. Everything is built twice, the second time
 * in a clone elsewhere, and must be the same. Nothing is uploaded.
 *
 * `--dry-run` needs no tag, takes a changelog that is not cut, and goes on without targets that cannot be built here, which it names.
 * `--tag v1.2.3` is the tag that must fit. `--targets linux-x64,darwin-arm64` are the binaries to build, all without it. `--once` does
 * not build a second time, because another machine does.
 */

const { values } = parseArgs({
  options: {
    'dry-run': { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    tag: { type: 'string' },
    targets: { type: 'string', default: TARGETS.join(',') },
    out: { type: 'string', default: join(dist, 'release') },
  },
});
const RUNTIMES = join(root, '.cache/bun');
const isRehearsal = values['dry-run'];

function run(script: string, args: readonly string[], checkout: string): boolean {
  const command = [join(checkout, '.config', script), ...args];
  return (
    spawnSync(process.execPath, command, { cwd: checkout, stdio: ['ignore', 'inherit', 'inherit'] })
      .status === 0
  );
}

/** @returns the targets whose binaries are there now */
function build(checkout: string, targets: readonly string[]): string[] {
  if (!run('build.ts', [], checkout)) throw new ReleaseRefused(['the bundle was not built']);
  return targets.filter((target) => run('standalone.ts', [target], checkout));
}

/** Elsewhere, with the same packages, which are links to the same files where possible. */
function clone(): string {
  const checkout = mkdtempSync(join(dist, '.clone-'));
  const git = ['clone', '--quiet', '--local', '--no-tags', root, checkout];
  execFileSync('git', git, { stdio: ['ignore', 'ignore', 'inherit'] });
  const modules = join(root, 'node_modules');
  const linked = spawnSync('cp', ['-al', modules, checkout], { stdio: 'ignore' });
  if (linked.status !== 0)
    cpSync(modules, join(checkout, 'node_modules'), { recursive: true, verbatimSymlinks: true });
  // As a directory: a link would not be ignored by git, and the build would be one of changed files.
  mkdirSync(join(checkout, '.cache'));
  if (existsSync(RUNTIMES)) symlinkSync(RUNTIMES, join(checkout, '.cache/bun'));
  return checkout;
}

function differences(checkout: string, targets: readonly string[]): string[] {
  const made = [dist, dirname(standaloneBinary())].flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => /\.(?:js|json|cache|txt)$/.test(name))
      .map((name) => join(directory, name)),
  );
  const files = [...made, ...targets.map((target) => standaloneBinary(target))];
  return files
    .map((file) => relative(root, file))
    .filter((name) => sumOf(join(root, name)) !== sumOf(join(checkout, name)));
}

function sumOf(file: string): string {
  return existsSync(file) ? hash('sha256', readFileSync(file)) : '';
}

function main(): void {
  const targets = values.targets.split(',').map(targetNamed);
  const release = releaseOf(root, values.tag, isRehearsal);
  const built = build(root, targets);
  const missing = targets.filter((target) => !built.includes(target));
  if (missing.length > 0) {
    if (!isRehearsal) throw new ReleaseRefused([`not built: ${missing.join(', ')}`]);
    console.log(`left out, because they cannot be built here: ${missing.join(', ')}`);
  }
  if (!values.once) {
    const checkout = clone();
    try {
      build(checkout, built);
      const different = differences(checkout, built);
      if (different.length > 0)
        throw new ReleaseRefused([`two builds of the same commit differ: ${different.join(', ')}`]);
      console.log('two builds are the same, byte for byte');
    } finally {
      rmSync(checkout, { recursive: true });
    }
  }
  mkdirSync(dirname(values.out), { recursive: true });
  const work = mkdtempSync(join(dirname(values.out), '.release-'));
  try {
    layRelease(work, release, built, TARGETS);
    chmodSync(work, 0o755);
    rmSync(values.out, { recursive: true, force: true });
    renameSync(work, values.out);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  console.log(`${isRehearsal ? 'rehearsed' : 'made'} ${release.version} of ${release.commit}:`);
  for (const name of readdirSync(values.out).sort())
    console.log(`  ${relative(root, join(values.out, name))}`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof ReleaseRefused)) throw error;
  for (const reason of error.reasons) console.error(`release: ${reason}`);
  process.exitCode = 1;
}

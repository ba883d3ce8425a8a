import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { BUN, runtimeFor } from './bun-runtimes.ts';
import { bundle } from './bundle.ts';
import { NOTICES, noticesOf, noticesOfBun, PACKAGES_FILE, packagesIn } from './notices.ts';
import { root } from './paths.ts';
import { standaloneBinary, targetNamed, thisMachine } from './targets.ts';
import { typicalRun } from './typical-run.ts';

/**
 * Builds programs that need no Node: the bundle, compiled together with Bun. Arguments are targets (`linux-arm64-musl`);
 * without one it is that of this machine.
 */

const OPTIONS = [
  '--compile',
  // Parsed and compiled when it is built: half of the start.
  '--bytecode',
  '--format=cjs',
  '--minify',
  // A run is over before machine code pays: compiling it takes a third of the CPU time and 10 MB of memory.
  '--compile-jit-policy=100',
  // It runs where others may write files: none of these may change what it does.
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
  '--no-compile-autoload-tsconfig',
  '--no-compile-autoload-package-json',
];

/** @param order a file that says which functions are needed, and in which order: they then stand together */
function compile(script: string, target: string, outfile: string, order?: string): void {
  const runtime = [`--target=bun-${target}`, `--compile-executable-path=${runtimeFor(target)}`];
  const known = ['--define', `VAULTONCE_TARGET="${target}"`];
  const ordered = order === undefined ? [] : [`--bytecode-order=${order}`];
  const args = ['build', ...OPTIONS, ...runtime, ...known, ...ordered, script, '--outfile', outfile];
  const { status, error } = spawnSync(BUN, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`bun could not compile ${target}`, { cause: error });
}

/**
 * The order in which functions are needed: of `check`, which is all that happens until the login, and the same on every machine.
 * What a whole run does depends on its cgroup.
 */
async function orderOf(script: string, directory: string): Promise<string> {
  const [binary, order] = [join(directory, 'unordered'), join(directory, 'order')];
  compile(script, thisMachine(), binary);
  await typicalRun(({ config, cwd, env }) =>
    promisify(execFile)(binary, ['check', '-c', config], {
      cwd,
      env: { ...env, BUN_BYTECODE_ORDER_OUT: order },
    }),
  );
  return order;
}

function targetsNamed(names: readonly string[]): string[] {
  try {
    return names.map(targetNamed);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return process.exit(2);
  }
}

const targets = targetsNamed(process.argv.length > 2 ? process.argv.slice(2) : [thisMachine()]);

const directory = dirname(standaloneBinary());
mkdirSync(directory, { recursive: true });
// Beside the binaries, so that each appears complete, by a rename.
const work = mkdtempSync(join(directory, '.build-'));
try {
  const script = join(work, 'start.js');
  writeFileSync(script, `require('./first.js');require('./vaultonce.js');`);
  // Our own package is one of modules, and of a module all functions are made before its first line is run: a millisecond.
  writeFileSync(join(work, 'package.json'), '{"type":"commonjs"}');
  const metafiles = await bundle(work, 'bun');
  writeFileSync(join(work, NOTICES), `${noticesOf(metafiles)}\n${noticesOfBun()}`);
  writeFileSync(join(work, PACKAGES_FILE), JSON.stringify(packagesIn(metafiles)));
  for (const name of [NOTICES, PACKAGES_FILE]) renameSync(join(work, name), join(directory, name));
  const order = await orderOf(script, work);
  for (const target of targets) {
    const binary = standaloneBinary(target);
    compile(script, target, join(work, target), order);
    renameSync(join(work, target), binary);
    const { size } = statSync(binary);
    console.log(`${relative(root, binary)}: ${(size / 1024 / 1024).toFixed(0)} MiB`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

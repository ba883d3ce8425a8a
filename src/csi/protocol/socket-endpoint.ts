import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { LONGEST_PATH_BYTES } from '../../watch/health/health-address.ts';

/** What the driver looks for: pluginNameRe of its provider_client.go, and `.sock`. */
const NAME = /^[A-Za-z0-9_-]{1,30}\.sock$/;

const WHERE = '--endpoint';
const DIRECTORY = '/var/run/secrets-store-csi-providers';

/**
 * Where to listen.
 * @param text a path, perhaps after `unix:` or `unix://`
 * @throws RunError `config`
 */
export function endpointOf(text: string, cwd: string): string {
  const path = resolve(cwd, text.replace(/^unix:(?:\/\/)?/, ''));
  if (!NAME.test(basename(path)) || path.includes('\0')) {
    throw wrong(
      'the driver does not find a socket of this name',
      `name it PROVIDER.sock, as the classes have it in \`provider\`: ${DIRECTORY}/vault.sock`,
    );
  }
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES) {
    throw wrong(
      `the path of a socket has at most ${String(LONGEST_PATH_BYTES)} bytes here`,
      'mount the directory of the sockets at a shorter path',
    );
  }
  checkDirectory(dirname(path));
  return path;
}

const WHY_NOT: Readonly<Record<string, string>> = {
  ENOENT: `mount the directory in which the driver looks for providers, such as ${DIRECTORY}, as a hostPath volume with \`type: DirectoryOrCreate\``,
  ENOTDIR: 'name a path below a directory',
  EACCES:
    'the directory on the node belongs to root: run as root, or give this user the right to write there',
  EROFS: 'mount the directory without `readOnly`',
};

function checkDirectory(path: string): void {
  try {
    if (!statSync(path).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown error';
    throw wrong(`no socket can be made in this directory (${code})`, WHY_NOT[code] ?? 'look at its mount');
  }
}

function wrong(message: string, hint: string): RunError {
  return new RunError('config', message, { where: WHERE, hint });
}

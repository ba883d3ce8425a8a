import { hash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './cut-changelog.ts';
import { root } from './paths.ts';

/** Within a release. On GitHub it is no file of it, but a tag of its own: `publish-action.ts`. */
export const ACTION = 'action';
const SOURCE = join(root, '.github/action');

/**
 * Lays out the action for GitHub Actions as others use it: what is in `.github/action`, and the pin. That cannot be committed beside it,
 * because a binary contains the commit that it is made of.
 * @param binaries by their targets
 * @param url below which the files of the release are
 */
export function layAction(
  directory: string,
  version: string,
  binaries: ReadonlyMap<string, string>,
  url = `${REPOSITORY}/releases/download/v${version}`,
): void {
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(SOURCE)) copyFileSync(join(SOURCE, name), join(directory, name));
  copyFileSync(join(root, 'LICENSE'), join(directory, 'LICENSE'));
  const sha256 = Object.fromEntries(
    [...binaries].map(([target, binary]) => [target, hash('sha256', readFileSync(binary))]),
  );
  const pin = { version, url, sha256 };
  writeFileSync(join(directory, 'release.json'), `${JSON.stringify(pin, undefined, 2)}\n`);
}

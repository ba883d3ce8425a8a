import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownPackage } from './npm-packages.ts';

/**
 * The release on GitHub: `publish-release.ts draft DIRECTORY` uploads the files to a draft, which only maintainers see, and
 * `publish-release.ts show DIRECTORY` shows it, if it is complete. A draft that is there already, after a failure, gets them again.
 */

const NOTES = 'RELEASE-NOTES.md';
const [what, directory] = process.argv.slice(2);
if (directory === undefined || (what !== 'draft' && what !== 'show')) {
  console.error('usage: publish-release.ts draft|show DIRECTORY');
  process.exit(2);
}
const { version } = ownPackage();
const tag = `v${version}`;
// The directory in it is the action, which is published as a tag.
const files = readdirSync(directory, { withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name !== NOTES)
  .map(({ name }) => name)
  .sort();

interface Found {
  readonly isDraft: boolean;
  readonly assets: readonly { readonly name: string }[];
}

function found(): Found | undefined {
  const args = ['release', 'view', tag, '--json', 'isDraft,assets'];
  const { status, stdout, stderr } = spawnSync('gh', args, { encoding: 'utf8' });
  if (status === 0) return JSON.parse(stdout) as Found;
  if (/release not found/i.test(stderr)) return undefined;
  throw new Error(`gh could not look for ${tag}: ${stderr.trim()}`);
}

function fail(message: string): never {
  console.error(`publish: ${message}`);
  return process.exit(1);
}

function gh(...args: readonly string[]): void {
  execFileSync('gh', args, { stdio: ['ignore', 'inherit', 'inherit'] });
}

const release = found();
if (release?.isDraft === false) fail(`${tag} is released already`);
if (what === 'draft') {
  const notes = ['--title', version, '--notes-file', join(directory, NOTES)];
  // Versions such as 1.0.0-rc.1.
  const kind = version.includes('-') ? ['--prerelease'] : [];
  if (release === undefined) gh('release', 'create', tag, '--draft', '--verify-tag', ...notes, ...kind);
  gh('release', 'upload', tag, '--clobber', ...files.map((name) => join(directory, name)));
} else {
  const uploaded = new Set(release?.assets.map(({ name }) => name));
  const missing = files.filter((name) => !uploaded.has(name));
  if (missing.length > 0) fail(`${tag} is not complete: ${missing.join(', ')}`);
  gh('release', 'edit', tag, '--draft=false');
}

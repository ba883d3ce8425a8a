import { execFileSync, type ExecFileException } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { REPOSITORY } from './cut-changelog.ts';
import { ownPackage } from './npm-packages.ts';
import { root } from './paths.ts';

/**
 * Publishes the action that `release.ts` has laid out, `publish-action.ts DIRECTORY`: as a commit of exactly these files, with the tag
 * `action-v1.2.3`, which stays, and `action-v1`, which moves with each version. The same files make the same commit, so that it can be
 * repeated. `--remote` is where it is pushed to.
 */

const { values, positionals } = parseArgs({
  options: { remote: { type: 'string', default: `${REPOSITORY}.git` } },
  allowPositionals: true,
});
const [directory] = positionals;
if (directory === undefined) {
  console.error('usage: publish-action.ts [--remote URL] DIRECTORY');
  process.exit(2);
}
const { version } = ownPackage();
const work = mkdtempSync(join(tmpdir(), 'vaultonce-action-'));

function git(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const options = {
    encoding: 'utf8',
    env: { ...process.env, GIT_INDEX_FILE: join(work, 'index'), ...env },
  } as const;
  return execFileSync('git', ['-C', root, ...args], { ...options, stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** The login is that of gh, which takes it from the environment: no flag and no file has it. */
function remotely(...args: readonly string[]): string {
  return git(['-c', 'credential.helper=', '-c', 'credential.helper=!gh auth git-credential', ...args]);
}

/** Of these files and nothing else, by nobody, at the time of the commit that is released. */
function commit(files: string): string {
  git(['--work-tree', files, 'add', '--force', '--all', files]);
  const date = git(['show', '--no-patch', '--format=%ct +0000', 'HEAD']);
  const people = ['AUTHOR', 'COMMITTER'].flatMap((who) => [
    [`GIT_${who}_NAME`, 'vaultonce'],
    [`GIT_${who}_EMAIL`, 'vaultonce@users.noreply.github.com'],
    [`GIT_${who}_DATE`, date],
  ]);
  const of = git(['rev-parse', 'HEAD']);
  const message = `The action of vaultonce ${version}, of ${of}`;
  return git(
    ['commit-tree', git(['write-tree']), '-m', message],
    Object.fromEntries(people) as NodeJS.ProcessEnv,
  );
}

/** Whether the moving tag is for this version: not where a later one has it, nor for versions such as 1.0.0-rc.1. */
function isLatest(moving: string): boolean {
  if (version.includes('-')) return false;
  const { compare } = new Intl.Collator('en', { numeric: true });
  return remotely('ls-remote', '--tags', values.remote, `${moving}.*`)
    .split('\n')
    .map((line) => /refs\/tags\/action-v(\d+\.\d+\.\d+)$/.exec(line)?.[1] ?? version)
    .every((other) => compare(other, version) <= 0);
}

function publish(files: string): void {
  const pin = join(files, 'release.json');
  if (!existsSync(pin)) throw new Error(`${files} is no action of a release: it has no release.json`);
  const pinned = (JSON.parse(readFileSync(pin, 'utf8')) as { readonly version: string }).version;
  if (pinned !== version) throw new Error(`the action pins ${pinned}, and this is ${version}`);
  const made = commit(files);
  const moving = `action-v${version.split('.')[0] ?? ''}`;
  const tags = [`${made}:refs/tags/action-v${version}`];
  if (isLatest(moving)) tags.push(`+${made}:refs/tags/${moving}`);
  // All or none. What stays is not forced: another one with its name is refused.
  remotely('push', '--quiet', '--atomic', values.remote, ...tags);
  console.log(`published ${tags.map((tag) => tag.replace(/.*refs\/tags\//, '')).join(' and ')}: ${made}`);
}

try {
  publish(resolve(directory));
} catch (error) {
  const { stderr = '', message } = error as ExecFileException;
  console.error(`publish: ${stderr.trim() || message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true });
}

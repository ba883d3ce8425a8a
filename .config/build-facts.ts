import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../src/commands/version-text.ts';
import { root } from './paths.ts';

/** Filled in by `git archive`, so by whoever offers an archive of the sources. */
const ARCHIVED = join(root, '.config/archived-commit.txt');
const MODIFIED = '-modified';
const COMMIT = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/;

interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Asks it about the sources. @throws Error where it cannot tell */
  readonly git: (...args: readonly string[]) => string;
  readonly archived: () => string;
}

const HERE: Surroundings = {
  env: process.env,
  git: (...args) =>
    execFileSync('git', ['-C', root, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim(),
  archived: () => readFileSync(ARCHIVED, 'utf8'),
};

/**
 * What is built here, so that `vaultonce version` can tell: the commit, and when it was made, never when it was built. `$REVISION`
 * names it where there is no git, with `-modified` behind it where files are not those of the commit, and `$SOURCE_DATE_EPOCH` its
 * time in seconds; then git is asked, and then what `git archive` has left.
 * @throws Error if `$REVISION` is no commit
 */
export function buildFacts({ env, git, archived }: Surroundings = HERE): Build {
  const { REVISION: revision = '', SOURCE_DATE_EPOCH: seconds = '' } = env;
  if (revision !== '') return named(revision, /^[1-9]\d*$/.test(seconds) ? Number(seconds) : undefined);
  return (
    fromGit(git) ?? fromArchive(archived()) ?? unknown('it was built without git, and without $REVISION')
  );
}

function named(revision: string, seconds: number | undefined): Build {
  const commit = revision.replace(new RegExp(`${MODIFIED}$`), '');
  if (!COMMIT.test(commit)) throw new Error(`$REVISION must be a commit, in full: ${revision}`);
  return {
    commit,
    modified: commit !== revision,
    build_time: seconds === undefined ? null : timeText(seconds),
    unknown_because: seconds === undefined ? 'it was built without $SOURCE_DATE_EPOCH' : null,
  };
}

function fromGit(git: Surroundings['git']): Build | undefined {
  try {
    // Of a directory above, that of another project would count.
    if (git('rev-parse', '--show-prefix') !== '') return undefined;
    const [commit = '', seconds = ''] = git('show', '--no-patch', '--format=%H %ct', 'HEAD').split(' ');
    const modified = git('status', '--porcelain') !== '';
    return { commit, modified, build_time: timeText(Number(seconds)), unknown_because: null };
  } catch {
    return undefined;
  }
}

function fromArchive(text: string): Build | undefined {
  const [commit = '', seconds = ''] = text.trim().split(' ');
  if (!COMMIT.test(commit)) return undefined;
  // Whether somebody has changed it since is not known.
  return { commit, modified: null, build_time: timeText(Number(seconds)), unknown_because: null };
}

function unknown(reason: string): Build {
  return { commit: null, modified: null, build_time: null, unknown_because: reason };
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** `$REVISION` and `$SOURCE_DATE_EPOCH` for a build elsewhere, where there is no git; nothing where it is not known here. */
export function argumentsOf({ commit, modified, build_time }: Build): Readonly<Record<string, string>> {
  if (commit === null || build_time === null) return {};
  const seconds = Date.parse(build_time) / 1000;
  return { REVISION: `${commit}${modified === true ? MODIFIED : ''}`, SOURCE_DATE_EPOCH: String(seconds) };
}

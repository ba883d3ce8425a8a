import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sectionOf, unreleased } from './cut-changelog.ts';

export interface Release {
  readonly version: string;
  readonly commit: string;
  /** When the commit was made. */
  readonly seconds: number;
  readonly notes: string;
}

/** Why there is no release, all of it. */
export class ReleaseRefused extends Error {
  readonly reasons: readonly string[];
  constructor(reasons: readonly string[]) {
    super(reasons.join('\n'));
    this.name = 'ReleaseRefused';
    this.reasons = reasons;
  }
}

/**
 * What a checkout would be released as.
 * @param tag what is released, as `v1.2.3`; where it is not given, it is the tag of the commit, without which there is a rehearsal only
 * @throws {ReleaseRefused} before anything is made
 */
export function releaseOf(root: string, tag: string | undefined, isRehearsal: boolean): Release {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', root, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  const text = (name: string): string => readFileSync(join(root, name), 'utf8');
  const { version } = JSON.parse(text('package.json')) as { readonly version: string };
  const section = sectionOf(text('CHANGELOG.md'), version);
  const refused = [
    ...changesIn(git('status', '--porcelain')),
    ...(section === undefined
      ? [`CHANGELOG.md has no section for ${version}: \`npm run cut -- VERSION\` makes that of the next one`]
      : section === ''
        ? [`the section for ${version} in CHANGELOG.md is empty`]
        : []),
    ...(isRehearsal || (unreleased(text('CHANGELOG.md')) ?? '') === ''
      ? []
      : ['CHANGELOG.md has something under [Unreleased]: `npm run cut -- VERSION` makes a section of it']),
    ...misfits(version, text),
    ...tagMisfits(
      `v${version}`,
      tag,
      git('tag', '--points-at', 'HEAD', 'v*').split('\n').filter(Boolean),
      isRehearsal,
    ),
  ];
  if (section === undefined || refused.length > 0) throw new ReleaseRefused(refused);
  const [commit = '', seconds = ''] = git('show', '--no-patch', '--format=%H %ct', 'HEAD').split(' ');
  return { version, commit, seconds: Number(seconds), notes: section };
}

function changesIn(status: string): string[] {
  if (status === '') return [];
  const [first = '', ...more] = status.split('\n').map((line) => line.trim().replace(/^\S+\s+/, ''));
  const others = more.length === 0 ? '' : ` and ${String(more.length)} more`;
  return [`the tree is not that of the commit: ${first}${others}`];
}

/** Other places that have the version. */
function misfits(version: string, text: (name: string) => string): string[] {
  const lock = JSON.parse(text('package-lock.json')) as {
    readonly version: string;
    readonly packages: Readonly<Record<string, { readonly version?: string }>>;
  };
  const label = /org\.opencontainers\.image\.version="([^"]*)"/.exec(text('Dockerfile'))?.[1];
  const places: Readonly<Record<string, string | undefined>> = {
    'package-lock.json': lock.version,
    'package-lock.json, packages': lock.packages['']?.version,
    'the label in Dockerfile': label,
  };
  return Object.entries(places)
    .filter(([, found]) => found !== version)
    .map(([place, found]) => `package.json has version ${version}, ${place} ${found ?? 'none'}`);
}

function tagMisfits(
  expected: string,
  given: string | undefined,
  ofCommit: readonly string[],
  isRehearsal: boolean,
): string[] {
  if (given !== undefined && given !== expected)
    return [`the tag ${given} does not fit the version: it must be ${expected}`];
  if (ofCommit.includes(expected)) return [];
  if (ofCommit.length > 0)
    return [
      `the commit has the tag ${ofCommit.join(', ')}, which does not fit the version: it must be ${expected}`,
    ];
  if (given !== undefined) return [`the commit does not have the tag ${given}`];
  return isRehearsal ? [] : [`the commit has no tag: \`git tag ${expected}\`, or rehearse with --dry-run`];
}

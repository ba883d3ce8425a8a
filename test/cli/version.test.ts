import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { argumentsOf, buildFacts } from '../../.config/build-facts.ts';
import { standaloneBinary, thisMachine } from '../../.config/targets.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { METHOD_NAMES } from '../../src/auth/index.ts';
import type { Build } from '../../src/commands/version-text.ts';
import { FORMAT_NAMES } from '../../src/formats/index.ts';
import { BIN, IS_STANDALONE, runCli } from '../support/cli.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const TIME = '2026-11-26T10:00:00Z';
const SECONDS = '1795687200';

/** `$VAULTONCE_BIN` may name any. */
const ofAnotherBuild = IS_STANDALONE && BIN !== standaloneBinary() && 'the program is of another build';

/** It may have been built before the last commit: then git knows the one that it names. */
function factsOf({ commit, modified }: Build): Build {
  const here = buildFacts();
  if (commit === null || here.commit === null) return here;
  const args = ['-C', root, 'show', '--no-patch', '--format=%ct', commit];
  const seconds = Number(execFileSync('git', args, { encoding: 'utf8' }));
  const build_time = new Date(seconds * 1000).toISOString().replace('.000', '');
  return { commit, modified, build_time, unknown_because: null };
}

interface Said extends Build {
  readonly version: string;
  readonly runtime: { readonly name: string; readonly version: string };
  readonly target: string;
  readonly libc: string | null;
  readonly features: Readonly<Record<string, readonly string[]>>;
}

describe('version', () => {
  test('--version is one line, the version alone', async () => {
    const { code, stdout, stderr } = await runCli(['--version']);
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  });

  test('--json says what was built of what, and what it runs on', { skip: ofAnotherBuild }, async () => {
    const { code, stdout } = await runCli(['version', '--json']);
    assert.equal(code, 0);
    const said = JSON.parse(stdout) as Said;
    const { features, runtime, target, libc, ...others } = said;
    assert.deepEqual(others, {
      version: packageJson.version,
      ...factsOf(said),
      platform: process.platform,
      arch: process.arch,
    });
    assert.deepEqual(
      runtime,
      IS_STANDALONE
        ? { name: 'bun', version: packageJson.devDependencies.bun }
        : { name: 'node', version: process.versions.node },
    );
    assert.equal(target, IS_STANDALONE ? thisMachine() : 'node');
    assert.equal(libc, thisMachine().endsWith('-musl') ? 'musl' : 'glibc');
    assert.deepEqual(features['auth'], METHOD_NAMES);
    assert.deepEqual(features['formats'], FORMAT_NAMES);
  });

  test('its features name each command, engine and format of variables that there is', async () => {
    const { stdout } = await runCli(['version', '--json']);
    const { features } = JSON.parse(stdout) as Said;
    const help = (await runCli(['--help'])).stdout.split('Commands:')[1]?.split('Examples:')[0] ?? '';
    const inHelp = [...help.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name);
    assert.deepEqual([...(features['commands'] ?? []), 'help'], inHelp);
    assert.deepEqual(features['engines'], ['kv1', 'kv2', 'raw']);
    const ofEnv = /--format <name> +([^(]*)/.exec((await runCli(['env', '--help'])).stdout)?.[1] ?? '';
    assert.deepEqual(features['env_formats'], ofEnv.trim().split(/,\s+/));
  });

  test('for people the same, a line each', async () => {
    const { code, stdout } = await runCli(['version']);
    assert.equal(code, 0);
    const [first, ...rows] = stdout.trimEnd().split('\n');
    assert.equal(first, `vaultonce ${packageJson.version}`);
    const names = ['commit', 'build time', 'runtime', 'target', 'commands', 'auth', 'engines', 'formats'];
    for (const [index, name] of names.entries()) assert.match(rows[index] ?? '', new RegExp(`^${name} +\\S`));
    assert.match(stdout, IS_STANDALONE ? /runtime +Bun \d/ : /runtime +Node\.js \d/);
    assert.equal((await runCli(['version', 'extra'])).code, 2);
  });
});

describe('what is known of a build', () => {
  const workspace = createWorkspace();
  after(() => {
    workspace.remove();
  });

  const none = (): string => {
    throw new Error('there is no git');
  };
  const git =
    (status: string, prefix = '') =>
    (what = ''): string =>
      ({ 'rev-parse': prefix, show: `${COMMIT} ${SECONDS}` })[what] ?? status;
  const UNFILLED = '$Format:%H %ct$\n';
  const facts = (given: Partial<Parameters<typeof buildFacts>[0]>): ReturnType<typeof buildFacts> =>
    buildFacts({ env: {}, git: none, archived: () => UNFILLED, ...given });
  const known = { commit: COMMIT, build_time: TIME, unknown_because: null };

  test('git says it, and whether there is more than the commit', () => {
    assert.deepEqual(facts({ git: git('') }), { ...known, modified: false });
    assert.deepEqual(facts({ git: git(' M src/main.ts') }), { ...known, modified: true });
  });

  test('$REVISION and $SOURCE_DATE_EPOCH say it where they are set, as in the Dockerfile', () => {
    const env = { REVISION: COMMIT, SOURCE_DATE_EPOCH: SECONDS };
    assert.deepEqual(facts({ env, git: git(' M src/main.ts') }), { ...known, modified: false });
    assert.deepEqual(facts({ env: { ...env, REVISION: `${COMMIT}-modified` } }), {
      ...known,
      modified: true,
    });
    const timeless = {
      commit: COMMIT,
      modified: false,
      build_time: null,
      unknown_because: 'it was built without $SOURCE_DATE_EPOCH',
    };
    assert.deepEqual(facts({ env: { REVISION: COMMIT, SOURCE_DATE_EPOCH: '0' } }), timeless);
    assert.deepEqual(facts({ env: { REVISION: COMMIT } }), timeless);
    for (const REVISION of ['main', 'v0.1.0', COMMIT.slice(0, 7), `${COMMIT}-dirty`])
      assert.throws(() => facts({ env: { REVISION } }), /\$REVISION must be a commit/);
  });

  test('what is handed to a build elsewhere gives the same there', () => {
    for (const here of [facts({ git: git('') }), facts({ git: git('?? new.ts') })])
      assert.deepEqual(facts({ env: argumentsOf(here) }), here);
    assert.deepEqual(argumentsOf(facts({})), {});
  });

  test('an archive of git says it; nothing else does, nor does git of a directory above', () => {
    const archived = (): string => `${COMMIT} ${SECONDS}\n`;
    assert.deepEqual(facts({ archived }), { ...known, modified: null });
    assert.deepEqual(facts({ archived, git: git('', 'vendor/vaultonce/') }), { ...known, modified: null });
    assert.deepEqual(facts({}), {
      commit: null,
      modified: null,
      build_time: null,
      unknown_because: 'it was built without git, and without $REVISION',
    });
  });

  test('git fills in what an archive says', () => {
    mkdirSync(workspace.path('.config'));
    for (const name of ['.gitattributes', '.config/archived-commit.txt'])
      copyFileSync(join(root, name), workspace.path(name));
    const run = (...args: readonly string[]): string =>
      execFileSync('git', ['-C', workspace.root, ...args], {
        encoding: 'utf8',
        env: {
          PATH: process.env['PATH'],
          GIT_CONFIG_GLOBAL: '/dev/null',
          GIT_CONFIG_SYSTEM: '/dev/null',
          ...Object.fromEntries(
            ['AUTHOR', 'COMMITTER'].flatMap((who) => [
              [`GIT_${who}_NAME`, 'a'],
              [`GIT_${who}_EMAIL`, 'a@example.com'],
              [`GIT_${who}_DATE`, `${SECONDS} +0200`],
            ]),
          ),
        },
      });
    run('init', '--quiet');
    run('add', '.');
    run('commit', '--quiet', '--message', 'one');
    run('archive', '--output', workspace.path('archive.tar'), 'HEAD');
    execFileSync('tar', ['-xf', workspace.path('archive.tar'), '-C', workspace.root]);
    const text = readFileSync(workspace.path('.config/archived-commit.txt'), 'utf8');
    const { commit, build_time } = facts({ archived: () => text });
    assert.equal(commit, run('rev-parse', 'HEAD').trim());
    assert.equal(build_time, TIME);
  });
});

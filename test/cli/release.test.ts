import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { NOTICES, PACKAGES_FILE } from '../../.config/notices.ts';
import { ownPackage } from '../../.config/npm-packages.ts';
import { TARGETS, thisMachine } from '../../.config/targets.ts';
import { elfFor } from '../support/elf-stub.ts';
import { startRegistry, type Registry } from '../support/registry.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const { version: VERSION } = ownPackage();
const SOURCES = [
  '.config',
  '.github/action',
  'bin',
  'CHANGELOG.md',
  'CONFIGURATION.md',
  'Dockerfile',
  'LICENSE',
  'README.md',
  'package-lock.json',
  'package.json',
];
/** Of two targets: npm takes a second for each. */
const PUBLISHED = ['linux-arm64', 'linux-x64'];
const NOTICES_OF_BINARIES = 'Of the binaries.\n';
const CHANGELOG = `# Changelog\n\n## [Unreleased]\n\n## [${VERSION}] - 2026-01-02\n\n### Added\n\n- Something [new](README.md#new).\n\n## [0.0.0] - 2026-01-01\n`;

/** Instead of the builds, by their scripts. Where `$DIFFERENT` is set, something depends on the place, as in a build gone wrong. */
const BUILDS: Readonly<Record<string, string>> = {
  'build.ts': `import { cpSync, writeFileSync } from 'node:fs';
    import { join } from 'node:path';
    import { dist } from './paths.ts';
    const isForTargets = (path) => path.startsWith(join(process.env.BUILT, 'standalone'));
    cpSync(process.env.BUILT, dist, { recursive: true, filter: (path) => !isForTargets(path) });
    if (process.env.DIFFERENT) writeFileSync(join(dist, 'version.js'), dist);`,
  'standalone.ts': `import { cpSync } from 'node:fs';
    import { basename, dirname, join } from 'node:path';
    import { standaloneBinary } from './targets.ts';
    const to = standaloneBinary(process.argv[2]);
    for (const name of ['${NOTICES}', '${PACKAGES_FILE}', basename(to)])
      cpSync(join(process.env.BUILT, 'standalone', name), join(dirname(to), name));`,
};

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the action downloads. */
interface Pin {
  readonly version: string;
  readonly url: string;
  readonly sha256: Readonly<Record<string, string>>;
}

/**
 * A checkout of its own, whose binaries are stand-ins, and whose builds take what is made already: what binaries are made of is known
 * from their build. All else runs as in the workflows.
 */
describe('a release', () => {
  let workspace: Workspace;
  let pristine: string;
  before(() => {
    workspace = createWorkspace(tmpdir());
    const checkout = workspace.path('checkout');
    for (const name of SOURCES) cpSync(join(root, name), join(checkout, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
    writeFileSync(join(checkout, '.gitignore'), 'node_modules\ndist\n.cache\n');
    const bundles = readdirSync(join(root, 'dist')).filter((name) => /\.(?:js|json|txt|cache)$/.test(name));
    for (const name of bundles) cpSync(join(root, 'dist', name), built(name));
    cpSync(built(PACKAGES_FILE), built('standalone', PACKAGES_FILE));
    writeFileSync(built('standalone', NOTICES), NOTICES_OF_BINARIES);
    for (const target of TARGETS)
      writeFileSync(built('standalone', `vaultonce-${target}`), elfFor(target), { mode: 0o755 });
    for (const [script, text] of Object.entries(BUILDS)) change(`.config/${script}`, () => text);
    change('CHANGELOG.md', () => CHANGELOG);
    git('init', '--quiet', '--initial-branch', 'main');
    commit();
    pristine = git('rev-parse', 'HEAD');
  });
  beforeEach(() => {
    git('reset', '--hard', '--quiet', pristine);
    git('clean', '-dfq');
    for (const tag of git('tag').split('\n').filter(Boolean)) git('tag', '--delete', tag);
    rmSync(workspace.path('checkout/dist'), { recursive: true, force: true });
  });
  after(() => {
    workspace.remove();
  });

  const env = (): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    HOME: workspace.path('home'),
    BUILT: built(),
    npm_config_cache: workspace.path('cache'),
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((who) => [
        [`GIT_${who}_NAME`, 'Somebody'],
        [`GIT_${who}_EMAIL`, 'somebody@example.com'],
        [`GIT_${who}_DATE`, '2026-01-02T03:04:05Z'],
      ]),
    ),
  });
  /** What the builds make. */
  const built = (...names: readonly string[]): string => workspace.path('built', ...names);
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', workspace.path('checkout'), ...args], { env: env(), encoding: 'utf8' }).trim();
  const commit = (): void => {
    git('add', '--all');
    git('commit', '--quiet', '--message', 'A commit');
  };
  const change = (name: string, edit: (text: string) => string): void => {
    const path = workspace.path('checkout', name);
    const before = readFileSync(path, 'utf8');
    const text = edit(before);
    assert.notEqual(text, before);
    writeFileSync(path, text);
  };
  const runWith = (
    more: Readonly<Record<string, string>>,
    script: string,
    ...args: readonly string[]
  ): Ran => {
    const command = [workspace.path('checkout/.config', script), ...args];
    const { status, stdout, stderr } = spawnSync(process.execPath, command, {
      cwd: workspace.path('checkout'),
      env: { ...env(), ...more },
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  };
  const run = (script: string, ...args: readonly string[]): Ran => runWith({}, script, ...args);
  const release = (...args: readonly string[]): Ran => run('release.ts', '--once', ...args);
  const released = (): string[] => {
    const directory = workspace.path('checkout/dist/release');
    return existsSync(directory) ? readdirSync(directory).sort() : [];
  };
  const refused = ({ code, stderr }: Ran, ...reasons: readonly string[]): void => {
    assert.equal(stderr, reasons.map((reason) => `release: ${reason}\n`).join(''));
    assert.equal(code, 1);
    assert.deepEqual(released(), []);
    // Nothing half-made, either.
    assert.deepEqual(globSync('dist/.*', { cwd: workspace.path('checkout') }), []);
  };

  test('is refused with a tree that is not that of the commit', () => {
    workspace.write('checkout/new.txt', '');
    refused(release('--dry-run'), 'the tree is not that of the commit: new.txt');
    change('README.md', (text) => `${text}more\n`);
    refused(release('--dry-run'), 'the tree is not that of the commit: README.md and 1 more');
  });

  test('is refused without a section in the changelog, and with an empty one', () => {
    change('CHANGELOG.md', (text) => text.replace(`## [${VERSION}]`, '## [9.9.9]'));
    commit();
    const missing = `CHANGELOG.md has no section for ${VERSION}: \`npm run cut -- VERSION\` makes that of the next one`;
    refused(release('--dry-run'), missing);
    change('CHANGELOG.md', (text) =>
      text.replace('## [9.9.9]', `## [${VERSION}] - 2026-01-02\n\n## [9.9.9]`),
    );
    commit();
    refused(release('--dry-run'), `the section for ${VERSION} in CHANGELOG.md is empty`);
  });

  test('is refused with a tag that does not fit the version', () => {
    refused(
      release('--dry-run', '--tag', 'v9.9.9'),
      `the tag v9.9.9 does not fit the version: it must be v${VERSION}`,
    );
    refused(release('--tag', `v${VERSION}`), `the commit does not have the tag v${VERSION}`);
    git('tag', 'v9.9.9');
    refused(
      release('--dry-run'),
      `the commit has the tag v9.9.9, which does not fit the version: it must be v${VERSION}`,
    );
  });

  test('is refused without a tag, except as a rehearsal', () => {
    refused(release(), `the commit has no tag: \`git tag v${VERSION}\`, or rehearse with --dry-run`);
  });

  test('is refused where files have another version', () => {
    change('package-lock.json', (text) => text.replace(`"version": "${VERSION}"`, '"version": "9.9.8"'));
    change('Dockerfile', (text) => text.replace(/(image\.version=")[^"]*/, '$19.9.7'));
    commit();
    refused(
      release('--dry-run'),
      `package.json has version ${VERSION}, package-lock.json 9.9.8`,
      `package.json has version ${VERSION}, the label in Dockerfile 9.9.7`,
    );
  });

  test('is refused with lines that are in no section yet, except as a rehearsal', () => {
    change('CHANGELOG.md', (text) => text.replace('## [Unreleased]\n', '## [Unreleased]\n\n- Newer.\n'));
    commit();
    git('tag', `v${VERSION}`);
    refused(
      release(),
      'CHANGELOG.md has something under [Unreleased]: `npm run cut -- VERSION` makes a section of it',
    );
    assert.equal(release('--dry-run', '--targets', 'linux-x64').code, 0);
  });

  test('is refused where a second build, in a clone elsewhere, has another result', () => {
    const rehearse = (more: Readonly<Record<string, string>>): Ran =>
      runWith(more, 'release.ts', '--dry-run', '--targets', 'linux-x64');
    refused(rehearse({ DIFFERENT: 'yes' }), 'two builds of the same commit differ: dist/version.js');
    const { code, stdout, stderr } = rehearse({});
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, /^two builds are the same, byte for byte\nrehearsed /);
  });

  test('is refused without a binary; a rehearsal names it', () => {
    git('tag', `v${VERSION}`);
    const binary = built('standalone/vaultonce-darwin-x64');
    const content = readFileSync(binary);
    rmSync(binary);
    try {
      const { code: failed, stderr } = release();
      assert.equal(failed, 1);
      assert.ok(stderr.endsWith('\nrelease: not built: darwin-x64\n'), stderr);
      assert.deepEqual(released(), []);
      const { code, stdout } = release('--dry-run', '--targets', 'linux-x64,darwin-x64');
      assert.equal(code, 0);
      assert.match(stdout, /left out, because they cannot be built here: darwin-x64\n/);
      assert.equal(released().includes('vaultonce-darwin-x64'), false);
    } finally {
      writeFileSync(binary, content, { mode: 0o755 });
    }
  });

  test('has binaries, packages, bills of materials, notices, notes and checksums, twice the same', () => {
    git('tag', `v${VERSION}`);
    const { code, stdout, stderr } = release('--tag', `v${VERSION}`);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.match(stdout, new RegExp(`^made ${VERSION} of ${pristine}:`));
    assert.deepEqual(
      released(),
      [
        'LICENSE',
        'RELEASE-NOTES.md',
        'SHA256SUMS',
        NOTICES,
        'action',
        ...[`vaultonce-${VERSION}.cdx.json`, `vaultonce-${VERSION}.tgz`],
        ...TARGETS.flatMap((target) => [
          `vaultonce-${target}`,
          `vaultonce-${target}-${VERSION}.tgz`,
          `vaultonce-${target}.cdx.json`,
        ]),
      ].sort(),
    );
    const directory = workspace.path('checkout/dist/release');
    assert.equal(readFileSync(join(directory, NOTICES), 'utf8'), NOTICES_OF_BINARIES);
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: directory });
    const sums = readFileSync(join(directory, 'SHA256SUMS'), 'utf8');
    assert.match(sums, /^[0-9a-f]{64} {2}action\/main\.mjs$/m);
    const pin = JSON.parse(readFileSync(join(directory, 'action/release.json'), 'utf8')) as Pin;
    assert.equal(pin.version, VERSION);
    assert.equal(pin.url, `https://github.com/vaultonce/vaultonce/releases/download/v${VERSION}`);
    assert.deepEqual(Object.keys(pin.sha256), TARGETS);
    for (const [target, sum] of Object.entries(pin.sha256))
      assert.ok(sums.includes(`${sum}  vaultonce-${target}\n`), target);
    const notes = readFileSync(join(directory, 'RELEASE-NOTES.md'), 'utf8');
    assert.ok(
      notes.startsWith(
        `### Added\n\n- Something [new](https://github.com/vaultonce/vaultonce/blob/v${VERSION}/README.md#new).\n\n### Verify\n`,
      ),
      notes,
    );

    assert.equal(release('--out', workspace.path('again')).code, 0);
    assert.match(
      run('compare-releases.ts', directory, workspace.path('again')).stdout,
      /are the same, byte for byte/,
    );
    writeFileSync(
      workspace.path('again/SHA256SUMS'),
      readFileSync(join(directory, 'SHA256SUMS'), 'utf8').replace(/^./, 'x'),
    );
    const { code: compared, stderr: differing } = run(
      'compare-releases.ts',
      directory,
      workspace.path('again'),
    );
    assert.deepEqual({ compared, differing }, { compared: 1, differing: 'compare: LICENSE differs\n' });
  });

  test('its bills of materials name what is inside, with licences and checksums', () => {
    const target = thisMachine();
    assert.equal(release('--dry-run', '--targets', target).code, 0);
    interface Bill {
      readonly metadata: {
        readonly timestamp: string;
        readonly component: { readonly hashes?: readonly { readonly content: string }[] };
      };
      readonly components: readonly {
        readonly name: string;
        readonly version: string;
        readonly licenses: unknown;
        readonly hashes: unknown;
      }[];
    }
    const bill = (name: string): Bill =>
      JSON.parse(readFileSync(workspace.path('checkout/dist/release', `${name}.cdx.json`), 'utf8')) as Bill;
    const { metadata, components } = bill(`vaultonce-${VERSION}`);
    assert.equal(metadata.timestamp, '2026-01-02T03:04:05.000Z');
    const bundled = components.map(({ name }) => name);
    for (const name of ['axios', 'commander', 'zod', 'mustache', '@aws-sdk/core'])
      assert.ok(bundled.includes(name), name);
    for (const name of ['esbuild', 'typescript', 'eslint']) assert.ok(!bundled.includes(name), name);
    for (const { name, version, licenses, hashes } of components)
      assert.ok(version !== '' && licenses !== undefined && hashes !== undefined, name);
    const ofBinary = bill(`vaultonce-${target}`);
    assert.ok(
      ofBinary.components.some(({ name }) => name === `@oven/bun-${target.replace('arm64', 'aarch64')}`),
    );
    const sums = readFileSync(workspace.path('checkout/dist/release/SHA256SUMS'), 'utf8');
    assert.ok(
      sums.includes(`${ofBinary.metadata.component.hashes?.[0]?.content ?? 'none'}  vaultonce-${target}\n`),
    );
  });

  /** Programs of the workflows that cannot be had here: each notes how it was called, and answers as the real one would. */
  describe('with stand-ins for the programs of the workflows', () => {
    const DIGEST = `sha256:${'ab'.repeat(32)}`;
    const PROGRAMS: Readonly<Record<string, string>> = {
      docker: `case "$*" in
        *"imagetools inspect"*) echo sha256:base ;;
        *type=local*) dest=\${*##*dest=}; dest=\${dest%% *}; mkdir -p "$dest/var/lib/dpkg"
          printf 'Package: libc6\\nVersion: 2.36-9+deb12u1\\n\\nPackage: libgcc-s1\\nVersion: 12.2.0-14\\n' >"$dest/var/lib/dpkg/status" ;;
        *--metadata-file*) file=\${*##*--metadata-file }; file=\${file%% *}
          case "$*" in *--no-cache*) digest=$SECOND ;; *) digest=${DIGEST} ;; esac
          echo "{\\"containerimage.digest\\":\\"$digest\\"}" >"$file" ;;
        esac`,
      cosign: ':',
      gh: `case "$*" in *"release view"*) [ -e "$RELEASE" ] && cat "$RELEASE" || { echo 'release not found' >&2; exit 1; } ;; esac`,
    };
    before(() => {
      for (const [name, answer] of Object.entries(PROGRAMS)) {
        const text = `#!/bin/sh\necho "${name} $*" >>"$CALLS"\n${answer}\n`;
        workspace.write(`programs/${name}`, text, 0o755);
      }
    });
    beforeEach(() => {
      workspace.write('calls', '');
      for (const name of ['images', 'outputs', 'found.json'])
        rmSync(workspace.path(name), { recursive: true, force: true });
    });
    const withPrograms = (second: string, script: string, ...args: readonly string[]): Ran =>
      runWith(
        {
          PATH: `${workspace.path('programs')}:${process.env['PATH'] ?? ''}`,
          CALLS: workspace.path('calls'),
          RELEASE: workspace.path('found.json'),
          GITHUB_OUTPUT: workspace.path('outputs'),
          SECOND: second,
        },
        script,
        ...args,
      );
    const calls = (): string[] => workspace.read('calls').trim().split('\n').filter(Boolean);
    const IMAGE = ['--image', 'registry.test/vaultonce', '--out'];

    test('images of both processors are pushed without a tag, signed, and then tagged', () => {
      // What they hold, for their bills of materials.
      assert.equal(run('build.ts').code, 0);
      assert.equal(run('standalone.ts', 'linux-x64').code, 0);
      for (const kind of ['standalone', 'node']) {
        const { code, stderr } = withPrograms(
          DIGEST,
          'release-image.ts',
          kind,
          ...IMAGE,
          workspace.path('images'),
        );
        assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      }
      assert.equal(workspace.read('outputs'), `digest=${DIGEST}\n`.repeat(2));
      const built = calls().filter((call) => call.includes('--platform linux/amd64,linux/arm64'));
      assert.equal(built.length, 4);
      for (const call of built)
        assert.match(call, new RegExp(`BASE=node:\\S+@sha256:base .*REVISION=${pristine} `));
      assert.ok(!calls().some((call) => call.includes('--tag')));
      assert.ok(calls().includes(`cosign sign --yes --recursive registry.test/vaultonce@${DIGEST}`));
      assert.deepEqual(
        workspace
          .list('images')
          .filter((name) => name.endsWith('.cdx.json'))
          .sort(),
        ['node', 'standalone'].flatMap((kind) =>
          ['amd64', 'arm64'].map((arch) => `vaultonce-image-${kind}-linux-${arch}.cdx.json`),
        ),
      );
      const bill = workspace.read('images/vaultonce-image-standalone-linux-arm64.cdx.json');
      for (const part of ['@oven/bun-linux-aarch64', '"libc6"', '2.36-9+deb12u1', 'axios'])
        assert.ok(bill.includes(part), part);
      assert.ok(
        workspace.read('images/vaultonce-image-node-linux-amd64.cdx.json').includes('pkg:generic/node@'),
      );
      workspace.write('calls', '');
      assert.equal(
        withPrograms(DIGEST, 'release-image.ts', 'tag', ...IMAGE, workspace.path('images')).code,
        0,
      );
      assert.deepEqual(
        calls(),
        ['', '-node'].map(
          (suffix) =>
            `docker buildx imagetools create --tag registry.test/vaultonce:${VERSION}${suffix} registry.test/vaultonce@${DIGEST}`,
        ),
      );
    });

    test('an image that is another one when it is built again is not signed', () => {
      const { code, stderr } = withPrograms(
        'sha256:cd',
        'release-image.ts',
        'node',
        ...IMAGE,
        workspace.path('images'),
      );
      assert.equal(code, 1);
      assert.match(stderr, /two builds of the image differ: sha256:abab\w+, sha256:cd/);
      assert.ok(!calls().some((call) => call.startsWith('cosign')));
      assert.equal(existsSync(workspace.path('images/image-node.digest')), false);
    });

    test('the release is a draft until all of it is uploaded', () => {
      workspace.write('files/RELEASE-NOTES.md', 'Notes');
      workspace.write('files/SHA256SUMS', '');
      workspace.write('files/vaultonce-linux-x64', '');
      // Which is no file of the release.
      workspace.write('files/action/main.mjs', '');
      workspace.write('bills/one.cdx.json', '{}');
      assert.equal(
        withPrograms(DIGEST, 'release-bills.ts', workspace.path('files'), workspace.path('bills')).code,
        0,
      );
      const publish = (what: string): Ran =>
        withPrograms(DIGEST, 'publish-release.ts', what, workspace.path('files'));
      assert.equal(publish('draft').code, 0);
      const [, create = '', upload = ''] = calls();
      assert.ok(create.startsWith(`gh release create v${VERSION} --draft --verify-tag `), create);
      assert.match(
        upload,
        /^gh release upload v\S+ --clobber \S+\/SHA256SUMS \S+\/one\.cdx\.json \S+\/vaultonce-linux-x64$/,
      );

      workspace.write('found.json', JSON.stringify({ isDraft: true, assets: [{ name: 'SHA256SUMS' }] }));
      const incomplete = publish('show');
      assert.equal(
        incomplete.stderr,
        `publish: v${VERSION} is not complete: one.cdx.json, vaultonce-linux-x64\n`,
      );
      const names = ['SHA256SUMS', 'one.cdx.json', 'vaultonce-linux-x64'];
      workspace.write(
        'found.json',
        JSON.stringify({ isDraft: true, assets: names.map((name) => ({ name })) }),
      );
      assert.equal(publish('show').code, 0);
      assert.equal(calls().at(-1), `gh release edit v${VERSION} --draft=false`);
      workspace.write('found.json', JSON.stringify({ isDraft: false, assets: [] }));
      for (const what of ['draft', 'show']) {
        const { code, stderr } = publish(what);
        assert.deepEqual({ code, stderr }, { code: 1, stderr: `publish: v${VERSION} is released already\n` });
      }
    });
  });

  describe('the action, pushed to a repository', () => {
    const remote = (): string => workspace.path('remote.git');
    const action = (): string => workspace.path('laid/action');
    const publish = (...args: readonly string[]): Ran =>
      run('publish-action.ts', '--remote', remote(), action(), ...args);
    const tags = (): Record<string, string> =>
      Object.fromEntries(
        git('ls-remote', '--tags', remote())
          .split('\n')
          .filter(Boolean)
          .map((line) => {
            const [of = '', name = ''] = line.split('\t');
            return [name.replace('refs/tags/', ''), of];
          }),
      );
    const moving = `action-v${VERSION.split('.')[0] ?? ''}`;
    beforeEach(() => {
      execFileSync('rm', ['-rf', remote(), workspace.path('laid')]);
      execFileSync('git', ['init', '--quiet', '--bare', remote()]);
      assert.equal(release('--dry-run', '--targets', 'linux-x64', '--out', workspace.path('laid')).code, 0);
    });

    test('is a commit of its files alone, with a tag that stays and one that moves; it can be repeated', () => {
      const { code, stdout, stderr } = publish();
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.match(stdout, new RegExp(`^published action-v${VERSION} and ${moving}: `));
      const first = tags();
      assert.deepEqual(Object.keys(first), [moving, `action-v${VERSION}`]);
      assert.equal(new Set(Object.values(first)).size, 1);
      const inRemote = (...args: readonly string[]): string =>
        execFileSync('git', ['-C', remote(), ...args], { encoding: 'utf8' });
      assert.deepEqual(
        inRemote('ls-tree', '-r', '--name-only', moving).trim().split('\n').sort(),
        readdirSync(action()).sort(),
      );
      assert.equal(inRemote('rev-list', '--count', moving).trim(), '1');
      assert.match(
        inRemote('show', '--no-patch', '--format=%s', moving),
        new RegExp(`${VERSION}, of ${pristine}`),
      );
      assert.equal(publish().code, 0);
      assert.deepEqual(tags(), first);
    });

    test('does not replace one of the same version, and does not move the tag back', () => {
      assert.equal(publish().code, 0);
      const first = tags();
      const file = join(action(), 'README.md');
      writeFileSync(file, `${readFileSync(file, 'utf8')}more\n`);
      const again = publish();
      assert.equal(again.code, 1);
      assert.match(again.stderr, /^publish: /);
      assert.deepEqual(tags(), first);
      const [commit = ''] = Object.values(first);
      const later = `${moving}.${String(2 ** 20)}.0`;
      execFileSync('git', ['-C', remote(), 'tag', '--force', moving, commit]);
      execFileSync('git', ['-C', remote(), 'tag', later, commit]);
      execFileSync('git', ['-C', remote(), 'tag', '--delete', `action-v${VERSION}`]);
      assert.match(publish().stdout, new RegExp(`^published action-v${VERSION}: `));
      assert.equal(tags()[moving], commit);
      assert.notEqual(tags()[`action-v${VERSION}`], commit);
    });

    test('is refused without its pin, and with that of another version', () => {
      const pin = join(action(), 'release.json');
      const text = readFileSync(pin, 'utf8');
      writeFileSync(pin, text.replace(`"version": "${VERSION}"`, '"version": "9.9.9"'));
      assert.equal(publish().stderr, `publish: the action pins 9.9.9, and this is ${VERSION}\n`);
      execFileSync('rm', [pin]);
      const { code, stderr } = publish();
      assert.equal(code, 1);
      assert.match(stderr, /is no action of a release: it has no release\.json/);
      assert.deepEqual(tags(), {});
    });
  });

  describe('published to a registry', () => {
    let registry: Registry;
    before(() => {
      git('tag', `v${VERSION}`);
      assert.equal(release('--out', workspace.path('release'), '--targets', PUBLISHED.join(',')).code, 0);
    });
    beforeEach(async () => {
      registry = await startRegistry();
    });
    const publish = async (): Promise<Ran> => {
      const command = [workspace.path('checkout/.config/publish-npm.ts'), workspace.path('release')];
      // The least that npm takes for being logged in.
      const { host } = new URL(registry.url);
      const npmrc = workspace.write('npmrc', `registry=${registry.url}\n//${host}/:_authToken=none\n`);
      const options = { cwd: workspace.path('checkout'), env: { ...env(), npm_config_userconfig: npmrc } };
      return promisify(execFile)(process.execPath, command, options).then(
        ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
        (error: unknown) => error as Ran,
      );
    };
    const close = async (): Promise<void> => registry.close();
    const all = PUBLISHED.map((target) => `@vaultonce/${target}@${VERSION}`);
    const main = `vaultonce@${VERSION}`;

    test('has the packages of targets before the one that names them, and can be repeated', async () => {
      const { code, stdout, stderr } = await publish();
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      assert.deepEqual(registry.published, [...all, main]);
      assert.equal(stdout.split('\n')[0], `published ${all[0] ?? ''}`);
      const again = await publish();
      assert.equal(again.code, 0);
      assert.equal(again.stdout, [...all, main].map((name) => `${name} is there already\n`).join(''));
      assert.equal(registry.published.length, all.length + 1);
      await close();
    });

    test('stays without the main package where one of a target was refused, until it is repeated', async () => {
      registry.refuse('@vaultonce/linux-arm64', true);
      const { code, stderr } = await publish();
      assert.equal(code, 1);
      assert.match(
        stderr,
        /publish: not published: @vaultonce\/linux-arm64, @vaultonce\/linux-x64, vaultonce: repeat it, which goes on here\n$/,
      );
      assert.ok(!registry.published.includes(main));
      registry.refuse('@vaultonce/linux-arm64', false);
      assert.equal((await publish()).code, 0);
      assert.deepEqual(registry.published, [...all, main]);
      await close();
    });

    test('is not begun where another one has its version', async () => {
      registry.add(workspace.path('release', `vaultonce-${VERSION}.tgz`));
      workspace.write(
        'other/package/package.json',
        JSON.stringify({ name: '@vaultonce/linux-x64', version: VERSION }),
      );
      const tarball = workspace.path('other.tgz');
      execFileSync('tar', ['-czf', tarball, '-C', workspace.path('other'), 'package']);
      registry.add(tarball);
      const { code, stderr } = await publish();
      assert.deepEqual(
        { code, stderr },
        {
          code: 1,
          stderr: `publish: @vaultonce/linux-x64@${VERSION} is there already, and is another one\n`,
        },
      );
      assert.deepEqual(registry.published, []);
      await close();
    });
  });
});

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { argumentsOf } from '../../.config/build-facts.ts';
import { licenceOfNode } from '../../.config/notices.ts';
import { librariesOf } from '../../.config/libraries.ts';
import type { Build } from '../../src/commands/version-text.ts';
import { layImage, listOf, tarOf, USER, type Kind } from '../support/image-root.ts';
import { needsBuildah } from '../support/needs.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
/** What the build here was made of: that in the image has no git, and is told. */
const BUILD = argumentsOf(
  JSON.parse(
    execFileSync(process.execPath, [join(root, 'bin/vaultonce.mjs'), 'version', '--json'], {
      encoding: 'utf8',
    }),
  ) as Build,
);
const PLATFORM = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** A build takes ten seconds of CPU time; tests have one minute, also where others take the processors. */
const AT_LEISURE = { timeout: 170_000 };

interface Inspected {
  readonly OCIv1: {
    readonly architecture: string;
    readonly config: {
      readonly User: string;
      readonly Entrypoint: readonly string[];
      readonly Cmd: readonly string[];
      readonly Labels: Readonly<Record<string, string>>;
    };
  };
}

/**
 * The Dockerfile itself, by a builder that needs no daemon. Its base is made of this machine's shell, Node and libraries; npm is
 * a script that does nothing there, since what it would install is mounted: so nothing is downloaded.
 */
describe('the Dockerfile', needsBuildah(), () => {
  let workspace: Workspace;
  before(async () => {
    workspace = createWorkspace(tmpdir());
    workspace.write('policy.json', '{"default": [{"type": "insecureAcceptAnything"}]}');
    workspace.write('Dockerfile', 'FROM scratch\nCOPY base /\nENV PATH=/usr/local/bin:/bin\n');
    const programs = { '/bin/sh': '/bin/sh', '/usr/local/bin/node': process.execPath };
    const bun = join(root, 'node_modules/.bin/bun');
    // The licences that Debian has, wherever this is.
    const licences = ['libc6', 'libgcc-s1']
      .map((name) => `/usr/share/doc/${name}/copyright`)
      .filter(existsSync);
    const files = [
      ...Object.entries(programs),
      ...[...Object.values(programs), bun].flatMap((program) => [...librariesOf(program, '/')]),
      ...licences.map((file) => [file, file] as const),
      ['/usr/local/LICENSE', licenceOfNode(process.execPath)] as const,
    ];
    for (const [path, file] of files) {
      const copy = workspace.path('base', path);
      mkdirSync(dirname(copy), { recursive: true });
      copyFileSync(file, copy);
    }
    workspace.write('base/usr/local/bin/npm', '#!/bin/sh\n', 0o755);
    mkdirSync(workspace.path('base/tmp'));
    await build('base', workspace.root, '--file', workspace.path('Dockerfile'));
  }, AT_LEISURE);
  after(() => {
    workspace.remove();
  });

  const buildah = async (...args: readonly string[]): Promise<string> => {
    const storage = ['--root', workspace.path('store'), '--runroot', workspace.path('run')];
    const { stdout } = await promisify(execFile)('buildah', [...storage, '--storage-driver', 'vfs', ...args]);
    return stdout.trim();
  };
  const build = (name: string, context: string, ...args: readonly string[]): Promise<string> =>
    buildah(
      ...['build', '--quiet', '--isolation', 'chroot', '--signature-policy', workspace.path('policy.json')],
      ...['--timestamp', '0', '--tag', `localhost/${name}`, ...args, context],
    );
  /** @returns its id: the digest of its config, which names the layers by theirs */
  const buildImage = (name: string, ...args: readonly string[]): Promise<string> => {
    const modules = `${join(root, 'node_modules')}:/src/node_modules:ro`;
    const known = Object.entries(BUILD).map(([name, value]) => `${name}=${value}`);
    const given = ['BASE=localhost/base', ...known].flatMap((arg) => ['--build-arg', arg]);
    return build(name, root, ...given, '--volume', modules, '--platform', PLATFORM, ...args);
  };

  const built: Partial<Record<Kind, string>> = {};

  for (const kind of ['standalone', 'node'] as const) {
    test(`makes the image that the tests enter: ${kind}`, AT_LEISURE, async () => {
      built[kind] = await buildImage(kind, '--target', kind);
      const { OCIv1 } = JSON.parse(
        await buildah('inspect', '--type', 'image', `localhost/${kind}`),
      ) as Inspected;
      assert.equal(`linux/${OCIv1.architecture}`, PLATFORM);
      assert.equal(OCIv1.config.User, USER);
      assert.deepEqual(OCIv1.config.Entrypoint, listOf(kind, 'ENTRYPOINT'));
      assert.deepEqual(OCIv1.config.Cmd, listOf(kind, 'CMD'));
      assert.equal(OCIv1.config.Labels['org.opencontainers.image.title'], 'vaultonce');
      assert.equal(OCIv1.config.Labels['org.opencontainers.image.revision'], BUILD['REVISION'] ?? '');
      const mounted = await buildah('mount', await buildah('from', `localhost/${kind}`));
      const laid = createWorkspace(tmpdir());
      try {
        layImage(kind, laid.root);
        assert.ok(tarOf(mounted).equals(tarOf(laid.root)));
      } finally {
        laid.remove();
      }
    });
  }

  test(
    'makes the same standalone image again, by its digest, where no target is named',
    AT_LEISURE,
    async () => {
      assert.equal(await buildImage('again'), built.standalone);
    },
  );
});

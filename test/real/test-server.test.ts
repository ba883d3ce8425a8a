import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, afterEach, describe, test } from 'node:test';
import { findServer } from '../support/binary.ts';
import { startServer } from '../support/server.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const VARIABLE = 'VAULTONCE_TEST_SERVER';
/** Says what it is, as both products do. */
const NAMED = '#!/bin/sh\n[ "$1" != version ] || { echo "Vault v1.0.0 (0123abc)"; exit 0; }\n';

/** Answers, and takes no audit device. */
const DEAF = `#!${process.execPath}
const { createServer } = require('node:http');
if (process.argv[2] === 'version') console.log('Vault v1.0.0');
else {
  const [, port] = /-dev-listen-address=127.0.0.1:(\\d+)/.exec(process.argv.join(' '));
  createServer(({ method }, response) => {
    response.writeHead(method === 'GET' ? 200 : 405).end(method === 'GET' ? '{"data": {"secret/": {}}}' : 'not\\nhere');
  }).listen(port, '127.0.0.1');
}
`;

/** Whoever tries the demo or the tests may have any `vault`, or none: what is wrong is told in a line. */
describe('the server that tests and demo start', () => {
  // On disk: a tmpfs may be mounted so that nothing in it can be executed.
  const workspace = createWorkspace(tmpdir());
  const path = process.env['PATH'] ?? '';
  // Not by a new object: os.tmpdir() asks the environment of the process.
  const changed = { [VARIABLE]: process.env[VARIABLE] ?? '', PATH: path, TMPDIR: tmpdir() };
  afterEach(() => {
    Object.assign(process.env, changed);
  });
  after(() => {
    workspace.remove();
  });

  const program = (name: string, script: string): string => workspace.write(name, script, 0o755);

  test('is the same one whatever `vault` and `bao` are on PATH', async () => {
    for (const name of ['vault', 'bao']) program(`bin/${name}`, '#!/bin/sh\nexit 1\n');
    process.env['PATH'] = `${workspace.path('bin')}${delimiter}${path}`;
    process.env[VARIABLE] = '';
    const found = await findServer().catch((error: unknown) => error as Error);
    // Nothing else is taken where it cannot be downloaded.
    if (found instanceof Error) assert.match(found.message, /^OpenBao \S+ cannot be downloaded: /);
    else assert.ok(found.path.startsWith(join(root, '.cache/openbao-')));
  });

  test('can be named by a path or by a name on PATH', async () => {
    const expected = { path: program('bin/mine', NAMED), product: 'HashiCorp Vault', version: '1.0.0' };
    process.env['PATH'] = `${workspace.path('bin')}${delimiter}${path}`;
    for (const name of ['mine', expected.path]) {
      process.env[VARIABLE] = name;
      assert.deepEqual(await findServer(), expected);
    }
  });

  for (const [what, create, message, readyWithinMs = 30_000] of [
    ['that is missing', () => workspace.path('gone'), /there is no \S+\/gone; name the program of/],
    ['that is a directory', () => workspace.root, /is not an executable file; name/],
    ['that is not executable', () => workspace.write('plain', NAMED), /is not an executable file; name/],
    ['that fails', () => program('fails', '#!/bin/sh\nexit 1\n'), /version` ended with exit code 1; name/],
    ['that is no server', () => '/bin/echo', /version` does not answer as an OpenBao or a Vault; name/],
    [
      'that ends at once',
      () => program('ends', `${NAMED}echo Error: no; exit 3\n`),
      /exit code 3: Error: no;/,
    ],
    ['that ends silently', () => program('silent', NAMED), /exit code 0: it printed nothing;/],
    [
      'that never listens',
      () => program('hangs', `${NAMED}exec sleep 60\n`),
      /did not answer within 0.5 s;/,
      500,
    ],
    [
      'whose port is taken',
      () => program('late', `${NAMED}echo address already in use\n`),
      /taken five times/,
    ],
    [
      'that keeps no audit log',
      () => program('deaf', DEAF),
      /no audit log, .* \(POST sys\/audit.*405.*\): use/,
    ],
  ] as const) {
    test(`one ${what} is told in one line`, async () => {
      process.env[VARIABLE] = create();
      process.env['TMPDIR'] = workspace.path('tmp');
      mkdirSync(workspace.path('tmp'), { recursive: true });
      await assert.rejects(startServer({ readyWithinMs }), (error) => {
        assert.ok(error instanceof Error && error.name === 'SetupFault', String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      });
      assert.deepEqual(workspace.list('tmp'), [], 'nothing is left');
    });
  }

  test('the demo and the tests say it, and fail', () => {
    const { XDG_RUNTIME_DIR } = process.env;
    const env = { PATH: path, XDG_RUNTIME_DIR, [VARIABLE]: '/bin/echo' };
    const line = `\\$${VARIABLE}: \`/bin/echo version\` does not answer as .*`;
    const demo = spawnSync(process.execPath, ['examples/demo/demo.ts'], { cwd: root, env, encoding: 'utf8' });
    assert.deepEqual([demo.status, demo.stdout], [1, '']);
    assert.match(demo.stderr, new RegExp(`^${line}\n$`));
    const tests = spawnSync(process.execPath, ['.config/test.ts', 'canary'], {
      cwd: root,
      env,
      encoding: 'utf8',
    });
    assert.deepEqual([tests.status, tests.stderr], [1, '']);
    assert.match(tests.stdout, new RegExp(`^${line}\n0 passed, 1 failed\n$`));
  });
});

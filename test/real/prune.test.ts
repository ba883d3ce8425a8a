import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { failuresOf, runCli } from '../support/cli.ts';

const MANIFEST = '.vaultonce-manifest.json';

describe('prune removes what earlier runs have written and this one does not declare', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { one: '1', two: '2' });
    await app.putKv2('less', { one: '1' });
  });
  beforeEach(() => {
    app.workspace.remove();
    mkdirSync(app.workspace.root);
    app.server.takeAudit();
  });
  after(() => app.stop());

  const config = (outputs: readonly object[], secret = 'secret/a') => ({
    secrets: { a: secret },
    outputs,
    output: { directory: app.workspace.path('out'), prune: true },
  });
  const keys = { path: 'keys', format: 'files', secret: 'a' };
  const text = { path: 'deep/er/text', contents: '{{a.one}}' };

  test('a vanished key, a vanished output and its directories; files of others stay', async () => {
    const first = await app.render(config([keys, text]));
    assert.equal(first.code, 0, first.stderr);
    app.workspace.write('out/theirs', 'x');
    app.workspace.write('out/keys/theirs', 'x');
    const report = app.workspace.path('report.json');
    const second = await app.render(config([keys], 'secret/less'), ['--report', report]);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(app.workspace.list('out'), [MANIFEST, 'keys', 'keys/one', 'keys/theirs', 'theirs']);
    assert.deepEqual((JSON.parse(app.workspace.read('report.json')) as { pruned: unknown }).pruned, [
      { path: app.workspace.path('out/deep/er/text'), removed: true },
      { path: app.workspace.path('out/keys/two'), removed: true },
    ]);
    assert.equal(app.workspace.mode(`out/${MANIFEST}`), '0600');
    const before_ = app.workspace.snapshot('out');
    assert.equal((await app.render(config([keys], 'secret/less'))).code, 0);
    assert.deepEqual(app.workspace.snapshot('out'), before_, 'a second run changes nothing');
  });

  test('a run that fails removes nothing, and neither does a command that writes nothing', async () => {
    assert.equal((await app.render(config([keys, text]))).code, 0);
    const before_ = app.workspace.snapshot('out');
    const failed = await app.render(config([{ ...text, contents: '{{a.gone}}' }]));
    assert.equal(failed.code, 6, failed.stderr);
    app.workspace.write('blocked', 'x');
    const blocked = await app.render(config([{ ...text, path: app.workspace.path('blocked/x') }]));
    assert.equal(blocked.code, 8, blocked.stderr);
    assert.equal((await app.render(config([]))).code, 0);
    assert.deepEqual(app.workspace.snapshot('out'), before_);
  });

  test('3: without a directory, and in one that is not its own', async () => {
    const outputs = [{ ...text, path: app.workspace.path('x') }];
    const link = app.workspace.path('link');
    symlinkSync('/dev/shm', link);
    const refused = [undefined, '/', '/tmp', '/dev/shm', '/run', '/dev/shm/', link, app.workspace.root];
    for (const directory of [...refused, app.workspace.path('home')]) {
      const env = { HOME: app.workspace.path('home') };
      const output = { ...(directory !== undefined && { directory }), prune: true };
      const result = await app.render({ secrets: { a: 'secret/a' }, outputs, output }, [], { env });
      assert.equal(result.code, 3, `${String(directory)} ${result.stderr}`);
      assert.match(failuresOf(result)[0]?.message ?? '', /^`prune` (needs `directory`|is refused in)/);
      assert.match(failuresOf(result)[0]?.where ?? '', /vaultonce\.yaml:\d+, output\.prune$/);
    }
    const cwd = app.workspace.path('work/place');
    mkdirSync(cwd, { recursive: true });
    const output = { directory: app.workspace.path('work'), prune: true };
    assert.equal((await app.render({ secrets: { a: 'secret/a' }, outputs, output }, [], { cwd })).code, 3);
    const taken = await app.render(config([{ ...text, path: MANIFEST }]));
    assert.equal(taken.code, 3, taken.stderr);
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('8: a manifest that cannot be trusted, before the login', async () => {
    app.workspace.write(`out/${MANIFEST}`, '{"files": ["../report.json"]}');
    const result = await app.render(config([text]));
    assert.equal(result.code, 8, result.stderr);
    assert.match(failuresOf(result)[0]?.hint ?? '', /remove the manifest/);
    assert.deepEqual(requestsOf(app.server), []);
    assert.deepEqual(app.workspace.list('out'), [MANIFEST]);
  });

  test('`read --out` writes one file, and leaves those of `render` alone', async () => {
    const rendered = config([{ path: 'kept', secret: 'a', key: 'one' }]);
    assert.equal((await app.render(rendered)).code, 0);
    const file = app.workspace.path('out/other');
    const args = ['read', '-c', app.config(rendered), 'a#two', '--out', file];
    assert.equal((await runCli(args)).code, 0);
    assert.equal(app.workspace.read('out/kept'), '1');
    assert.equal(app.workspace.read('out/other'), '2');
  });
});

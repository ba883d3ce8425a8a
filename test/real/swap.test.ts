import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { failuresOf } from '../support/cli.ts';
import { needsMounts } from '../support/needs.ts';

describe('swap publishes a directory by one link', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { one: '1', two: '2' });
    await app.putKv2('less', { one: '1' });
    await app.putKv2('large', { one: 'x'.repeat(200_000) });
  });
  beforeEach(() => {
    app.workspace.remove();
    mkdirSync(app.workspace.root);
    app.server.takeAudit();
  });
  after(() => app.stop());

  const out = (...names: string[]) => app.workspace.path('out', ...names);
  const config = (outputs: readonly object[], secret = 'secret/a', directory = out()) => ({
    secrets: { a: secret },
    outputs,
    output: { directory, swap: true },
  });
  const keys = { path: 'keys', format: 'files', secret: 'a', mode: '0440' };
  const text = { path: 'text', contents: '{{a.one}}' };
  const succeeds = async (...args: Parameters<typeof config>): Promise<unknown[]> => {
    const report = app.workspace.path('report.json');
    const result = await app.render(config(...args), ['--report', report]);
    assert.equal(result.code, 0, result.stderr);
    const { outputs } = JSON.parse(readFileSync(report, 'utf8')) as {
      outputs: { path: string; changed: boolean }[];
    };
    return outputs.map(({ path, changed }) => [path, changed]);
  };

  test('links to one set; a second run changes nothing; what vanished is gone', async () => {
    const paths = [out('keys/one'), out('keys/two'), out('text')];
    assert.deepEqual(
      await succeeds([keys, text]),
      paths.map((path) => [path, true]),
    );
    const data = readlinkSync(out('..data'));
    assert.deepEqual(readdirSync(out()).sort(), [data, '..data', 'keys', 'text'].sort());
    assert.equal(readlinkSync(out('keys')), '..data/keys');
    assert.equal(app.workspace.read('out/keys/two'), '2');
    assert.equal(lstatSync(out(data, 'keys/two')).mode & 0o7777, 0o440);
    const before_ = app.workspace.snapshot('out');
    assert.deepEqual(
      await succeeds([keys, text]),
      paths.map((path) => [path, false]),
    );
    assert.deepEqual(app.workspace.snapshot('out'), before_);
    await succeeds([keys], 'secret/less');
    const next = readlinkSync(out('..data'));
    assert.notEqual(next, data);
    assert.deepEqual(
      app.workspace.list('out').sort(),
      ['..data', next, `${next}/keys`, `${next}/keys/one`, 'keys'].sort(),
    );
  });

  test('its directories follow the modes of the files, also in a set that another mode has left', async () => {
    const modesOf = (): string[] => {
      const data = readlinkSync(out('..data'));
      return [data, `${data}/keys`].map((name) => (lstatSync(out(name)).mode & 0o7777).toString(8));
    };
    await succeeds([text, keys]);
    assert.deepEqual(modesOf(), ['750', '750']);
    chmodSync(out(readlinkSync(out('..data'))), 0o700);
    await succeeds([text, keys]);
    assert.deepEqual(modesOf(), ['750', '750']);
    await succeeds([text, { ...keys, mode: '0444' }]);
    assert.deepEqual(modesOf(), ['755', '755']);
    await succeeds([text, { ...keys, mode: '0444', directory_mode: '0711' }]);
    assert.deepEqual(modesOf(), ['711', '711']);
  });

  test('one file for each key at the top, and a changed mode is a change', async () => {
    await succeeds([{ ...keys, path: '.' }]);
    assert.deepEqual(
      readdirSync(out()).filter((name) => !name.startsWith('..')),
      ['one', 'two'],
    );
    assert.equal(app.workspace.read('out/two'), '2');
    const data = readlinkSync(out('..data'));
    await succeeds([{ ...keys, path: '.', mode: '0400' }]);
    assert.notEqual(readlinkSync(out('..data')), data);
  });

  test('a file and a directory change places', async () => {
    await succeeds([
      { ...text, path: 'x' },
      { ...text, path: 'y/z' },
    ]);
    await succeeds([
      { ...text, path: 'x/z' },
      { ...text, path: 'y' },
    ]);
    assert.equal(app.workspace.read('out/x/z') + app.workspace.read('out/y'), '11');
  });

  test('a failure leaves everything as it was, and no set of its own', async () => {
    await succeeds([keys, text]);
    const before_ = app.workspace.snapshot('out');
    const missing = await app.render(config([keys, { ...text, contents: '{{a.gone}}' }]));
    assert.equal(missing.code, 6, missing.stderr);
    assert.deepEqual(app.workspace.snapshot('out'), before_);
    const nothing = out('new');
    assert.equal(
      (await app.render(config([{ ...text, contents: '{{a.gone}}' }], 'secret/a', nothing))).code,
      6,
    );
    assert.deepEqual(app.workspace.snapshot('out'), before_);
    app.server.takeAudit();
    app.workspace.write('out/theirs', 'x');
    app.workspace.write('out/dir/theirs', 'x');
    symlinkSync('theirs', out('link'));
    const blocked = await app.render(
      config(['theirs', 'dir/x', 'link', 'free'].map((path) => ({ ...text, path }))),
    );
    assert.equal(blocked.code, 8, blocked.stderr);
    assert.deepEqual(
      failuresOf(blocked).map(({ message }) => message?.split(' ')[0]),
      [out('theirs'), out('dir'), out('link')],
    );
    assert.deepEqual(requestsOf(app.server), []);
    // Names that only the secret knows are checked before anything is written.
    app.workspace.write('out/one', 'x');
    const taken = await app.render(config([{ ...keys, path: '.' }]));
    assert.equal(taken.code, 8, taken.stderr);
    assert.match(failuresOf(taken)[0]?.message ?? '', /out\/one is in the way/);
    for (const name of ['theirs', 'dir', 'link', 'one']) spawnSync('rm', ['-r', out(name)]);
    assert.deepEqual(app.workspace.snapshot('out'), before_);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a full volume leaves the old set', needsMounts(), async () => {
    const volume = app.workspace.path('volume');
    mkdirSync(volume);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', volume]);
    try {
      const directory = app.workspace.path('volume/out');
      await succeeds([text], 'secret/a', directory);
      const before_ = app.workspace.snapshot('volume');
      const full = await app.render(config([text, { ...text, path: 'z' }], 'secret/large', directory));
      assert.equal(full.code, 8, full.stderr);
      assert.match(failuresOf(full)[0]?.hint ?? '', /sizeLimit .* at least 1Mi/);
      assert.deepEqual(app.workspace.snapshot('volume'), before_);
    } finally {
      spawnSync('umount', [volume]);
    }
  });

  test('3: outputs elsewhere, names of the links, directories of others', async () => {
    for (const path of [app.workspace.path('x'), out('..data'), out('..data/x'), out('..x')]) {
      const result = await app.render(config([{ ...text, path }]));
      assert.equal(result.code, 3, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', /with `swap`/);
    }
    for (const directory of ['/', '/tmp', '/dev/shm', '/run']) {
      const result = await app.render(config([text], 'secret/a', directory));
      assert.equal(result.code, 3, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', /`swap` is refused in/);
    }
    assert.equal((await app.render({ ...config([text]), output: { swap: true } })).code, 3);
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('SIGKILL while the set is filled: the old one stays, the next run cleans', async () => {
    await succeeds([text]);
    const data = readlinkSync(out('..data'));
    const many = Array.from({ length: 4000 }, (_, index) => ({ ...text, path: `many/${String(index)}` }));
    const running = app.startRender(config([text, ...many]));
    while (readdirSync(out()).length < 4 && running.child.exitCode === null) await delay(1);
    running.child.kill('SIGKILL');
    await running.done;
    assert.equal(readlinkSync(out('..data')), data);
    assert.equal(app.workspace.read('out/text'), '1');
    assert.equal(readdirSync(out()).length, 4);
    symlinkSync('..gone', out('..data_tmp'));
    assert.deepEqual(await succeeds([text]), [[out('text'), false]]);
    assert.deepEqual(readdirSync(out()).sort(), ['..data', data, 'text'].sort());
  });
});

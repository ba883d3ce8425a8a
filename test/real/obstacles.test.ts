import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, logLines, type CliResult } from '../support/cli.ts';
import { needsFlags, needsMounts, needsOtherUser, OTHER_USER } from '../support/needs.ts';

/** What a rename would refuse, and what earlier runs have left: found before the login, or named. */
describe('obstacles', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: 'one' });
  });
  beforeEach(() => {
    app.workspace.clear();
    chmodSync(app.workspace.root, 0o755);
    app.server.takeAudit();
  });
  after(() => app.stop());

  const other = { uid: OTHER_USER, gid: OTHER_USER };
  const out = (...names: string[]): string => app.workspace.path('out', ...names);
  const config = (paths: readonly string[], own: TestConfig = {}): TestConfig => ({
    secrets: { a: 'secret/a' },
    outputs: paths.map((path) => ({ path, value: 'a#key', mode: '0440' })),
    output: { directory: out(), ...own },
  });
  /** A run that must end before its login. */
  const isRefused = async (message: RegExp, hint: RegExp, ...args: Parameters<typeof app.render>) => {
    const before_ = app.workspace.snapshot('out');
    app.server.takeAudit();
    const result = await app.render(...args);
    assert.equal(result.code, 8, result.stderr);
    const [failure, ...more] = failuresOf(result);
    assert.match(failure?.message ?? '', message);
    assert.match(failure?.hint ?? '', hint);
    assert.deepEqual(more, []);
    assert.deepEqual(requestsOf(app.server), []);
    assert.deepEqual(app.workspace.snapshot('out'), before_);
  };
  const warningsOf = (result: CliResult): readonly (string | undefined)[] =>
    logLines(result)
      .filter(({ event }) => event === 'set_left')
      .map(({ path }) => path);
  const sets = (): string[] => readdirSync(out()).filter((name) => name.startsWith('..2'));

  test('a mounted file, also below a directory whose name has a blank', needsMounts(), async () => {
    const from = app.workspace.write('from', 'mounted');
    for (const name of ['plain', 'with blank/file']) {
      const to = app.workspace.write(`out/${name}`, 'old');
      execFileSync('mount', ['--bind', from, to]);
      try {
        await isRefused(
          /cannot be replaced: it is a mount point \(EBUSY\)$/,
          /avoid subPath/,
          config([name, 'fine']),
        );
      } finally {
        spawnSync('umount', [to]);
      }
    }
  });

  test('a pipe, a socket, and links to what a process has open', async () => {
    app.workspace.write('out/plain', 'x');
    execFileSync('mkfifo', [out('pipe')]);
    symlinkSync('pipe', out('to-pipe'));
    symlinkSync('/proc/self/fd/1', out('stdout'));
    const server = createServer().listen(out('socket'));
    await once(server, 'listening');
    try {
      for (const name of ['pipe', 'to-pipe', 'stdout', 'socket']) {
        const { mode } = lstatSync(out(name));
        const result = await app.render(config([name, 'fine']));
        assert.equal(result.code, 8, name);
        assert.deepEqual(
          failuresOf(result).map(({ message }) => message),
          [`${out(name)} cannot be replaced: it is a device, a pipe or a socket`],
        );
        assert.equal(lstatSync(out(name)).mode, mode);
      }
      assert.deepEqual(requestsOf(app.server), []);
      assert.equal(existsSync(out('fine')), false);
    } finally {
      server.close();
    }
    for (const name of ['pipe', 'to-pipe', 'stdout']) rmSync(out(name));
    symlinkSync('plain', out('link'));
    symlinkSync('nowhere', out('dangling'));
    symlinkSync('circle', out('circle'));
    const replaced = await app.render(config(['link', 'dangling', 'circle']));
    assert.equal(replaced.code, 0, replaced.stderr);
    assert.equal(app.workspace.read('out/plain'), 'x', 'the link is replaced, not its target');
  });

  test(
    "another user's file, or link of a set, in a directory with the sticky bit",
    needsOtherUser(),
    async () => {
      app.workspace.write('out/theirs', 'x');
      chmodSync(out(), 0o3777);
      const sticky = /theirs cannot be replaced: in a directory with the sticky bit .*\(EPERM\)$/;
      await isRefused(sticky, /same runAsUser/, config(['theirs', 'fine']), [], other);
      rmSync(out('theirs'));
      const swapped = await app.render(config(['x'], { swap: true }));
      assert.equal(swapped.code, 0, swapped.stderr);
      const link = /\.\.data cannot be replaced: in a directory with the sticky bit/;
      await isRefused(link, /same runAsUser/, config(['y'], { swap: true }), [], other);
      // Its own it may replace.
      lchownSync(out('..data'), OTHER_USER, OTHER_USER);
      const own = await app.render(config(['y'], { swap: true }), [], other);
      assert.equal(own.code, 0, own.stderr);
    },
  );

  test('a file that is immutable, and one in a directory that is append-only', needsFlags(), async () => {
    app.workspace.write('out/file', 'x');
    for (const [flag, path] of [
      ['i', out('file')],
      ['a', out()],
    ] as const) {
      execFileSync('chattr', [`+${flag}`, path]);
      try {
        await isRefused(/immutable or append-only \(EPERM\)$/, /chattr/, config(['file', 'fine']));
      } finally {
        execFileSync('chattr', [`-${flag}`, path]);
      }
    }
  });

  test('names that only the secret knows are looked at before anything is replaced', async () => {
    await app.putKv2('keys', { a: '1', b: '2' });
    app.workspace.write('out/d/b/c', 'in the way');
    app.workspace.write('out/d/a', 'old');
    const before_ = app.workspace.snapshot('out');
    const result = await app.render({
      secrets: { keys: 'secret/keys' },
      outputs: [{ path: 'd', format: 'files', secret: 'keys' }],
    });
    assert.equal(result.code, 8, result.stderr);
    assert.match(failuresOf(result)[0]?.message ?? '', /d\/b: there is a directory of this name \(EISDIR\)$/);
    assert.deepEqual(app.workspace.snapshot('out'), before_);
  });

  test(
    'swap names an old set that another user wrote and this one cannot remove',
    needsOtherUser(),
    async () => {
      const swap = config(['x', 'd/y'], { swap: true });
      const first = await app.render(swap);
      assert.equal(first.code, 0, first.stderr);
      const [old = ''] = sets();
      chmodSync(out(), 0o777);
      const report = app.workspace.write('report', '');
      chmodSync(report, 0o666);
      await app.putKv2('a', { key: 'two' });
      for (const time of ['new', 'unchanged']) {
        const result = await app.render(swap, ['--report', report], other);
        assert.equal(result.code, 0, result.stderr);
        assert.deepEqual(warningsOf(result), [out(old)], time);
        assert.equal(app.workspace.read('out/d/y'), 'two');
      }
      const { pruned } = JSON.parse(app.workspace.read('report')) as { pruned: unknown };
      assert.deepEqual(pruned, [{ path: out(old), removed: false }]);
      // Whoever may remove it does.
      const root = await app.render(swap);
      assert.equal(root.code, 0, root.stderr);
      assert.deepEqual(warningsOf(root), []);
      assert.equal(sets().length, 1);
    },
  );

  test('a set that cannot be read is not complete: it is replaced', needsOtherUser(), async () => {
    const swap = config(['x', 'd/y'], { swap: true });
    mkdirSync(out());
    chownSync(out(), OTHER_USER, OTHER_USER);
    assert.equal((await app.render(swap, [], other)).code, 0);
    const [old = ''] = sets();
    // Of this user, but closed; the files stay readable to nobody.
    chmodSync(out(old, 'd'), 0);
    const result = await app.render(swap, [], other);
    assert.equal(result.code, 0, result.stderr);
    assert.notDeepEqual(sets(), [old]);
    assert.match(app.workspace.read('out/d/y'), /one|two/);
  });

  test('swap that is turned off takes its links and sets with it', async () => {
    await app.putKv2('a', { key: 'one' });
    for (const own of [{ prune: true }, {}]) {
      app.workspace.clear();
      const swapped = await app.render(config(['x', 'gone', 'd/z'], { swap: true }));
      assert.equal(swapped.code, 0, swapped.stderr);
      const plain = await app.render(config(['x', 'y'], own));
      assert.equal(plain.code, 0, plain.stderr);
      assert.deepEqual(warningsOf(plain), []);
      assert.deepEqual(
        readdirSync(out()).filter((name) => name !== '.vaultonce-manifest.json'),
        ['x', 'y'],
      );
      assert.equal(app.workspace.read('out/x'), 'one');
    }
  });

  test('swap that is turned off names a set that outputs are written into through its links', async () => {
    assert.equal((await app.render(config(['d/z', 'gone'], { swap: true }))).code, 0);
    const set = readlinkSync(out('..data'));
    const plain = await app.render(config(['d/z', 'd/new']));
    assert.equal(plain.code, 0, plain.stderr);
    assert.deepEqual(warningsOf(plain), [out(set)]);
    assert.match(plain.stderr, /outputs are written through its links: \S+\/d; remove these, and run again/);
    assert.doesNotMatch(plain.stderr, /as its owner/);
    assert.equal(app.workspace.read('out/d/new'), 'one');
    rmSync(out('d'));
    const again = await app.render(config(['d/z', 'd/new']));
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(warningsOf(again), []);
    assert.deepEqual(readdirSync(out()), ['d']);
  });

  test('several runs with swap at once: each succeeds, or names what another run did', async () => {
    await app.putKv2('b', { key: 'other' });
    const runs = ['secret/a', 'secret/b', 'secret/a', 'secret/b'].map((secret, index) =>
      app.startRender({ ...config(['x', 'd/y'], { swap: true }), secrets: { a: secret } }, [
        '--log-level',
        index === 0 ? 'info' : 'warn',
      ]),
    );
    for (const { done } of runs) {
      const result = await done;
      assert.ok(result.code === 0 || result.code === 8, result.stderr);
      for (const { hint } of failuresOf(result)) assert.ok(hint);
    }
    assert.match(app.workspace.read('out/d/y'), /^(?:one|other)$/);
  });

  test('paths that cannot even be looked at are 8, with a hint', async () => {
    execFileSync('ln', ['-s', 'circle', app.workspace.path('circle')]);
    for (const [own, code] of [
      [{ directory: app.workspace.path('circle/out') }, 'ELOOP'],
      [{ directory: app.workspace.path('circle'), swap: true }, 'ELOOP'],
      [{ directory: app.workspace.path('circle'), prune: true }, 'ELOOP'],
      [{ directory: app.workspace.write('file', 'x'), swap: true }, 'is a file'],
      [{ directory: `${app.workspace.write('file', 'x')}/below`, prune: true }, 'is a file'],
    ] as const) {
      const result = await app.render(config(['x'], own));
      assert.equal(result.code, 8, `${JSON.stringify(own)}: ${result.stderr}`);
      for (const { message, hint } of failuresOf(result)) {
        assert.ok(message?.includes(code), message);
        assert.ok(hint);
      }
    }
    // Of fewer than 255 characters, but of more bytes.
    const bytes = await app.render(
      config(['x'], { directory: app.workspace.path('é'.repeat(200)), swap: true }),
    );
    assert.equal(bytes.code, 8, bytes.stderr);
    assert.ok(failuresOf(bytes).every(({ message, hint }) => message?.includes('ENAMETOOLONG') && hint));
    for (const long of ['x'.repeat(300), 'x/'.repeat(3000)]) {
      const result = await app.render(config(['x'], { directory: app.workspace.path(long), swap: true }));
      assert.equal(result.code, 3, result.stderr);
      assert.match(failuresOf(result)[0]?.hint ?? '', /at most 255 characters between two slashes/);
    }
    assert.deepEqual(requestsOf(app.server), []);
  });
});

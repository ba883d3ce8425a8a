import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { RunError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { RenderedOutput, Target } from '../../src/plan/outputs.ts';
import { stageOutputs } from '../../src/publish/files/write.ts';
import { needsRoot } from '../support/needs.ts';
import { quietScope, RUN } from '../support/quiet-scope.ts';
import { targetAt } from '../support/target.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = needsRoot();

/** An output of one file, or a `files` output with one file a key. */
function output(
  path: string,
  content: string | Uint8Array | Readonly<Record<string, string>>,
  target: Partial<Target> = {},
): RenderedOutput {
  const isFile = typeof content === 'string' || content instanceof Uint8Array;
  const secret = (value: string | Uint8Array) => new Secret<Uint8Array>(Buffer.from(value));
  return {
    plan: {
      where: `outputs (${basename(path)})`,
      target: targetAt(path, { kind: isFile ? 'file' : 'directory', ...target }),
      content: { kind: 'template', template: { nodes: [], references: [], secretNames: new Set() } },
    },
    files: isFile
      ? [{ path, content: secret(content) }]
      : Object.entries(content).map(([key, value]) => ({ path: join(path, key), content: secret(value) })),
  };
}

async function write(...outputs: readonly RenderedOutput[]) {
  return (await stageOutputs(outputs, quietScope())).commit();
}

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('writing', () => {
  const workspace = createWorkspace();
  beforeEach(() => {
    workspace.clear();
  });
  after(() => {
    workspace.remove();
  });

  test('nothing is visible before the commit, and everything after it', async () => {
    workspace.write('a.env', 'old');
    const outputs = [output(workspace.path('a.env'), 'new'), output(workspace.path('b.env'), 'b')];
    const staged = await stageOutputs(outputs, quietScope());
    assert.equal(workspace.read('a.env'), 'old');
    assert.deepEqual(
      workspace.list().map((name) => name.replace(/-[0-9a-f]{8}\./, '-RANDOM.')),
      [`${RUN}RANDOM.new`, `${RUN}RANDOM.new`, 'a.env'],
    );
    assert.deepEqual(staged.commit(), [
      { path: workspace.path('a.env'), mode: 0o400, changed: true, bytes: 3 },
      { path: workspace.path('b.env'), mode: 0o400, changed: true, bytes: 1 },
    ]);
    staged.discard();
    assert.deepEqual(workspace.list(), ['a.env', 'b.env']);
    assert.equal(workspace.read('a.env'), 'new');
    assert.equal(workspace.read('b.env'), 'b');
  });

  test('content is written byte for byte: empty, binary, several megabytes', async () => {
    const large = Buffer.alloc(3_000_001, 'é\0x');
    await write(
      output(workspace.path('empty'), ''),
      output(workspace.path('binary'), Buffer.from([0, 255, 10, 13, 128])),
      output(workspace.path('large'), large),
    );
    assert.equal(statSync(workspace.path('empty')).size, 0);
    assert.deepEqual(readFileSync(workspace.path('binary')), Buffer.from([0, 255, 10, 13, 128]));
    assert.ok(readFileSync(workspace.path('large')).equals(large));
  });

  test('a files output has one file for each key, and its directory even without any', async () => {
    const written = await write(
      output(workspace.path('api'), { user: 'u', password: 'p' }, { mode: 0o440 }),
      output(workspace.path('none'), {}),
    );
    assert.deepEqual(
      written.map(({ path }) => path),
      [workspace.path('api/user'), workspace.path('api/password')],
    );
    assert.deepEqual(workspace.list(), ['api', 'api/password', 'api/user', 'none']);
    assert.equal(workspace.mode('api/user'), '0440');
  });

  test('modes are exact under any umask, for the file and each directory that is made', async () => {
    const before = process.umask(0o077);
    try {
      await write(output(workspace.path('a/b/c'), 'x', { mode: 0o644, directoryMode: 0o755 }));
      process.umask(0);
      await write(output(workspace.path('d/e'), 'x'));
    } finally {
      process.umask(before);
    }
    assert.deepEqual(
      ['a', 'a/b', 'a/b/c', 'd', 'd/e'].map((name) => workspace.mode(name)),
      ['0755', '0755', '0644', '0700', '0400'],
    );
  });

  test('a directory has the modes of all that is below it, whichever is written first', async () => {
    const open = { mode: 0o444, directoryMode: 0o755 };
    const group = { mode: 0o440, directoryMode: 0o750 };
    await write(
      output(workspace.path('a/closed/x'), 'x'),
      output(workspace.path('a/group'), { 'deep/y': 'y' }, group),
      output(workspace.path('b/c/z'), 'z', open),
      output(workspace.path('b/empty'), {}, group),
    );
    assert.deepEqual(
      ['a', 'a/closed', 'a/group', 'a/group/deep', 'b', 'b/c', 'b/empty'].map((name) => workspace.mode(name)),
      ['0750', '0700', '0750', '0750', '0755', '0755', '0750'],
    );
  });

  test('a directory that is there keeps its mode', async () => {
    mkdirSync(workspace.path('own'));
    chmodSync(workspace.path('own'), 0o711);
    await write(output(workspace.path('own/a'), 'x'), output(workspace.path('own'), { b: 'x' }));
    assert.equal(workspace.mode('own'), '0711');
  });

  test('mode and owner are final while the file waits', root, async () => {
    const target = { mode: 0o640, directoryMode: 0o750, uid: 1000, gid: 2000 };
    const staged = await stageOutputs([output(workspace.path('a/b/c'), 'x', target)], quietScope());
    const [name = ''] = readdirSync(workspace.path('a/b'));
    const waiting = lstatSync(workspace.path('a/b', name));
    assert.deepEqual([waiting.mode & 0o7777, waiting.uid, waiting.gid], [0o640, 1000, 2000]);
    staged.commit();
    assert.equal(lstatSync(workspace.path('a/b/c')).ino, waiting.ino);
    for (const directory of ['a', 'a/b']) {
      const { mode, uid, gid } = statSync(workspace.path(directory));
      assert.deepEqual([mode & 0o7777, uid, gid], [0o750, 1000, 2000]);
    }
  });

  test('owner or group alone', root, async () => {
    await write(
      output(workspace.path('user'), 'x', { uid: 1000 }),
      output(workspace.path('group'), 'x', { gid: 2000 }),
    );
    const owners = ['user', 'group'].map((name) => statSync(workspace.path(name)));
    assert.deepEqual(
      owners.map(({ uid, gid }) => [uid, gid]),
      [
        [1000, 0],
        [0, 2000],
      ],
    );
  });

  test('the group of a volume with fsGroup reaches files in directories that are made', root, async () => {
    chownSync(workspace.root, 0, 2000);
    chmodSync(workspace.root, 0o3777);
    await write(output(workspace.path('a/b'), { key: 'x' }, { mode: 0o440, directoryMode: 0o750 }));
    assert.equal(workspace.mode('a/b'), '2750');
    assert.equal(statSync(workspace.path('a/b')).gid, 2000);
    assert.equal(statSync(workspace.path('a/b/key')).gid, 2000);
  });

  test('a second run touches nothing', async () => {
    const outputs = [output(workspace.path('a.env'), 'same'), output(workspace.path('api'), { key: 'same' })];
    await write(...outputs);
    utimesSync(workspace.path('a.env'), 1, 1);
    const before = workspace.snapshot();
    const inode = statSync(workspace.path('a.env')).ino;
    const written = await write(...outputs);
    assert.deepEqual(
      written.map(({ changed }) => changed),
      [false, false],
    );
    assert.deepEqual(workspace.snapshot(), before);
    assert.equal(statSync(workspace.path('a.env')).ino, inode);
  });

  const eachIsAChange = async (changes: readonly RenderedOutput[]) => {
    for (const change of changes) {
      assert.equal((await write(change))[0]?.changed, true);
      assert.equal((await write(change))[0]?.changed, false);
    }
  };

  test('another content of the same size or another mode is a change', async () => {
    const path = workspace.path('a.env');
    await write(output(path, 'same'));
    await eachIsAChange([output(path, 'SAME'), output(path, 'SAME', { mode: 0o440 })]);
    assert.deepEqual([workspace.read('a.env'), workspace.mode('a.env')], ['SAME', '0440']);
  });

  test('another owner is a change', root, async () => {
    const path = workspace.path('a.env');
    await write(output(path, 'same', { mode: 0o440 }));
    await eachIsAChange([
      output(path, 'same', { mode: 0o440, uid: 1000 }),
      output(path, 'same', { mode: 0o440, uid: 1000, gid: 1000 }),
    ]);
    const { mode, uid, gid } = statSync(path);
    assert.deepEqual([workspace.read('a.env'), mode & 0o7777, uid, gid], ['same', 0o440, 1000, 1000]);
  });

  test('a link is replaced, not written through, even if all of it looks right', async () => {
    workspace.write('elsewhere', 'as_before');
    // Content, size (that of a link is the length of its target) and mode (always 0777) are the wanted ones.
    chmodSync(workspace.path('elsewhere'), 0o777);
    symlinkSync('elsewhere', workspace.path('a.env'));
    symlinkSync('nowhere', workspace.path('b.env'));
    await write(
      output(workspace.path('a.env'), 'as_before', { mode: 0o777 }),
      output(workspace.path('b.env'), 'x'),
    );
    assert.ok(lstatSync(workspace.path('a.env')).isFile());
    assert.ok(lstatSync(workspace.path('b.env')).isFile());
    assert.equal(workspace.read('elsewhere'), 'as_before');
    assert.deepEqual(workspace.list(), ['a.env', 'b.env', 'elsewhere']);
  });

  test('a file with several names loses only the one that is replaced', async () => {
    workspace.write('a.env', 'old');
    linkSync(workspace.path('a.env'), workspace.path('second'));
    await write(output(workspace.path('a.env'), 'new'));
    assert.equal(workspace.read('second'), 'old');
  });

  test('one directory by two names', async () => {
    mkdirSync(workspace.path('real'));
    symlinkSync('real', workspace.path('alias'));
    await write(output(workspace.path('real/a'), 'a'), output(workspace.path('alias/b'), 'b'));
    assert.deepEqual(workspace.list('real'), ['a', 'b']);
  });

  test('a temporary name that is taken is neither used nor followed', async () => {
    workspace.write('victim', 'kept');
    workspace.write('a.env', 'old');
    const taken = (name: string) => `${RUN}${name}`;
    // Somebody takes each first name at the moment it is drawn; earlier, it would be cleaned as stale.
    const draws = [
      () => (symlinkSync('victim', workspace.path(taken('00000000.new'))), 0),
      () => 0.5,
      () => (workspace.write(taken('40000000.old'), 'kept'), 0.25),
      () => 0.75,
    ];
    const io = quietScope(() => draws.shift()?.() ?? assert.fail('too many names'));
    const staged = await stageOutputs([output(workspace.path('a.env'), 'new')], io);
    staged.commit();
    assert.equal(workspace.read('victim'), 'kept');
    assert.equal(workspace.read('a.env'), 'new');
    assert.equal(workspace.read(taken('40000000.old')), 'kept');
    assert.equal(draws.length, 0);
  });

  test('discarding leaves what was there, and removes the directories that were made', async () => {
    workspace.write('a.env', 'old');
    mkdirSync(workspace.path('there'));
    const before = workspace.snapshot();
    const staged = await stageOutputs(
      [
        output(workspace.path('a.env'), 'new'),
        output(workspace.path('x/y/z'), 'z'),
        output(workspace.path('there/api'), { key: 'k' }),
      ],
      quietScope(),
    );
    staged.discard();
    assert.deepEqual(workspace.snapshot(), before);
    staged.discard();
  });

  test('discarding leaves directories that others have used', async () => {
    const staged = await stageOutputs([output(workspace.path('x/y'), 'y')], quietScope());
    workspace.write('x/other', 'kept');
    staged.discard();
    assert.deepEqual(workspace.list(), ['x', 'x/other']);
  });

  test('a run that ends while it stages discards everything and gives the reason', async () => {
    workspace.write('0', 'old');
    const before = workspace.snapshot();
    let elapsedMs = 0;
    const io = { ...quietScope(), now: () => (elapsedMs += 3) };
    const reason = new RunError('terminated', 'ended by SIGTERM');
    // As a signal does, once some milliseconds have passed: between two files.
    setImmediate(() => {
      io.end(reason);
    });
    const outputs = Array.from({ length: 50 }, (_, index) => output(workspace.path(String(index)), 'new'));
    await assert.rejects(stageOutputs([...outputs, output(workspace.path('d/e'), 'x')], io), reason);
    assert.deepEqual(workspace.snapshot(), before);
  });

  test('leftovers of a killed run are removed; those of a living process and other files stay', async () => {
    const dead = String(deadPid());
    const own = String(process.pid);
    const living = String(process.ppid);
    const stale = [
      ...[`${dead}-0123abcd.new`, `${dead}-0123abcd.old`, `${dead}.89abcdef-0123abcd.new`],
      // Of earlier processes that had our pid: those of this one's runs are known.
      ...[`${own}-0123abcd.new`, `${own}.89abcdef-0123abcd.old`],
    ];
    for (const name of stale) {
      workspace.write(`out/.vaultonce-${name}`, 'stale');
    }
    const kept = [`${living}-0123abcd.new`, `${dead}-0123ABCD.new`, `${dead}-0123abcd.txt`, `x-0123abcd.new`];
    for (const name of kept) workspace.write(`out/.vaultonce-${name}`, 'kept');
    mkdirSync(workspace.path(`out/.vaultonce-${dead}-00000000.new`));
    symlinkSync('nowhere', workspace.path(`out/.vaultonce-${dead}-00000001.new`));
    await write(output(workspace.path('out/a'), 'x'));
    const left = [...kept, `${dead}-00000000.new`, `${dead}-00000001.new`].map(
      (name) => `.vaultonce-${name}`,
    );
    assert.deepEqual(workspace.list('out').sort(), [...left, 'a'].sort());
    assert.equal(readlinkSync(workspace.path(`out/.vaultonce-${dead}-00000001.new`)), 'nowhere');
  });
});

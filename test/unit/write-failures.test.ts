import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { RunError, type Failure } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { RenderedOutput, Target } from '../../src/plan/outputs.ts';
import { stageOutputs, type StagedFiles } from '../../src/publish/files/write.ts';
import { needsMounts, needsOtherUser, needsRoot } from '../support/needs.ts';
import { quietScope, RUN } from '../support/quiet-scope.ts';
import { targetAt } from '../support/target.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = needsRoot();
const others = needsOtherUser();
const mounts = needsMounts();

const CANARY = 'canary-4711';

function output(path: string, content: string, target: Partial<Target> = {}): RenderedOutput {
  return {
    plan: {
      where: `outputs (${basename(path)})`,
      target: targetAt(path, target),
      content: { kind: 'template', template: { nodes: [], references: [], secretNames: new Set() } },
    },
    files: [{ path, content: new Secret<Uint8Array>(Buffer.from(content)) }],
  };
}

function stage(outputs: readonly RenderedOutput[], random: () => number = Math.random): Promise<StagedFiles> {
  return stageOutputs(outputs, quietScope(random));
}

async function failureOf(work: () => unknown): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof RunError, String(error));
    assert.equal(error.exitCode, 8);
    assert.equal(error.failures.length, 1);
    assert.doesNotMatch(JSON.stringify(error.failures), new RegExp(CANARY));
    return error.failures[0]!;
  }
  return assert.fail('did not fail');
}

/** File operations as another user, whose primary group has the same number. */
async function asUser<T>(id: number, work: () => Promise<T>): Promise<T> {
  const groups = process.getgroups!();
  process.setgroups!([]);
  process.setegid!(id);
  process.seteuid!(id);
  try {
    return await work();
  } finally {
    process.seteuid!(0);
    process.setegid!(0);
    process.setgroups!(groups);
  }
}

async function onTmpfs<T>(path: string, options: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(path);
  execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', options, 'none', path]);
  try {
    return await work();
  } finally {
    execFileSync('/usr/bin/umount', [path]);
  }
}

/** A process that writes `new NAME` to each name. @param random source text of its random numbers */
function writeInChild(
  root: string,
  names: readonly string[],
  random: string,
  user: { uid?: number; gid?: number } = {},
) {
  const source = (name: string) => JSON.stringify(new URL(`../${name}.ts`, import.meta.url).href);
  const code = `
    import { stageOutputs } from ${source('../src/publish/files/write')};
    import { quietScope } from ${source('support/quiet-scope')};
    const outputs = ${JSON.stringify(names)}.map((name) => {
      const path = ${JSON.stringify(root)} + '/' + name;
      const target = { path, kind: 'file', mode: 0o400, directoryMode: 0o700 };
      return { plan: { where: name, target }, files: [{ path, content: { reveal: () => Buffer.from('new ' + name) } }] };
    });
    (await stageOutputs(outputs, quietScope(${random}))).commit();`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', code], { ...user, cwd: '/' });
}

describe('writing that fails', () => {
  const workspace = createWorkspace();
  beforeEach(() => {
    workspace.remove();
    mkdirSync(workspace.root);
    chmodSync(workspace.root, 0o755);
  });
  after(() => {
    workspace.remove();
  });

  test('a rename that fails takes back all before it: content, inode, times, directories', async () => {
    workspace.write('a', 'old a', 0o640);
    symlinkSync('a', workspace.path('link'));
    const before = workspace.snapshot();
    const inode = statSync(workspace.path('a')).ino;
    const staged = await stage([
      output(workspace.path('a'), CANARY),
      output(workspace.path('link'), CANARY),
      output(workspace.path('new/b'), CANARY),
      output(workspace.path('c'), CANARY),
      output(workspace.path('d'), CANARY),
    ]);
    workspace.write('c/in', 'the way');
    const failure = await failureOf(() => staged.commit());
    assert.deepEqual(failure, {
      kind: 'output',
      message: `cannot write ${workspace.path('c')}: there is a directory of this name (EISDIR)`,
      where: 'outputs (c)',
      details: undefined,
      hint: 'remove the directory, or change the path of the output',
    });
    staged.discard();
    assert.equal(statSync(workspace.path('a')).ino, inode);
    assert.equal(workspace.read('c/in'), 'the way');
    execFileSync('rm', ['-r', workspace.path('c')]);
    assert.deepEqual(workspace.snapshot(), before);
  });

  test('a staged file that vanished fails the commit, and no second name of the old one is left', async () => {
    workspace.write('a', 'old');
    workspace.write('b/c', 'old');
    const before = workspace.snapshot();
    const staged = await stage([output(workspace.path('a'), 'new'), output(workspace.path('b/c'), 'new')]);
    for (const name of workspace.list('b')) if (name !== 'c') unlinkSync(workspace.path('b', name));
    const failure = await failureOf(() => staged.commit());
    assert.match(failure.message, /b\/c: .*\(ENOENT\)$/);
    assert.deepEqual(workspace.snapshot(), before);
    assert.equal(statSync(workspace.path('b/c')).nlink, 1);
  });

  test('what cannot be taken back is told', async () => {
    workspace.write('a', 'old');
    workspace.write('b', 'old');
    let backups = 0;
    const random = () => {
      // At the second backup the first file has been replaced; now it cannot be put back, and the second not be renamed.
      if (++backups === 4) {
        execFileSync('rm', [workspace.path('a'), workspace.path('b')]);
        workspace.write('a/in', 'the way');
      }
      return backups / 16;
    };
    const staged = await stage(
      [output(workspace.path('a'), 'new'), output(workspace.path('b'), 'new')],
      random,
    );
    const failure = await failureOf(() => staged.commit());
    const backup = workspace.path(`${RUN}30000000.old`);
    assert.deepEqual(failure.details, [`the old ${workspace.path('a')} is now ${backup}`]);
    assert.equal(workspace.read(basename(backup)), 'old');
  });

  test('without hard links the old file is moved away and put back', root, async () => {
    chmodSync(workspace.root, 0o777);
    // protected_hardlinks: another user's file that cannot be written must not be linked.
    workspace.write('a', 'old', 0o400);
    workspace.write('b', 'old', 0o400);
    const before = workspace.snapshot();
    const outputs = [
      output(workspace.path('a'), 'new'),
      output(workspace.path('b'), 'new'),
      output(workspace.path('c'), 'c'),
    ];
    const failing = await asUser(65532, () => stage(outputs));
    workspace.write('c/in', 'the way');
    await asUser(65532, () => failureOf(() => failing.commit()));
    execFileSync('rm', ['-r', workspace.path('c')]);
    assert.deepEqual(workspace.snapshot(), before);
    const written = await asUser(65532, async () => (await stage(outputs)).commit());
    assert.deepEqual(
      written.map(({ changed }) => changed),
      [true, true, true],
    );
    assert.deepEqual(workspace.list(), ['a', 'b', 'c']);
    assert.equal(workspace.read('a'), 'new');
    assert.equal(statSync(workspace.path('a')).uid, 65532);
  });

  test("another user's file in a sticky directory stays, and the hint names runAsUser", root, async () => {
    chmodSync(workspace.root, 0o3777);
    workspace.write('mine', 'old');
    workspace.write('theirs', 'old');
    chownSync(workspace.path('mine'), 65532, 65532);
    chownSync(workspace.path('theirs'), 1000, 1000);
    const before = workspace.snapshot();
    const outputs = [output(workspace.path('mine'), CANARY), output(workspace.path('theirs'), CANARY)];
    const failure = await asUser(65532, () => failureOf(async () => (await stage(outputs)).commit()));
    assert.match(failure.message, /theirs: in a directory with the sticky bit .* \(EPERM\)$/);
    assert.match(failure.hint ?? '', /same runAsUser/);
    assert.equal(failure.where, 'outputs (theirs)');
    assert.deepEqual(workspace.snapshot(), before);
  });

  test('an owner that may not be given: nothing is left, and the hint names fsGroup', root, async () => {
    chmodSync(workspace.root, 0o777);
    for (const target of [{ uid: 1000 }, { gid: 1000 }]) {
      for (const name of ['file', 'directory/file']) {
        const outputs = [output(workspace.path(name), CANARY, target)];
        const failure = await asUser(65532, () => failureOf(() => stage(outputs)));
        assert.match(failure.message, /this user may not set the requested owner or group \(EPERM\)$/);
        assert.match(failure.hint ?? '', /drop `owner` and `group` and run as that user.*fsGroup/);
        assert.deepEqual(workspace.list(), []);
      }
    }
  });

  test('a user may ask for its own numbers', root, async () => {
    chmodSync(workspace.root, 0o777);
    const own = { uid: 65532, gid: 65532 };
    await asUser(65532, async () => (await stage([output(workspace.path('a/b'), 'x', own)])).commit());
    assert.equal(statSync(workspace.path('a/b')).uid, 65532);
  });

  test('a file that cannot be read counts as changed', root, async () => {
    chmodSync(workspace.root, 0o777);
    workspace.write('a', 'same', 0o400);
    const written = await asUser(65532, async () =>
      (await stage([output(workspace.path('a'), 'same')])).commit(),
    );
    assert.equal(written[0]?.changed, true);
  });

  test('a directory that may be written but not read', root, async () => {
    mkdirSync(workspace.path('blind'));
    chmodSync(workspace.path('blind'), 0o733);
    await asUser(65532, async () => (await stage([output(workspace.path('blind/a'), 'x')])).commit());
    assert.equal(workspace.read('blind/a'), 'x');
  });

  test('no permission, and nothing of the other outputs is left', root, async () => {
    chmodSync(workspace.root, 0o777);
    mkdirSync(workspace.path('locked'));
    chmodSync(workspace.path('locked'), 0o755);
    const before = workspace.snapshot();
    const outputs = [output(workspace.path('new/a'), CANARY), output(workspace.path('locked/b'), CANARY)];
    const failure = await asUser(65532, () => failureOf(() => stage(outputs)));
    assert.equal(failure.message, `cannot write ${workspace.path('locked/b')}: permission denied (EACCES)`);
    assert.equal(failure.where, 'outputs (b)');
    assert.deepEqual(workspace.snapshot(), before);
  });

  test('a file system that became read-only', mounts, async () => {
    const path = workspace.path('volume');
    await onTmpfs(path, 'size=64k', async () => {
      workspace.write('volume/a', 'old');
      execFileSync('/usr/bin/mount', ['-o', 'remount,ro', path]);
      const failure = await failureOf(() => stage([output(workspace.path('volume/a'), CANARY)]));
      assert.match(failure.message, /read-only file system \(EROFS\)$/);
      assert.match(failure.hint ?? '', /readOnlyRootFilesystem/);
    });
  });

  test('a mounted file cannot be replaced, and the hint names subPath', mounts, async () => {
    const [from, to] = [workspace.write('from', 'mounted'), workspace.write('to', 'old')];
    execFileSync('/usr/bin/mount', ['--bind', from, to]);
    try {
      const failure = await failureOf(async () => (await stage([output(to, CANARY)])).commit());
      assert.match(failure.message, /to: it is a mount point \(EBUSY\)$/);
      assert.match(failure.hint ?? '', /avoid subPath/);
      assert.equal(workspace.read('to'), 'mounted');
    } finally {
      execFileSync('/usr/bin/umount', [to]);
    }
    assert.deepEqual(workspace.list(), ['from', 'to']);
  });

  test('a full tmpfs: nothing changes, and the sizeLimit that is named is enough', mounts, async () => {
    const path = workspace.path('volume');
    await onTmpfs(path, 'size=1m', async () => {
      workspace.write('volume/a', 'a'.repeat(600_000));
      workspace.write('volume/same', 'same', 0o400);
      chmodSync(workspace.path('volume/same'), 0o400);
      const before = workspace.snapshot();
      const outputs = [
        output(workspace.path('volume/same'), 'same'),
        output(workspace.path('volume/new/a'), CANARY),
        output(workspace.path('volume/a'), CANARY.repeat(60_000)),
        // Needs no space there.
        output(workspace.path('elsewhere'), 'x'.repeat(9_000_000)),
      ];
      const failure = await failureOf(() => stage(outputs));
      assert.deepEqual(failure, {
        kind: 'output',
        message: `no space left on the file system of ${path}: this run needs 652 KiB, and 432 KiB are free`,
        where: 'outputs (a)',
        details: ['new files and those they replace exist side by side until all are complete'],
        hint: 'set the sizeLimit of the emptyDir (or the size of the tmpfs) to at least 2Mi',
      });
      assert.deepEqual(workspace.snapshot(), before);
      execFileSync('/usr/bin/mount', ['-o', 'remount,size=2m', path]);
      (await stage(outputs)).commit();
      assert.equal(workspace.read('volume/a').length, 660_000);
    });
  });

  test(
    'leftovers of a killed run do not count: they are removed first, in every directory',
    mounts,
    async () => {
      const path = workspace.path('volume');
      await onTmpfs(path, 'size=64k', async () => {
        const dead = spawnSync(process.execPath, ['-e', '']).pid;
        workspace.write(`volume/z/.vaultonce-${String(dead)}-00000000.new`, 'x'.repeat(61_440));
        const outputs = [
          output(workspace.path('volume/a'), 'x'.repeat(30_000)),
          output(workspace.path('volume/z/b'), 'b'),
        ];
        (await stage(outputs)).commit();
        assert.deepEqual(workspace.list('volume'), ['a', 'z', 'z/b']);
      });
    },
  );

  test('a tmpfs without room for another file', mounts, async () => {
    const path = workspace.path('volume');
    await onTmpfs(path, 'size=1m,nr_inodes=4', async () => {
      const outputs = ['a', 'b', 'c', 'd'].map((name) => output(workspace.path('volume', name), name));
      const failure = await failureOf(() => stage(outputs));
      assert.equal(failure.message, `the file system of ${path} has too few free inodes`);
      assert.deepEqual(failure.details, ['this run needs 4, and 3 are free']);
      assert.deepEqual(workspace.list('volume'), []);
      // A hard link needs one too: replacing files is possible all the same.
      for (const name of ['a', 'b']) writeFileSync(workspace.path('volume', name), 'old');
      const staged = await stage([output(workspace.path('volume/a'), 'new')]);
      staged.commit();
      assert.equal(workspace.read('volume/a'), 'new');
      assert.deepEqual(workspace.list('volume'), ['a', 'b']);
    });
  });

  test('another full file system is told without a sizeLimit', mounts, async () => {
    await onTmpfs(workspace.path('below'), 'size=1m', async () => {
      const [lower, upper, work] = ['lower', 'upper', 'work'].map((name) => workspace.path('below', name));
      for (const path of [lower, upper, work]) mkdirSync(path!);
      const options = `lowerdir=${lower!},upperdir=${upper!},workdir=${work!}`;
      const path = workspace.path('overlay');
      mkdirSync(path);
      execFileSync('/usr/bin/mount', ['-t', 'overlay', '-o', options, 'none', path]);
      try {
        const big = output(`${path}/a`, 'x'.repeat(2_097_152), { allowDisk: true });
        const failure = await failureOf(() => stage([big]));
        assert.match(failure.message, /this run needs 2\.0 MiB, and 1\.0 MiB are free$/);
        assert.equal(failure.hint, 'free at least 2.0 MiB there');
      } finally {
        execFileSync('/usr/bin/umount', [path]);
      }
    });
  });

  test('killed in the middle of the commit: every file is whole, and the next run cleans', async () => {
    for (const name of ['a', 'b']) workspace.write(name, `old ${name}`);
    // The fourth name is that of the second backup.
    const random =
      "(() => { let names = 0; return () => (++names === 4 ? process.kill(process.pid, 'SIGKILL') : names / 16); })()";
    const child = writeInChild(workspace.root, ['a', 'b'], random);
    assert.equal(child.signal, 'SIGKILL', child.stderr.toString());
    assert.equal(workspace.read('a'), 'new a');
    assert.equal(workspace.read('b'), 'old b');
    assert.equal(workspace.list().length, 4);
    const outputs = ['a', 'b'].map((name) => output(workspace.path(name), `new ${name}`));
    const written = (await stage(outputs)).commit();
    assert.deepEqual(
      written.map(({ changed }) => changed),
      [false, true],
    );
    assert.deepEqual(workspace.list(), ['a', 'b']);
  });

  test("the files of another user's living process stay, although it cannot be signalled", others, () => {
    chmodSync(workspace.root, 0o777);
    const living = `.vaultonce-${String(process.pid)}-00000000.new`;
    workspace.write(living, 'kept');
    const child = writeInChild(workspace.root, ['a'], 'Math.random', { uid: 65532, gid: 65532 });
    assert.equal(child.status, 0, child.stderr.toString());
    assert.deepEqual(workspace.list(), [living, 'a']);
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';
import { RunError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { WritableOutput } from '../../src/plan/outputs.ts';
import { stageOutputs } from '../../src/publish/files/write.ts';
import { quietScope } from '../support/quiet-scope.ts';
import { targetAt } from '../support/target.ts';
import { createWorkspace } from '../support/workspace.ts';

describe('swapping', () => {
  const workspace = createWorkspace();
  beforeEach(() => {
    workspace.clear();
  });
  after(() => {
    workspace.remove();
  });

  const out = (...names: string[]) => workspace.path('out', ...names);
  const file = ([name, content]: [string, string]): WritableOutput => ({
    plan: {
      where: name,
      target: targetAt(out(name)),
    },
    files: [{ path: out(name), content: new Secret<Uint8Array>(Buffer.from(content)) }],
  });
  const stage = (files: Readonly<Record<string, string>>) => stageAll(Object.entries(files).map(file));
  const stageAll = (outputs: readonly WritableOutput[]) =>
    stageOutputs(outputs, quietScope(), { kind: 'swap', path: out(), where: 'output.swap' });
  const write = async (files: Readonly<Record<string, string>>) => (await stage(files)).commit();
  const failsWith = (message: RegExp) => (error: unknown) =>
    error instanceof RunError && error.exitCode === 8 && message.test(error.message);

  test('the old set until the commit, and the new one after it', async () => {
    await write({ 'd/a': 'old', gone: 'old' });
    const staged = await stage({ 'd/a': 'new', b: 'new' });
    assert.deepEqual([workspace.read('out/d/a'), workspace.read('out/gone')], ['old', 'old']);
    assert.equal(readdirSync(out()).includes('b'), false);
    assert.deepEqual(
      staged.commit().map(({ path, changed }) => [path, changed]),
      [
        [out('d/a'), true],
        [out('b'), true],
      ],
    );
    staged.discard();
    assert.deepEqual([workspace.read('out/d/a'), workspace.read('out/b')], ['new', 'new']);
    assert.deepEqual(readdirSync(out()).sort(), ['..data', readlinkSync(out('..data')), 'b', 'd'].sort());
  });

  test('a commit that fails leaves the old set and no links; so does one that is discarded', async () => {
    await write({ a: 'old' });
    const before_ = workspace.snapshot();
    for (const name of ['z', '..data_tmp']) {
      const failing = await stage({ a: 'new', b: 'new', z: 'new' });
      mkdirSync(out(name));
      assert.throws(() => failing.commit(), failsWith(new RegExp(`out/${name}: `)));
      rmdirSync(out(name));
      assert.deepEqual(workspace.snapshot(), before_);
    }
    (await stage({ a: 'new', b: 'new' })).discard();
    assert.deepEqual(workspace.snapshot(), before_);
    await assert.rejects(write({ a: 'new', [`d/${'n'.repeat(256)}`]: 'x' }), failsWith(/too long/));
    assert.deepEqual(workspace.snapshot(), before_);
  });

  test('a first set that is discarded leaves no directory', async () => {
    (await stage({ a: 'new' })).discard();
    assert.deepEqual(workspace.list(), []);
  });

  test('anything that differs in the published set is put right by a new one', async () => {
    const files = { a: 'x', 'd/b': 'x' };
    await write(files);
    const breakages = [
      () => workspace.write('out/..data/more', 'x'),
      () => workspace.write('out/..data/d/e/more', 'x'),
      () => {
        unlinkSync(out('..data/d/b'));
      },
      () => {
        unlinkSync(out('a'));
      },
      () => {
        symlinkSync('..data/stray', out('stray'));
      },
    ];
    for (const breakage of breakages) {
      const data = readlinkSync(out('..data'));
      breakage();
      assert.deepEqual(
        (await write(files)).map(({ changed }) => changed),
        [true, true],
      );
      assert.notEqual(readlinkSync(out('..data')), data);
      const next = readlinkSync(out('..data'));
      assert.deepEqual(
        workspace.list('out').sort(),
        ['..data', next, `${next}/a`, `${next}/d`, `${next}/d/b`, 'a', 'd'].sort(),
      );
    }
  });

  test('a declared directory without files is a part of the set', async () => {
    const { plan } = file(['none', '']);
    const outputs = [
      { plan: { ...plan, target: { ...plan.target, kind: 'directory' as const } }, files: [] },
    ];
    (await stageAll(outputs)).commit();
    assert.deepEqual(readdirSync(out('none')), []);
    const data = readlinkSync(out('..data'));
    (await stageAll(outputs)).commit();
    assert.equal(readlinkSync(out('..data')), data);
    rmdirSync(out('..data/none'));
    (await stageAll(outputs)).commit();
    assert.deepEqual(readdirSync(out('none')), []);
  });

  test('leftovers of killed runs go; sets of living ones, files of others and what links lead to stay', async () => {
    const set = (pid: number, unique: string) => `..2026_01_02_03_04_05_${String(pid)}-${unique}`;
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    workspace.write('outside/a', 'theirs');
    workspace.write(`out/${set(dead, '00000000')}/a`, 'x');
    symlinkSync(workspace.path('outside'), out(set(dead, '00000000'), 'link'));
    workspace.write(`out/${set(process.pid, '00000000')}/a`, 'x');
    workspace.write(`out/${set(1, '00000000')}/a`, 'x');
    symlinkSync(workspace.path('outside'), out(set(dead, '11111111')));
    workspace.write('out/theirs', 'x');
    symlinkSync('elsewhere', out('link'));
    await write({ a: 'x' });
    symlinkSync(workspace.path('outside'), out('..data/link'));
    await write({ a: 'y' });
    assert.deepEqual(
      readdirSync(out()).sort(),
      [
        '..data',
        readlinkSync(out('..data')),
        'a',
        'link',
        'theirs',
        set(1, '00000000'),
        set(dead, '11111111'),
      ].sort(),
    );
    assert.equal(workspace.read('outside/a'), 'theirs');
  });

  test('what stands in the way is refused, and stays', async () => {
    for (const target of ['..', workspace.path('outside'), '..2026_01_02_03_04_05.123']) {
      workspace.remove();
      workspace.write('outside/a', 'x');
      mkdirSync(out());
      symlinkSync(target, out('..data'));
      workspace.write('out/a', 'x');
      const before_ = workspace.snapshot();
      await assert.rejects(stage({ a: 'new' }), failsWith(/\.\.data is in the way.*out\/a is in the way/));
      assert.deepEqual(workspace.snapshot(), before_);
    }
  });
});

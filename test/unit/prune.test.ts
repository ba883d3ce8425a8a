import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';
import { RunError } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import type { WritableOutput } from '../../src/plan/outputs.ts';
import { checkTargets } from '../../src/publish/files/targets.ts';
import { stageOutputs } from '../../src/publish/files/write.ts';
import { needsRoot } from '../support/needs.ts';
import { quietScope } from '../support/quiet-scope.ts';
import { targetAt } from '../support/target.ts';
import { createWorkspace } from '../support/workspace.ts';

const MANIFEST = '.vaultonce-manifest.json';

describe('pruning', () => {
  const workspace = createWorkspace();
  beforeEach(() => {
    workspace.clear();
  });
  after(() => {
    workspace.remove();
  });

  const managed = () => ({ kind: 'prune' as const, path: workspace.path('out'), where: 'output.prune' });
  const file = (name: string): WritableOutput => {
    const path = workspace.path('out', name);
    return {
      plan: {
        where: name,
        target: targetAt(path),
      },
      files: [{ path, content: new Secret<Uint8Array>(Buffer.from(name)) }],
    };
  };
  const stage = (...names: readonly string[]) => {
    return stageOutputs(names.map(file), quietScope(), managed());
  };
  const write = async (...names: readonly string[]) => {
    const staged = await stage(...names);
    staged.commit();
    return staged.pruned;
  };
  const manifest = () => (JSON.parse(workspace.read(`out/${MANIFEST}`)) as { files: string[] }).files;

  test('files of nobody who is known, links in the way and what lies outside survive', async () => {
    workspace.write('outside/a', 'theirs');
    await write('a', 'b', 'd/a', 'e', 'x');
    for (const name of ['a', 'b', 'd', 'e']) rmSync(workspace.path('out', name), { recursive: true });
    // What was written is now a link to a file, a directory, below a link to a directory, and a pipe.
    symlinkSync(workspace.path('outside/a'), workspace.path('out/a'));
    workspace.write('out/b/theirs', 'x');
    symlinkSync(workspace.path('outside'), workspace.path('out/d'));
    execFileSync('mkfifo', [workspace.path('out/e')]);
    workspace.write('out/unknown', 'x');
    assert.deepEqual(await write('x'), [{ path: workspace.path('out/a'), problem: undefined }]);
    assert.deepEqual(workspace.list('outside'), ['a']);
    assert.deepEqual(workspace.list('out'), [MANIFEST, 'b', 'b/theirs', 'd', 'e', 'unknown', 'x']);
    assert.deepEqual(manifest(), ['x']);
  });

  test('a file that is declared by another name of its directory is not removed', async () => {
    await write('real/a');
    symlinkSync('real', workspace.path('out/link'));
    assert.deepEqual(await write('link/a'), []);
    assert.equal(workspace.read('out/real/a'), 'link/a');
  });

  test('a commit that fails and a discarded one remove nothing, and remember nothing', async () => {
    await write('a', 'b');
    const before_ = workspace.snapshot('out');
    const failing = await stage('a', 'c');
    mkdirSync(workspace.path('out/c'));
    assert.throws(() => failing.commit(), RunError);
    execFileSync('rmdir', [workspace.path('out/c')]);
    (await stage('c')).discard();
    assert.deepEqual(workspace.snapshot('out'), before_);
  });

  test('what a run has written that was killed before it removed anything is still known', async () => {
    await write('a', 'b');
    const staged = await stage('c');
    // The commit without what follows it.
    for (const name of workspace.list('out').filter((entry) => entry.endsWith('.new'))) {
      const isManifest = workspace.read(`out/${name}`).startsWith('{');
      renameSync(workspace.path('out', name), workspace.path('out', isManifest ? MANIFEST : 'c'));
    }
    staged.discard();
    assert.deepEqual(manifest(), ['a', 'b', 'c']);
    await write('d');
    assert.deepEqual(workspace.list('out'), [MANIFEST, 'd']);
  });

  test('a file that cannot be removed is told, and tried again', needsRoot(), async () => {
    chmodSync(workspace.root, 0o755);
    await write('locked/a', 'b');
    for (const name of ['out', 'out/locked', 'out/locked/a', 'out/b', `out/${MANIFEST}`])
      chownSync(workspace.path(name), 65532, 65532);
    chmodSync(workspace.path('out/locked'), 0o500);
    process.seteuid!(65532);
    try {
      const [locked, ...others] = await write('b');
      assert.deepEqual(others, []);
      assert.match(locked?.problem ?? '', /EACCES/);
      assert.deepEqual(manifest(), ['b', 'locked/a']);
      chmodSync(workspace.path('out/locked'), 0o700);
      assert.equal((await write('b')).length, 1);
    } finally {
      process.seteuid!(0);
    }
    assert.deepEqual(workspace.list('out'), [MANIFEST, 'b']);
  });

  const refused = (reason: RegExp) => {
    assert.throws(
      () => {
        checkTargets([], managed());
      },
      (error) => error instanceof RunError && error.exitCode === 8 && reason.test(error.message),
    );
  };

  test('a manifest that others may write, with other names or through a link is refused', () => {
    for (const name of ['../a', '/a', 'a/../../b', '', '.', '..', 'a/', 'a//b', 'a\0', 1, null]) {
      workspace.write(`out/${MANIFEST}`, JSON.stringify({ files: [name] }), 0o600);
      refused(/not a list of names/);
    }
    for (const text of ['', '[', 'null', '{}', '{"files":{}}']) {
      workspace.write(`out/${MANIFEST}`, text);
      refused(/not a list of names/);
    }
    workspace.write(`out/${MANIFEST}`, '{"files":[]}');
    checkTargets([], managed());
    chmodSync(workspace.path('out', MANIFEST), 0o620);
    refused(/this user alone/);
    chmodSync(workspace.path('out', MANIFEST), 0o600);
    linkSync(workspace.path('out', MANIFEST), workspace.path('manifest'));
    rmSync(workspace.path('out', MANIFEST));
    symlinkSync('../manifest', workspace.path('out', MANIFEST));
    refused(/ELOOP/);
  });

  test('a manifest of another user is refused', needsRoot(), () => {
    workspace.write(`out/${MANIFEST}`, '{"files":[]}', 0o600);
    checkTargets([], managed());
    chownSync(workspace.path('out', MANIFEST), 65532, 65532);
    refused(/this user alone/);
  });
});

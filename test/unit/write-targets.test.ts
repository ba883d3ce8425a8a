import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RunError, type Failure } from '../../src/base/errors.ts';
import type { OutputPlan, Target } from '../../src/plan/outputs.ts';
import { checkTargets } from '../../src/publish/files/targets.ts';
import { needsDisk, needsMounts, needsOtherUser } from '../support/needs.ts';
import { diskDirectory } from '../support/places.ts';
import { targetAt } from '../support/target.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

function output(path: string, target: Partial<Target> = {}): OutputPlan {
  return {
    where: `outputs (${path})`,
    target: targetAt(path, target),
    content: { kind: 'template', template: { nodes: [], references: [], secretNames: new Set() } },
  };
}

function failuresOf(outputs: readonly OutputPlan[]): readonly Failure[] {
  try {
    checkTargets(outputs);
  } catch (error) {
    assert.ok(error instanceof RunError);
    assert.equal(error.exitCode, 8);
    return error.failures;
  }
  return [];
}

function messagesOf(...outputs: readonly OutputPlan[]): readonly string[] {
  return failuresOf(outputs).map(({ message }) => message);
}

function placesOf(...outputs: readonly OutputPlan[]): readonly (readonly [string | undefined, string])[] {
  return failuresOf(outputs).map(({ where, message }) => [where, message]);
}

describe('target checks', needsDisk(), () => {
  let workspace: Workspace;
  let disk: string;
  before(() => {
    workspace = createWorkspace();
    disk = mkdtempSync(join(diskDirectory() ?? '', 'vaultonce-test-'));
  });
  after(() => {
    workspace.remove();
    rmSync(disk, { recursive: true });
  });

  test('a target on tmpfs is accepted, and nothing is created', () => {
    const outputs = [output(workspace.path('a/b/c.env')), output(workspace.path('d'), { kind: 'directory' })];
    assert.deepEqual(failuresOf(outputs), []);
    assert.deepEqual(workspace.list(), []);
  });

  test('a disk is refused unless it is allowed', () => {
    const [failure] = failuresOf([output(join(disk, 'x/y.env'))]);
    assert.ok(failure);
    assert.ok(failure.message.startsWith(`${disk} is on `));
    assert.match(failure.message, /, not on tmpfs: secrets would be written to disk$/);
    assert.match(failure.hint ?? '', /medium: Memory.*allow_disk: true.*--allow-disk/);
    assert.equal(failure.where, `outputs (${join(disk, 'x/y.env')})`);
    assert.deepEqual(failuresOf([output(join(disk, 'x/y.env'), { allowDisk: true })]), []);
  });

  test('what a link leads to is what counts', () => {
    symlinkSync(disk, workspace.path('to-disk'));
    symlinkSync(workspace.root, join(disk, 'to-memory'));
    const [message] = messagesOf(output(workspace.path('to-disk/a')));
    assert.ok(message?.startsWith(`${disk} is on `));
    assert.deepEqual(messagesOf(output(join(disk, 'to-memory/a'))), []);
  });

  test('a link in the place of the file does not count, because it is replaced', () => {
    symlinkSync(join(disk, 'file'), workspace.path('link.env'));
    symlinkSync('nowhere', workspace.path('dangling.env'));
    symlinkSync(disk, workspace.path('directory.env'));
    const names = ['link.env', 'dangling.env', 'directory.env'];
    assert.deepEqual(messagesOf(...names.map((name) => output(workspace.path(name)))), []);
  });

  test('a directory that is a dangling link, or a circle of links', () => {
    symlinkSync('nowhere', workspace.path('dangling'));
    symlinkSync('circle', workspace.path('circle'));
    const [missing, file, circle] = messagesOf(
      output(workspace.path('dangling'), { kind: 'directory' }),
      output(workspace.path('dangling/a')),
      output(workspace.path('circle/a')),
    );
    assert.match(missing ?? '', /cannot be reached: .*a symbolic link leads nowhere \(ENOENT\)/);
    assert.match(file ?? '', /cannot be reached: .*a symbolic link leads nowhere \(ENOENT\)/);
    assert.match(circle ?? '', /cannot be reached: its symbolic links lead in a circle \(ELOOP\)/);
  });

  test('a file where a directory is needed, and the other way round', () => {
    workspace.write('file', 'x');
    mkdirSync(workspace.path('directory'));
    assert.deepEqual(
      messagesOf(
        output(workspace.path('file/deep/down.env')),
        output(workspace.path('file'), { kind: 'directory' }),
        output(workspace.path('directory')),
      ),
      [
        `the output directory ${workspace.path('file')} is a file`,
        `the output directory ${workspace.path('file')} is a file`,
        `${workspace.path('directory')} is a directory, but the output is a file`,
      ],
    );
  });

  test('a name that is too long is told before anything is fetched', () => {
    assert.match(messagesOf(output(workspace.path('n'.repeat(256))))[0] ?? '', /the name is too long/);
  });

  test('two outputs with one name, also when a link hides it', () => {
    mkdirSync(workspace.path('real'));
    symlinkSync('real', workspace.path('alias'));
    const [one, two] = [output(workspace.path('real/new/a')), output(workspace.path('alias/new/a'))];
    assert.deepEqual(placesOf(one, two), [
      [two.where, `${workspace.path('real/new/a')} is also written by ${one.where}`],
    ]);
  });

  test('a file that another output needs as a directory', () => {
    const file = output(workspace.path('api'));
    const below = output(workspace.path('api/deep/key'));
    const files = output(workspace.path('api'), { kind: 'directory' });
    const message = `${workspace.path('api')} is needed as a directory, but written as a file by ${file.where}`;
    assert.deepEqual(placesOf(below, file, files), [
      [below.where, message],
      [files.where, message],
    ]);
  });

  test('several outputs may share a directory', () => {
    const directory = workspace.path('shared');
    const outputs = [output(directory, { kind: 'directory' }), output(join(directory, 'a'))];
    assert.deepEqual(messagesOf(...outputs, output(directory, { kind: 'directory' })), []);
  });

  test('a read-only file system is named as such', needsMounts(), () => {
    const path = workspace.path('read-only');
    mkdirSync(path);
    execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'ro', 'none', path]);
    try {
      const [failure] = failuresOf([output(join(path, 'a.env'))]);
      assert.equal(failure?.message, `${path} is not writable: read-only file system (EROFS)`);
      assert.match(failure.hint ?? '', /readOnlyRootFilesystem.*emptyDir/);
    } finally {
      execFileSync('/usr/bin/umount', [path]);
    }
  });

  test('ramfs is memory too', needsMounts(), () => {
    const path = workspace.path('ramfs');
    mkdirSync(path);
    execFileSync('/usr/bin/mount', ['-t', 'ramfs', 'none', path]);
    try {
      assert.deepEqual(messagesOf(output(join(path, 'a.env'))), []);
    } finally {
      execFileSync('/usr/bin/umount', [path]);
    }
  });

  test('every problem of every target at once, for a user without permissions', needsOtherUser(), () => {
    chmodSync(workspace.root, 0o755);
    chmodSync(disk, 0o755);
    mkdirSync(workspace.path('locked/in'), { recursive: true });
    chmodSync(workspace.path('locked'), 0o700);
    chownSync(workspace.path('locked'), 1000, 1000);
    const paths = [workspace.path('a.env'), join(disk, 'b.env'), workspace.path('locked/in/c.env')];
    const plans = JSON.stringify(paths.map((path) => output(path)));
    const code = `
      import { checkTargets } from ${JSON.stringify(new URL('../../src/publish/files/targets.ts', import.meta.url).href)};
      try { checkTargets(JSON.parse(process.argv[1])); }
      catch (error) { console.log(JSON.stringify(error.failures)); }`;
    const user = { uid: 65532, gid: 65532, cwd: '/' };
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', code, plans], user);
    const failures = JSON.parse(child.stdout.toString()) as Failure[];
    assert.equal(failures.length, 4);
    assert.equal(failures[0]?.message, `${workspace.root} is not writable: permission denied (EACCES)`);
    assert.match(failures[0].hint ?? '', /fsGroup/);
    assert.match(failures[1]?.message ?? '', /not on tmpfs/);
    assert.equal(failures[2]?.message, `${disk} is not writable: permission denied (EACCES)`);
    assert.match(failures[3]?.message ?? '', /c\.env cannot be reached: permission denied \(EACCES\)/);
  });
});

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { Editor } from '../support/editor.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const PUBLISHED = 'https://github.com/vaultonce/vaultonce/raw/main/src/config/vaultonce.schema.json';

describe('schema', () => {
  const workspace = createWorkspace();
  let printed = '';
  before(async () => {
    printed = (await runCli(['schema'])).stdout;
  });
  after(() => {
    workspace.remove();
  });

  const write = (path: string, ...args: readonly string[]): Promise<CliResult> =>
    runCli(['schema', '--out', path, ...args], { cwd: workspace.root });

  test('--out writes what is printed else, readable for everybody, and prints nothing', async () => {
    const { code, stdout, stderr } = await write('schemas/vaultonce.schema.json');
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' });
    assert.equal(workspace.read('schemas/vaultonce.schema.json'), printed);
    assert.equal(workspace.mode('schemas/vaultonce.schema.json'), '0644');
    assert.equal((await write('reference.md', '--markdown')).code, 0);
    assert.equal(workspace.read('reference.md'), readFileSync(join(root, 'CONFIGURATION.md'), 'utf8'));
  });

  test('--out replaces a file, and a link rather than what it leads to, by a rename that leaves nothing else', async () => {
    const directory = workspace.path('replaced');
    mkdirSync(directory);
    const other = workspace.write('other.json', 'kept', 0o600);
    const old = workspace.write('replaced/file.json', 'old', 0o600);
    const { ino } = statSync(old);
    symlinkSync(other, join(directory, 'link.json'));
    for (const name of ['file.json', 'link.json']) {
      assert.equal((await write(`replaced/${name}`)).code, 0);
      assert.equal(workspace.read(`replaced/${name}`), printed);
      assert.equal(workspace.mode(`replaced/${name}`), '0644');
    }
    assert.notEqual(statSync(old).ino, ino);
    assert.equal(workspace.read('other.json'), 'kept');
    assert.deepEqual(readdirSync(directory).sort(), ['file.json', 'link.json']);
  });

  test('8: a directory, a path below a file; 2: a flag without a path, or with a credential', async () => {
    mkdirSync(workspace.path('directory'));
    workspace.write('file', '');
    const token = `hvs.${'Ab1'.repeat(10)}`;
    for (const [path, code, message] of [
      ['directory', 8, /directory is a directory, but the output is a file/],
      ['file/schema.json', 8, /file is a file|is a file/],
      [token, 2, /^--out takes the path of a file$/],
    ] as const) {
      const result = await write(path);
      assert.equal(result.code, code, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', message);
      assert.ok((failuresOf(result)[0]?.hint ?? '') !== '');
      assert.ok(!result.stderr.includes(token));
    }
    assert.deepEqual(readdirSync(workspace.path('directory')), []);
    const bare = await runCli(['schema', '--out']);
    assert.equal(bare.code, 2);
  });

  test('an editor finds it by the line at the top of a config: the published address, and a local file', async () => {
    const { $id } = JSON.parse(printed) as { readonly $id: string };
    assert.equal($id, PUBLISHED);
    // What is published is the committed copy.
    const published = readFileSync(join(root, 'src/config/vaultonce.schema.json'), 'utf8');
    await write('vaultonce.schema.json');
    const local = readFileSync(workspace.path('vaultonce.schema.json'), 'utf8');
    const elsewhere = workspace.write('my schemas/one.json', local);
    const editor = new Editor(undefined, {
      [PUBLISHED]: published,
      'file:///work/vaultonce.schema.json': local,
      [pathToFileURL(elsewhere).href]: local,
    });
    for (const address of [
      PUBLISHED,
      'vaultonce.schema.json',
      './vaultonce.schema.json',
      pathToFileURL(elsewhere).href,
    ]) {
      const line = `# yaml-language-server: $schema=${address}\n`;
      assert.deepEqual(
        await editor.problemsIn(`${line}timeout: 10s\nauth: { method: token }\n`),
        [],
        address,
      );
      assert.deepEqual(await editor.problemsIn(`${line}timeuot: 10s\n`), [
        '2: Property timeuot is not allowed.',
      ]);
      const offers = await editor.offersIn(`${line}auth:\n  method: |>`);
      assert.ok(
        offers.some(({ label }) => label === 'kubernetes'),
        address,
      );
    }
    // Without the line there is nothing that it could know.
    assert.deepEqual(await editor.problemsIn('timeuot: 10s\n'), []);
  });
});

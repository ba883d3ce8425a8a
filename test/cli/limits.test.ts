import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { failuresOf, runCli, type CliResult, type LogLine } from '../support/cli.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const SERVER = 'vault: { address: "http://127.0.0.1:1" }\n';
const DEEP = 100_000;
const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('');

/** What is too deep, too large or wrong in too many places is told in as many words as people read. */
describe('limits of what is read', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
  });
  after(() => {
    workspace.remove();
  });

  const check = (name: string, text: string): Promise<CliResult> =>
    runCli(['check', '-c', workspace.write(name, text)]);
  const refused = async (name: string, text: string): Promise<LogLine[]> => {
    const result = await check(name, text);
    assert.equal(result.code, 3, result.stderr.slice(0, 1000));
    return failuresOf(result);
  };

  test('3: a config that nests too deep, in each notation, and one that contains itself', async () => {
    const brackets = `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`;
    const data = `${'{"a":'.repeat(8000)}1${'}'.repeat(8000)}`;
    const texts: readonly (readonly [string, string])[] = [
      ['deep.json', `{"secrets": ${brackets}}`],
      ['unclosed.json', `{"secrets": ${'['.repeat(DEEP)}`],
      ['write.json', `{"secrets": {"a": {"path": "pki/issue/a", "write": ${data}}}}`],
      ['deep.yaml', `secrets: ${brackets}`],
      ['lines.yaml', lines(2000, (depth) => `${' '.repeat(depth)}a:\n`)],
      ['self.yaml', 'secrets:\n  a: &a { path: pki/issue/a, write: *a }\n'],
    ];
    for (const [name, text] of texts) {
      const [failure, ...others] = await refused(name, text);
      assert.match(failure?.message ?? '', /nests deeper than (?:100|500) levels$/, name);
      assert.match(failure?.where ?? '', new RegExp(`${name}(?::\\d+)?$`));
      assert.deepEqual(others, [], name);
    }
    const [twice] = await refused('twice.yaml', 'secrets: &a [*a, *a]\n');
    assert.match(twice?.message ?? '', /more than 100000 values/);
  });

  test('3: fixtures that nest too deep or contain themselves; 2: a key that is too deep to set', async () => {
    const config = workspace.write(
      'fixed.yaml',
      "secrets: { db: secret/db, tree: { path: secret/t, recursive: true } }\noutputs: [{ path: f, contents: '{{db.a}}' }]\n",
    );
    const texts: readonly (readonly [string, RegExp])[] = [
      ['db: &a { a: *a }\ntree: {}\n', /^the fixtures file nests deeper than 500 levels$/],
      [`{"db": {"a": ${'['.repeat(DEEP)}${']'.repeat(DEEP)}}, "tree": {}}`, /nests deeper than 500 levels$/],
      [
        `{"db": {"a": 1}, "tree": {"${'a/'.repeat(DEEP)}a": {"k": 1}}}`,
        /not a map of secrets by their path$/,
      ],
    ];
    for (const [text, message] of texts) {
      const fixtures = workspace.write(text.startsWith('{') ? 'fixtures.json' : 'fixtures', text);
      const result = await runCli(['check', '-c', config, '--fixtures', fixtures]);
      assert.equal(result.code, 3, result.stderr.slice(0, 1000));
      assert.match(failuresOf(result)[0]?.message ?? '', message);
    }
    const set = await runCli(['check', '-c', config, '--set', `secrets.db.write${'.a'.repeat(20_000)}=1`]);
    assert.equal(set.code, 2, set.stderr.slice(0, 1000));
  });

  test('3: of many mistakes the first are told, and how many more there are', async () => {
    const keys = (indent: string): string =>
      lines(20_000, (index) => `${indent}unknown_key_${String(index)}: 1\n`);
    const names = lines(15_000, (index) => `  s${String(index)}: kv/${String(index)}\n`);
    const outputs = lines(
      15_000,
      (index) => `  - { path: o${String(index)}, format: json, secret: t${String(index)} }\n`,
    );
    const texts: readonly (readonly [string, string, number])[] = [
      ['top.yaml', `${SERVER}${keys('')}`, 20_000],
      ['inner.yaml', `vault:\n${keys('  ')}`, 20_000],
      ['login.yaml', `${SERVER}auth:\n  method: approle\n${keys('  ')}`, 20_001],
      ['secret.yaml', `${SERVER}secrets:\n  a:\n    path: kv/a\n${keys('    ')}`, 20_000],
      ['names.yaml', `${SERVER}secrets:\n${names.replaceAll('  s', '  1')}`, 15_000],
      ['outputs.yaml', `${SERVER}secrets:\n${names}outputs:\n${outputs}`, 15_000],
      ['variables.yaml', `vault: { address: "${'${'.repeat(100_000)}" }\n`, 100_000],
      ['defaults.yaml', `vault: { address: "${'${A:-'.repeat(40_000)}" }\n`, 40_000],
    ];
    for (const [name, text, count] of texts) {
      const failures = await refused(name, text);
      assert.equal(failures.length, 101, name);
      assert.equal(failures.at(-1)?.message, `and ${String(count - 100)} more`, name);
      assert.ok(failures.every(({ hint = '' }) => hint.length < 2000));
    }
  });
});

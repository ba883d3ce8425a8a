import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import {
  COMMAND,
  failuresOf,
  runCli,
  type CliOptions,
  type CliResult,
  type LogLine,
} from '../support/cli.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** `caf` and an é that is none in UTF-8. */
const LATIN_1 = Buffer.from('caf\xe9', 'latin1');
const MARK = '\ufeff';

/** How the text of a config or of fixtures may be written. */
describe('texts of configs and fixtures', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
    workspace.write('vaultonce.yaml', 'secrets: { db: secret/db }\noutputs: [{ path: f, contents: x }]\n');
  });
  after(() => {
    workspace.remove();
  });

  const run = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    runCli(args, { cwd: workspace.root, ...options });
  const check = (args: readonly string[] = [], options: CliOptions = {}): Promise<CliResult> =>
    run(['check', '--address', 'http://127.0.0.1:1', ...args], options);
  const failureOf = (result: CliResult): LogLine | undefined => {
    const [failure, ...others] = failuresOf(result);
    assert.deepEqual([result.code, others], [3, []], result.stderr);
    return failure;
  };
  const rendered = async (name: string, fixtures: string, contents: string): Promise<string> => {
    const outputs = [{ path: workspace.path('out'), contents }];
    workspace.write('one.json', JSON.stringify({ secrets: { db: 'secret/db' }, outputs }));
    const file = workspace.write(name, fixtures);
    const result = await run(['render', '-c', 'one.json', '--fixtures', file, '--allow-disk']);
    assert.equal(result.code, 0, result.stderr);
    return workspace.read('out');
  };

  test('3: what is not UTF-8, in each file', async () => {
    for (const [what, name, args] of [
      ['config', 'latin1.yaml', ['-c', 'latin1.yaml']],
      ['config', 'latin1.json', ['-c', 'latin1.json']],
      ['defaults file', 'latin1.yaml', ['--defaults', 'latin1.yaml']],
      ['fixtures file', 'latin1.yaml', ['--fixtures', 'latin1.yaml']],
    ] as const) {
      const json = name.endsWith('.json');
      const [start, end] = json ? ['{"a": "', '"}'] : ['a: "', '"\n'];
      writeFileSync(workspace.path(name), Buffer.concat([Buffer.from(start), LATIN_1, Buffer.from(end)]));
      const failure = failureOf(await check(args));
      assert.equal(failure?.message, `the ${what} is not UTF-8 text`);
      assert.deepEqual([failure.where, failure.hint], [name, 'save it as UTF-8']);
    }
  });

  test('3: what is not UTF-8, on stdin; a replacement character is a character', async () => {
    writeFileSync(workspace.path('input'), LATIN_1);
    const command = ['sh', '-c', 'exec "$0" "$@" <input', ...COMMAND];
    const failure = failureOf(await check(['-c', '-'], { command }));
    assert.deepEqual([failure?.message, failure?.where], ['the config is not UTF-8 text', '-']);
    const text = 'secrets: { db: secret/db }\noutputs: [{ path: f, contents: "\ufffd" }]\n';
    assert.equal((await check(['-c', '-'], { input: text })).code, 0);
  });

  test('a byte order mark is no part of the text', async () => {
    const config = { secrets: { db: 'secret/db' }, outputs: [{ path: 'f', contents: 'x' }] };
    workspace.write('mark.json', `${MARK}${JSON.stringify(config)}`);
    workspace.write('mark.yaml', `${MARK}secrets: { db: secret/db }\n`);
    for (const args of [['mark.json'], ['mark.yaml'], ['-']]) {
      const result = await check(['-c', ...args], { input: `${MARK}${JSON.stringify(config)}` });
      assert.equal(result.code, 0, result.stderr);
    }
    assert.equal(await rendered('mark.json', `${MARK}{"db": {"a": "b"}}`, '{{db.a}}'), 'b');
  });

  test('YAML may start with a brace, on stdin and in variables', async () => {
    const text = '{ secrets: { db: secret/db }, outputs: [{ path: f, contents: x }] }\n';
    assert.equal((await check(['-c', '-'], { input: text })).code, 0);
    const env = { VAULTONCE_CONFIG_INLINE: text, VAULTONCE_DEFAULTS_INLINE: '{ output: { mode: "0440" } }' };
    assert.equal((await check([], { env })).code, 0);
    const json = failureOf(await check(['-c', '-'], { input: '{"secrets": {\n "db": secret/db}}' }));
    assert.deepEqual([json?.message, json?.where], ['invalid JSON at column 8', '-:2']);
    const yaml = failureOf(await check(['-c', '-'], { input: '{ secrets: { db: }' }));
    assert.match(yaml?.message ?? '', /^invalid YAML at column/);
  });

  test('3: a key that a JSON map has twice, with its line, as in YAML', async () => {
    for (const [text, where] of [
      ['{"secrets": {"db": "secret/a",\n "x": "secret/x",\n "db": "secret/b"}}', '3'],
      ['{"secrets": {}, "timeout": 1,\n"\\u0073ecrets": {}}', '2'],
      ['{"outputs": [{"path": "a", "contents": "\\"path\\": {"},\n {"path": "b", "path": "b"}]}', '2'],
    ] as const) {
      workspace.write('twice.json', text);
      const failure = failureOf(await check(['-c', 'twice.json']));
      assert.match(failure?.message ?? '', /^invalid JSON at column \d+: the map has this key already$/);
      assert.equal(failure?.where, `twice.json:${where}`);
    }
    workspace.write('fixed.json', '{"db": {"a": "x", "a": "canary"}}');
    const fixed = await check(['--fixtures', 'fixed.json']);
    assert.match(failureOf(fixed)?.message ?? '', /the map has this key already$/);
    assert.doesNotMatch(fixed.stderr, /canary/);
    const nested = '{"db": {"a": "b", "c": {"a": "{\\"a\\": 1, \\"a\\": 2}"}, "d": [{"a": 1}, {"a": 2}]}}';
    assert.equal(await rendered('nested.json', nested, '{{db.a}}'), 'b');
  });

  test('`$schema` is for editors: two configs may have different ones, and defaults one, too', async () => {
    const schema = (name: string, config: object): string =>
      workspace.write(name, JSON.stringify({ $schema: `./${name}`, ...config }));
    const files = [
      ...['-c', schema('a.json', { secrets: { db: 'secret/db' } })],
      ...['-c', schema('b.json', { outputs: [{ path: 'f', contents: 'x' }] })],
      ...['--defaults', schema('c.json', { timeout: '5s' })],
    ];
    const result = await check(files);
    assert.equal(result.code, 0, result.stderr);
    workspace.write('d.yaml', '$schema: vaultonce.schema.json\nsecrets: { db: secret/db }\n');
    assert.equal((await check(['-c', 'd.yaml'])).code, 0);
    workspace.write('e.json', '{"$schema": 1, "secrets": {"db": "secret/db"}}');
    assert.match(failureOf(await check(['-c', 'e.json']))?.message ?? '', /\$schema/);
    workspace.write('f.json', '{"secrets": {"db": {"$schema": "x", "path": "secret/db"}}}');
    assert.match(failureOf(await check(['-c', 'f.json']))?.message ?? '', /\$schema/);
  });

  test('numbers of fixtures keep their digits as JSON; as YAML, one that would lose them is refused', async () => {
    const contents = '{{db.n}} {{db.d}} {{db.l}}';
    const json =
      '{"db": {"n": 12345678901234567890, "d": 1.10, "l": [0.1234567890123456789], "@version": 2}}';
    const kept = '12345678901234567890 1.10 [0.1234567890123456789]';
    assert.equal(await rendered('digits.json', json, contents), kept);
    workspace.write('digits.yaml', 'db: { n: 1, l: [{ a: 12345678901234567890 }] }\n');
    const failure = failureOf(await check(['--fixtures', 'digits.yaml']));
    assert.equal(failure?.message, 'the fixture of `db` has a number whose digits cannot be kept');
    assert.equal(failure.hint, 'quote it');
  });
});

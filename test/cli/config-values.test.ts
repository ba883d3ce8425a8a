import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { failuresOf, runCli, type CliResult, type LogLine } from '../support/cli.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** What single values of a config may be, and what is told of others. */
describe('values of a config', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
  });
  after(() => {
    workspace.remove();
  });

  const check = (config: object, args: readonly string[] = []): Promise<CliResult> => {
    const whole = { vault: { address: 'http://127.0.0.1:1' }, secrets: { db: 'secret/db' }, ...config };
    const file = workspace.write('values.json', JSON.stringify(whole));
    return runCli(['check', '-c', file, ...args], { cwd: workspace.root });
  };
  const refused = async (config: object, args: readonly string[] = []): Promise<LogLine> => {
    const result = await check(config, args);
    const [failure, ...others] = failuresOf(result);
    assert.deepEqual([result.code, others], [3, []], result.stderr);
    return failure as LogLine;
  };

  test('3: a variable in the default of another', async () => {
    const failure = await refused({ output: { directory: '${NOPE:-${HOME}/secrets}' } });
    assert.equal(failure.message, '`output.directory` has a `${` in the default of `NOPE`');
    assert.match(failure.hint ?? '', /^a default cannot hold another variable/);
  });

  test('durations are as long as those of the server; 3: what a timer waits for is 24d20h at most', async () => {
    const long = await check({
      secrets: {
        db: { path: 'secret/db', min_ttl: '720h', refresh: '30d', reuse: true, max_age: '100d' },
        wrapped: { path: 'secret/db', wrap_ttl: '768h' },
      },
      output: { directory: workspace.path('out') },
      timeout: '24d20h',
      watch: { max_stale: '30d', refresh: '60d' },
      environment: { A: { token: true, min_ttl: '30d', wrap_ttl: 2_592_000 } },
    });
    assert.equal(long.code, 0, long.stderr);
    for (const config of [
      { timeout: '30d' },
      { timeout: 2_592_000 },
      { vault: { address: 'http://v', client_timeout: '25d' } },
      { watch: { stop_timeout: '25d' } },
      { watch: { on_change: { run: ['true'], timeout: '25d' } } },
    ]) {
      const { message, hint } = await refused(config);
      assert.match(message ?? '', /^`[\w.]+` is too long$/);
      assert.equal(hint, 'write 24d20h at most');
    }
    const settle = await refused({ watch: { settle: '25d' } });
    assert.equal(settle.message, '`watch` `settle` is longer than 24d20h');
    const flag = await check({}, ['--timeout', '25d']);
    assert.equal(flag.code, 2);
    assert.match(failuresOf(flag)[0]?.message ?? '', /^--timeout is not valid: .* of 24d20h at most$/);
    const none = await check({}, ['--timeout', '0']);
    assert.match(failuresOf(none)[0]?.message ?? '', /^--timeout is not valid: .* above 0/);
  });

  test('3: what is neither true nor false', async () => {
    for (const optional of ['yes', 1, '${NOPE:-on}']) {
      const failure = await refused({ secrets: { db: { path: 'secret/db', optional } } });
      assert.equal(failure.message, '`secrets.db.optional` must be true or false');
    }
  });

  test('3: a name that no object has as a key of its own', async () => {
    for (const text of [
      '{"secrets": {"__proto__": "a/b"}}',
      'secrets: { __proto__: a/b }\n',
      '{"secrets": {"db": {"path": "secret/db", "default": {"__proto__": {"a": 1}}}}}',
    ]) {
      const file = workspace.write(text.startsWith('{') ? 'proto.json' : 'proto.yaml', text);
      const result = await runCli(['check', '-c', file, '--address', 'http://127.0.0.1:1']);
      assert.equal(result.code, 3, text);
      assert.match(
        failuresOf(result)[0]?.message ?? '',
        /^`secrets\..*__proto__` is a name that a config cannot have$/,
      );
    }
  });

  test('3: an output in the place of its directory, and one that goes to two places', async () => {
    const directory = workspace.path('directory');
    for (const path of ['.', 'a/..', directory]) {
      const failure = await refused({ output: { directory }, outputs: [{ path, contents: 'x' }] });
      assert.equal(failure.message, 'the path is that of output.directory itself');
      assert.equal(failure.hint, 'name a file in it');
    }
    const { message } = await refused({ outputs: [{ path: '.', contents: 'x' }] });
    assert.equal(message, 'the path is that of the working directory itself');
    const files = await check({
      output: { directory },
      outputs: [{ path: './', format: 'files', secret: 'db' }],
    });
    assert.equal(files.code, 0, files.stderr);
    const both = { path: 'x', kubernetes_secret: { name: 'a', key: 'b' }, contents: 'x' };
    const failure = await refused({ outputs: [both] });
    assert.match(failure.message ?? '', / has both `path` and `kubernetes_secret`: keep one of them$/);
    const neither = await refused({ outputs: [{ contents: 'x' }] });
    assert.match(neither.message ?? '', / needs `path` or `kubernetes_secret`$/);
  });

  test('3: a password of a key store that readers would understand differently', async () => {
    const store = { path: 'x.p12', format: 'pkcs12', secret: 'db', password: 'canary-pässword' };
    const { message } = await refused({ outputs: [store] });
    assert.match(message ?? '', / `password` must be ASCII text: readers understand other characters/);
    assert.equal((await check({ outputs: [{ ...store, password: 'canary-password' }] })).code, 0);
  });
});

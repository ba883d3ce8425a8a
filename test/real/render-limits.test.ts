import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf } from '../support/cli.ts';

/** Templates that nobody meant: rendering ends by the timeout, by a signal, or by the size of an output. */
describe('limits of rendering', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const keys = Array.from({ length: 400 }, (_, index) => [`key${String(index)}`, 'value']);
    await app.putKv2('many', Object.fromEntries(keys) as object);
  });
  after(() => app.stop());

  const loops = (inner: string): string => '{{#m.@entries}}'.repeat(4) + inner + '{{/m.@entries}}'.repeat(4);
  const endless: TestConfig = {
    secrets: { m: 'secret/many' },
    outputs: [{ path: 'x', contents: loops('') }],
  };

  test('124: the timeout', async () => {
    const result = await app.render(endless, ['--timeout', '2s']);
    assert.equal(result.code, 124, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
    assert.deepEqual(
      app.workspace.list('.').filter((name) => name.startsWith('out/')),
      [],
    );
  });

  test('143: a signal', async () => {
    const run = app.startRender(endless, ['--log-level', 'debug']);
    await run.stderrMatches(/token_revoked/);
    run.child.kill('SIGTERM');
    const { code, stderr } = await run.done;
    assert.equal(code, 143, stderr);
    assert.doesNotMatch(stderr, /cleaning up was not done/);
  });

  test('7: the size, of an output', async () => {
    const outputs = [{ path: 'x', contents: loops('x'.repeat(500)) }];
    const result = await app.render({ ...endless, outputs });
    assert.equal(result.code, 7);
    assert.deepEqual(
      failuresOf(result).map(({ message, where }) => [message, where?.replace(/^.*, /, '')]),
      [['the text is larger than 64 MiB, the limit of an output', 'outputs[0] (x)']],
    );
  });

  test('7: sections nested too deep, told before any request', async () => {
    app.server.takeAudit();
    const contents = '{{#m}}'.repeat(5000) + '{{/m}}'.repeat(5000);
    const result = await app.render({ ...endless, outputs: [{ path: 'x', contents }] });
    assert.equal(result.code, 7, result.stderr.slice(0, 1000));
    assert.match(failuresOf(result)[0]?.message ?? '', /nested more than 200 deep/);
    assert.deepEqual(app.server.takeAudit(), []);
  });
});

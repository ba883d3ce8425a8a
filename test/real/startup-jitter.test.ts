import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { failuresOf, logLines, type CliResult } from '../support/cli.ts';

describe('startup_jitter', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: 'one' });
  });
  beforeEach(() => {
    app.server.takeAudit();
  });
  after(() => app.stop());

  const secrets = { a: 'secret/a' };
  const waitOf = (result: CliResult): number | undefined =>
    (logLines(result).find(({ event }) => event === 'startup_jitter') as { delay_ms?: number } | undefined)
      ?.delay_ms;

  test('a random wait before the login, logged; from the config, the environment and the flag', async () => {
    const waits: number[] = [];
    for (const [config, args, env] of [
      [{ startup_jitter: '400ms' }, [], {}],
      [{ startup_jitter: '50s' }, [], { VAULTONCE_STARTUP_JITTER: '400ms' }],
      [{}, ['--startup-jitter', '400ms'], { VAULTONCE_STARTUP_JITTER: '50s' }],
    ] as const) {
      const startMs = performance.now();
      const result = await app.render({ secrets, ...config }, args, { env });
      assert.equal(result.code, 0, result.stderr);
      const wait = waitOf(result);
      assert.ok(wait !== undefined && wait >= 0 && wait <= 400, String(wait));
      assert.ok(performance.now() - startMs >= wait, 'it has waited');
      waits.push(wait);
    }
    assert.ok(new Set(waits).size > 1, 'random');
    assert.equal(waitOf(await app.render({ secrets })), undefined);
  });

  test('0 is no wait, from everywhere', async () => {
    for (const [config, args, env] of [
      [{ startup_jitter: '0s' }, [], {}],
      [{ startup_jitter: 0 }, [], {}],
      [{ startup_jitter: '50s' }, [], { VAULTONCE_STARTUP_JITTER: '0' }],
      [{ startup_jitter: '50s' }, ['--startup-jitter', '0ms'], {}],
    ] as const) {
      const result = await app.render({ secrets, ...config }, args, { env });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(waitOf(result), undefined);
    }
    const never = await app.render({ secrets, timeout: '0s' });
    assert.equal(never.code, 3, never.stderr);
  });

  test('a signal ends it, and nothing has been requested; the timeout includes it', async () => {
    const running = app.startRender({ secrets, startup_jitter: '59s' });
    await running.stderrMatches(/startup_jitter/);
    const sinceMs = performance.now();
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 143, result.stderr);
    assert.ok(performance.now() - sinceMs < 1000);
    assert.deepEqual(requestsOf(app.server), []);
    const long = await app.render({ secrets, startup_jitter: '60s' });
    assert.equal(long.code, 3, long.stderr);
    assert.match(failuresOf(long)[0]?.message ?? '', /shorter than `timeout`/);
    const junk = await app.render({ secrets }, ['--startup-jitter', 'soon']);
    assert.equal(junk.code, 2, junk.stderr);
    assert.match(failuresOf(junk)[0]?.message ?? '', /^--startup-jitter is not valid/);
  });
});

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { TestApp, TestConfig } from '../support/app.ts';
import { startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { startLeasedApp } from '../support/leased.ts';
import { needsPlugins } from '../support/needs.ts';
import { untilWithin } from '../support/patience.ts';

/** How long something may take that is due within a few seconds. */
const PATIENCE_MS = 30_000;

/** No variable can hold it. */
const REFUSED = 'two\0';

/** What a command cannot have, so that it runs on with what it has. */
describe('variables that are refused', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  let auth: TestConfig;
  before(async () => {
    ({ app, auth } = await startLeasedApp());
  });
  beforeEach(async () => {
    app.workspace.clear();
    for (const name of ['a', 'b']) await app.putKv2(name, { key: 'one' });
  });
  after(() => app.stop());

  const until = untilWithin(PATIENCE_MS);
  const start = async (own: TestConfig): Promise<RunningCli> => {
    const config = app.config({ auth, watch: { refresh: '1s', settle: 0 }, ...own });
    const args = ['watch', '-c', config, '--', 'sh', '-c', 'while :; do sleep 0.1; done'];
    const running = startCli(args, { killAfterMs: 110_000 });
    await running.stderrMatches(/"event":"command_started"/);
    return running;
  };
  const stopped = async (running: RunningCli): Promise<CliResult> => {
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(await app.server.tokensLeft(), 0, result.stderr);
    return result;
  };
  const count = ({ stderr }: CliResult, event: string): number =>
    stderr.split(`"event":"${event}"`).length - 1;
  const leases = async (): Promise<readonly string[]> => {
    const { data } = await app.server.api
      .request('LIST', 'sys/leases/lookup/pki/issue/leased')
      .catch(() => ({ data: {} }));
    return (data as { readonly keys?: readonly string[] } | undefined)?.keys ?? [];
  };

  test('whoever uses the files is told of the same change', async () => {
    const mark = app.workspace.path('mark');
    const running = await start({
      secrets: { a: 'secret/a' },
      outputs: [{ path: 'a', contents: '{{a.key}}', on_change: { run: ['touch', mark] } }],
      environment: { A: 'a#key' },
    });
    await app.putKv2('a', { key: REFUSED });
    await until('the handler', () => existsSync(mark));
    const result = await stopped(running);
    assert.equal(count(result, 'variables_refused'), 1, result.stderr);
    assert.equal(count(result, 'command_started'), 1, result.stderr);
  });

  test('the lease that the command has stays until it has others, whatever else changes; told once', async () => {
    const write = { common_name: 'leased', ttl: '1h' };
    const running = await start({
      secrets: {
        a: 'secret/a',
        b: 'secret/b',
        leased: { path: 'pki/issue/leased', write, refresh: '2s' },
      },
      outputs: [{ path: 'b', contents: '{{b.key}}' }],
      environment: { A: 'a#key', SERIAL: 'leased#serial_number' },
    });
    await app.putKv2('a', { key: REFUSED });
    await running.stderrMatches(/"event":"variables_refused"/);
    // That of the command, and others that may have come since.
    await until('a lease', async () => (await leases()).length > 0);
    const used = await leases();
    await until('another lease', async () => (await leases()).length > used.length);
    await app.putKv2('b', { key: 'two' });
    await until('the other change', () => app.workspace.read('out/b') === 'two');
    const between = await leases();
    await until('one more lease', async () => (await leases()).some((lease) => !between.includes(lease)));
    const kept = await leases();
    assert.ok(
      used.every((lease) => kept.includes(lease)),
      'the command has one of them',
    );
    await app.putKv2('a', { key: 'three' });
    await until('the end of those leases', async () => {
      const left = await leases();
      return used.every((lease) => !left.includes(lease));
    });
    const result = await stopped(running);
    assert.equal(count(result, 'variables_refused'), 1, result.stderr);
  });
});

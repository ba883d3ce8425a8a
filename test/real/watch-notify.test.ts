import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { IS_STANDALONE, startCli, type RunningCli } from '../support/cli.ts';
import { listenAsSystemd, type NotifyListener } from '../support/notify-listener.ts';
import { startInterruptible } from '../support/stand-in.ts';

/** sd_notify(3), which only a process that systemd has started takes part in. */
describe('watch tells systemd', () => {
  let app: TestApp;
  let auth: TestConfig;
  let listener: NotifyListener | undefined;
  let sockets = 0;
  before(async () => {
    app = await startApp();
    auth = await createRole(app.server, 'notify', { token_policies: ['app'], secret_id_num_uses: 0 });
    await app.putKv2('notify', { key: 'one' });
  });
  after(() => {
    listener?.stop();
    return app.stop();
  });

  const CONFIG = {
    secrets: { one: 'secret/notify' },
    outputs: [{ path: 'one.txt', contents: '{{one.key}}' }],
    watch: { refresh: '1s', settle: 0 },
  };
  const listen = async (address?: string): Promise<NotifyListener> => {
    listener?.stop();
    sockets += 1;
    listener = await listenAsSystemd(
      app.workspace,
      address ?? app.workspace.path(`notify-${String(sockets)}`),
    );
    return listener;
  };
  const start = (
    config: TestConfig,
    env: Record<string, string>,
    command: readonly string[] = [],
  ): RunningCli => startCli(['watch', '-c', app.config({ auth, ...config }), ...command], { env });

  test('that it is ready once everything is written, that it reads its config, and that it ends', async () => {
    const standIn = await startInterruptible(app.server.address);
    standIn.isAway = true;
    const { env, heard, until } = await listen();
    const running = start({ ...CONFIG, vault: { address: standIn.address } }, env);
    await running.stderrMatches(/"event":"retrying"/);
    assert.equal(heard.length, 0);
    standIn.isAway = false;
    await until(/^READY=1$/);
    assert.equal(app.workspace.read('out/one.txt'), 'one');
    await until(/^STATUS=watching 1 secret$/);
    app.config({ auth, ...CONFIG, vault: { address: standIn.address }, secrets: 5 });
    const uptimeUs = process.hrtime.bigint() / 1000n;
    running.child.kill('SIGHUP');
    await until(/^READY=1$/, 2);
    await running.stderrMatches(/"event":"reload_refused"/);
    const us = BigInt(
      /^MONOTONIC_USEC=(\d+)$/.exec(heard.find((line) => line.startsWith('MONO')) ?? '')?.[1] ?? 0,
    );
    assert.ok(us >= uptimeUs && us <= process.hrtime.bigint() / 1000n, String(us));
    running.child.kill('SIGTERM');
    const result = await running.done;
    await until(/^STOPPING=1$/);
    await standIn.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(
      heard.filter((line) => /^(?:READY|RELOADING|STOPPING)=/.test(line)),
      ['READY=1', 'RELOADING=1', 'READY=1', 'STOPPING=1'],
    );
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('what is not as it should be', async () => {
    const { env, until } = await listen();
    await app.putKv2('gone', { key: 'one' });
    const gone = { gone: 'secret/gone' };
    const outputs = [{ path: 'gone.txt', contents: '{{gone.key}}' }];
    const running = start({ ...CONFIG, secrets: gone, outputs }, env);
    await until(/^READY=1$/);
    await app.server.api.request('DELETE', 'secret/metadata/gone');
    await until(/^STATUS=watching 1 secret; stale: gone$/);
    await app.putKv2('gone', { key: 'two' });
    await until(/^STATUS=watching 1 secret$/, 2);
    running.child.kill('SIGTERM');
    assert.equal((await running.done).code, 0);
  });

  test('that it lives, at a name without a path; and nothing where another process is meant', async () => {
    const { env, until } = await listen(`@vaultonce-test-${String(process.pid)}`);
    const running = start(CONFIG, { ...env, WATCHDOG_USEC: '1000000' });
    await until(/^WATCHDOG=1$/, 2);
    running.child.kill('SIGTERM');
    assert.equal((await running.done).code, 0);
    await until(/^STOPPING=1$/);
    const other = await listen();
    const second = start(CONFIG, { ...other.env, WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' });
    await other.until(/^READY=1$/);
    await delay(500);
    second.child.kill('SIGTERM');
    assert.equal((await second.done).code, 0);
    assert.ok(!other.heard.includes('WATCHDOG=1'));
  });

  test('a first run that fails says nothing', async () => {
    const { env, heard } = await listen();
    const result = await start({ ...CONFIG, secrets: { one: 'secret/none' } }, env).done;
    assert.equal(result.code, 6, result.stderr);
    assert.deepEqual(heard, []);
  });

  test('for its command, which does not hear of it, or which says it itself', async () => {
    const config = { ...CONFIG, outputs: [], environment: { KEY: 'one#key' } };
    const script =
      'echo "<$NOTIFY_SOCKET$WATCHDOG_USEC$WATCHDOG_PID>"; trap "exit 0" TERM; while :; do sleep 0.1; done';
    const own = await listen();
    const watchdog = { WATCHDOG_USEC: '60000000' };
    const running = start(config, { ...own.env, ...watchdog }, ['--', 'sh', '-c', script]);
    await own.until(/^READY=1$/);
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stdout, '<>\n');
    const other = await listen();
    const keeping = start(config, other.env, ['--keep-env', 'NOTIFY_SOCKET', '--', 'sh', '-c', script]);
    await keeping.stderrMatches(/"event":"watching"/);
    keeping.child.kill('SIGTERM');
    assert.match((await keeping.done).stdout, /^<.*notify-\d+>\n$/);
    assert.deepEqual(other.heard, []);
  });

  test('what cannot be said is logged once, and stops nothing', async () => {
    const env = { NOTIFY_SOCKET: app.workspace.path('nobody'), PATH: app.workspace.path('empty') };
    const running = start(CONFIG, env);
    await running.stderrMatches(/"event":"notify_failed"/);
    await app.putKv2('notify', { key: 'later' });
    await running.stderrMatches(/"event":"secret_replaced"/);
    running.child.kill('SIGTERM');
    const { code, stderr } = await running.done;
    assert.equal(code, 0, stderr);
    const [line = '', ...more] = stderr.split('\n').filter((one) => one.includes('notify_failed'));
    assert.deepEqual(more, []);
    assert.match(
      (JSON.parse(line) as { message: string }).message,
      IS_STANDALONE
        ? /nothing takes messages at \$NOTIFY_SOCKET/
        : /the command `systemd-notify` does not exist/,
    );
  });
});

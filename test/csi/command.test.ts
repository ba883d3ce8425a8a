import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { after, afterEach, before, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { failuresOf, logLines, runCli, startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { createCaller, mountRequest, type Caller } from '../support/csi-caller.ts';
import { freePort } from '../support/free-port.ts';
import { prometheusParser, readMetrics } from '../support/prometheus.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createWorkspace } from '../support/workspace.ts';

describe('vaultonce csi', () => {
  const workspace = createWorkspace();
  let server: TestServer;
  let running: RunningCli[] = [];
  let callers: Caller[] = [];

  before(async () => {
    server = await startServer({ tls: true });
  });
  afterEach(async () => {
    for (const caller of callers) caller.close();
    for (const { child } of running) child.kill('SIGTERM');
    await Promise.all(running.map(({ done }) => done));
    [running, callers] = [[], []];
    workspace.clear();
  });
  after(async () => {
    workspace.remove();
    await server.stop();
  });

  const start = async (
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<RunningCli> => {
    const provider = startCli(['csi', '--endpoint', workspace.path('vault.sock'), ...args], { env });
    running.push(provider);
    await provider.stderrMatches(/"event":"csi_serving"/);
    return provider;
  };
  const caller = (): Caller => {
    const one = createCaller(workspace.path('vault.sock'));
    callers.push(one);
    return one;
  };
  const ask = async (
    port: number,
    path: string,
  ): Promise<{ readonly status: number; readonly text: string }> => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, text };
  };
  /** Answers are kept for three seconds. */
  const becomes = async (port: number, path: string, expected: number): Promise<string> => {
    for (;;) {
      const { status: code, text } = await ask(port, path);
      if (code === expected) return text;
      await delay(50);
    }
  };

  test('serves until it is told to end', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const provider = await start();
      const { code, answer } = await caller().version();
      assert.deepEqual([code, answer?.runtimeName], [status.OK, 'vaultonce']);
      const refused = await caller().mount(mountRequest({}));
      assert.equal(refused.code, status.INVALID_ARGUMENT);
      provider.child.kill(signal);
      const result = await provider.done;
      assert.equal(result.code, 0);
      assert.equal(result.stdout, '');
      assert.deepEqual(
        logLines(result).map(({ event }) => event),
        ['csi_serving', 'mount_failed', 'mount_failed'],
      );
      assert.deepEqual(workspace.list(), []);
    }
  });

  test('health: it says whether the driver and the server are served, and counts', async () => {
    const port = await freePort();
    const { certificates, tlsAddress } = server;
    const env = { VAULT_CACERT: certificates.caFile, VAULT_ADDR: tlsAddress };
    await start(['--health', `127.0.0.1:${String(port)}`], env);
    assert.deepEqual(await ask(port, '/readyz'), { status: 200, text: 'ready\n' });
    assert.deepEqual(await ask(port, '/livez'), { status: 200, text: 'alive\n' });
    await caller().mount(mountRequest({}));
    const { text } = await ask(port, '/metrics');
    const samples = readMetrics(await prometheusParser(), [text]);
    assert.deepEqual(
      samples
        .filter(({ name }) => name === 'vaultonce_mounts_total')
        .map(({ labels, value }) => [labels['code'], value]),
      [
        ['ok', 0],
        ['config', 1],
      ],
    );
    const path = workspace.path('vault.sock');
    renameSync(path, `${path}.away`);
    assert.equal(await becomes(port, '/readyz', 503), 'not ready: no provider answers at the socket\n');
    assert.equal((await ask(port, '/livez')).status, 503);
    renameSync(`${path}.away`, path);
    await becomes(port, '/readyz', 200);
    assert.equal((await ask(port, '/livez')).status, 200);
  });

  test('health: a server that does not answer, or that is not trusted', async () => {
    const silent = createServer((asked) => asked.socket.destroy()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    silent.unref();
    const { port: silentPort } = silent.address() as { port: number };
    for (const address of [`http://127.0.0.1:${String(silentPort)}`, server.tlsAddress]) {
      const port = await freePort();
      const provider = await start(['--health', `:${String(port)}`, '--address', address]);
      assert.deepEqual(await ask(port, '/readyz'), {
        status: 503,
        text: 'not ready: the server cannot be reached\n',
      });
      provider.child.kill('SIGTERM');
      await provider.done;
    }
    silent.close();
  });

  test('health: it does not wait for a server that no class needs', async () => {
    const path = workspace.path('health.sock');
    await start(['--health', `unix://${path}`]);
    assert.ok(existsSync(path));
    const asked = request({ socketPath: path, path: '/readyz', agent: false });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    assert.equal(response.resume().statusCode, 200);
  });

  test('a health address that cannot be listened at ends it, and costs nobody the socket', async () => {
    await start();
    const result = await runCli(['csi', '--endpoint', workspace.path('vault.sock'), '--health', 'nowhere']);
    assert.equal(result.code, 3);
    assert.equal(failuresOf(result)[0]?.where, '--health');
    assert.deepEqual(workspace.list(), ['vault.sock']);
    assert.equal((await caller().version()).code, status.OK);
  });

  test('bad flags', async () => {
    const failed = async (...args: readonly string[]): Promise<CliResult> => runCli(['csi', ...args]);
    const endpoint = ['--endpoint', workspace.path('vault.sock')];
    const missing = await failed();
    assert.equal(missing.code, 2);
    assert.match(failuresOf(missing)[0]?.message ?? '', /required option '--endpoint <path>'/);
    for (const bytes of ['', '0', '-1', '1.5', '4Mi', '9999999999'])
      assert.equal((await failed(...endpoint, `--max-call-recv-msg-size=${bytes}`)).code, 2, bytes);
    assert.equal((await failed(...endpoint, '--timeout', 'soon')).code, 2);
    assert.equal((await failed(...endpoint, '--config', 'x')).code, 2);
    assert.equal((await failed(...endpoint, 'word')).code, 2);
    assert.equal((await failed('--endpoint', workspace.path('provider'))).code, 3);
    assert.equal((await failed(...endpoint, '--defaults', workspace.path('none.yaml'))).code, 3);
    rmSync(workspace.path('vault.sock'), { force: true });
  });

  test('an endpoint as other providers have theirs', async () => {
    const path = workspace.path('vault.sock');
    for (const endpoint of [`unix://${path}`, `unix:${path}`, 'vault.sock']) {
      const provider = startCli(['csi', '--endpoint', endpoint], { cwd: workspace.root });
      running.push(provider);
      await provider.stderrMatches(/"event":"csi_serving"/);
      assert.equal((await caller().version()).code, status.OK);
      provider.child.kill('SIGTERM');
      assert.equal((await provider.done).code, 0);
    }
  });
});

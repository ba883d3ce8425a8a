import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { COMMAND } from '../support/cli.ts';
import { parseCompose, placed, withRightsOf } from '../support/compose.ts';
import { freePort } from '../support/free-port.ts';
import { needsOtherUser } from '../support/needs.ts';
import { until } from '../support/patience.ts';

const root = join(import.meta.dirname, '../../examples/docker-compose/watch');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('docker compose with a sidecar', () => {
  let app: TestApp;
  let auth: TestConfig;
  before(async () => {
    app = await startApp();
    auth = await createRole(app.server, 'compose', { token_policies: ['app'], secret_id_num_uses: 0 });
  });
  after(() => app.stop());

  const { services, configs, volumes = {} } = parseCompose<'vaultonce'>(textOf('compose.yaml'));
  const { vaultonce: sidecar, app: main } = services;
  const [{ source: volume, target }] = sidecar.volumes;
  const [uid = '', gid = ''] = sidecar.user.split(':');

  test('the two share a volume in memory of their user, and one waits for the other', () => {
    assert.deepEqual(main.depends_on, { vaultonce: { condition: 'service_healthy' } });
    assert.deepEqual(main.volumes[0], { type: 'volume', source: volume, target, read_only: true });
    const { type, o: options = '' } = volumes[volume]?.driver_opts ?? {};
    assert.equal(type, 'tmpfs');
    assert.equal(main.user, sidecar.user);
    assert.ok(options.endsWith(`mode=0700,uid=${uid},gid=${gid}`), options);
  });

  test('the application starts once the sidecar is healthy, and is told of a change', async () => {
    await app.putKv2('app/db', { password: 'one' });
    // The application, which is asked to read again.
    let told = 0;
    const server = createServer((request, response) => {
      if (request.method === 'POST' && request.url === '/reload') told += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

    // Where a container has a path, this machine has a directory.
    const { workspace } = app;
    const mounts: Record<string, string> = {
      [target]: workspace.path('shared'),
      '/run/secrets': workspace.path('secrets'),
      'http://app:8080/': `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`,
      ':9102': `:${String(await freePort())}`,
    };
    mkdirSync(workspace.path('shared'), { mode: 0o700 });
    const files = [workspace.path('shared')];
    for (const name of sidecar.secrets)
      files.push(workspace.write(`secrets/${name}`, String(auth['secret_id']), 0o400));
    for (const { source, target: at } of sidecar.configs) {
      const config = textOf(configs[source]?.file ?? '');
      assert.match(config, /role_id: [0-9a-f-]{36}$/m);
      const own = config.replace(/(role_id: )[0-9a-f-]{36}/, `$1${String(auth['role_id'])}`);
      mounts[at] = workspace.write(`configs/${source}`, `${placed(own, mounts)}  refresh: 1s\n  settle: 0\n`);
    }
    const isOther = needsOtherUser().skip === false;
    if (isOther) for (const file of files) chownSync(file, Number(uid), Number(gid));
    chmodSync(workspace.root, 0o711);
    const start = (words: readonly string[]): ReturnType<typeof spawn> => {
      const own = words.map((word) => placed(word, mounts));
      const [program, ...args] = withRightsOf(sidecar, [...COMMAND, ...own]);
      const env = { ...sidecar.environment, VAULT_ADDR: app.server.address, PATH: process.env['PATH'] };
      return spawn(program, args, { cwd: '/', env, stdio: 'ignore' });
    };
    const exitOf = (child: ReturnType<typeof spawn>): Promise<number | null> =>
      new Promise((resolve) => child.once('exit', resolve));
    const [kind, probe, ...probeArgs] = sidecar.healthcheck?.test ?? [];
    assert.deepEqual([kind, probe], ['CMD', '/usr/local/bin/vaultonce']);
    const isHealthy = async (): Promise<boolean> => (await exitOf(start(probeArgs))) === 0;

    assert.equal(await isHealthy(), false);
    const running = start(sidecar.command);
    try {
      await until('health', isHealthy);
      assert.equal(workspace.read('shared/app.env'), 'DB_PASSWORD=one\n');
      assert.equal(workspace.mode('shared/app.env'), '0400');
      if (isOther) assert.equal(String(statSync(workspace.path('shared/app.env')).uid), uid);
      assert.equal(told, 0);
      await app.putKv2('app/db', { password: 'two' });
      await until('the request', () => told === 1);
      assert.equal(workspace.read('shared/app.env'), 'DB_PASSWORD=two\n');
      const ended = exitOf(running);
      running.kill('SIGTERM');
      assert.equal(await ended, 0);
      assert.equal(await app.server.tokensLeft(), 0);
    } finally {
      running.kill('SIGKILL');
      server.close();
    }
  });
});

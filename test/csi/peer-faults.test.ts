import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { requestsOf } from '../support/app.ts';
import { needsDriver, textsOf, type MountResult } from '../support/csi-driver.ts';
import type { RunningProvider } from '../support/csi-provider.ts';
import { PROVIDER, startVaultonce } from '../support/csi-vaultonce.ts';
import { startCsiWorld, type CsiWorld } from '../support/csi-world.ts';
import { freePort } from '../support/free-port.ts';
import type { ApiPod } from '../support/kubernetes-api.ts';
import { allOf, needsPlugins } from '../support/needs.ts';
import { until } from '../support/patience.ts';
import { prometheusParser, readMetrics } from '../support/prometheus.ts';
import { startStandIn } from '../support/stand-in.ts';

const needs = allOf(await needsDriver(), await needsPlugins('auth/kubernetes', 'secret/pki'));

/** What vault-csi-provider 1.7.4 does wrong, measured by the same driver. */
describe('unlike the provider that it replaces', needs, () => {
  let world: CsiWorld;
  let provider: RunningProvider;
  let pods = 0;

  before(async () => {
    world = await startCsiWorld();
    provider = await startVaultonce(world);
    await world.putKv2('app', { password: 'one' });
    await world.putKv1('app', { password: 'one' });
    world.server.takeAudit();
  });
  after(async () => {
    await provider.stop();
    await world.stop();
  });

  const newPod = (): ApiPod => world.startPod(`pod-${String((pods += 1))}`);
  const mount = (objects: string, pod = newPod(), provides = PROVIDER): Promise<MountResult> =>
    world.mount(provides, pod, { roleName: 'web', objects });
  const KV = '- { objectName: kv, secretPath: secret/data/app, secretKey: password }';

  test('it survives an answer without content, and says what is wrong with it', async () => {
    const { code, message } = await mount(
      `- { objectName: put, secretPath: kv1/put, method: PUT, secretArgs: { a: b } }\n${KV}`,
    );
    assert.equal(code, 'NotFound');
    assert.match(message, /objects\[0\] \(put\).*kv1\/put: has no data: the server returned an empty answer/);
    assert.deepEqual(textsOf(await mount(KV)), { kv: 'one' });
  });

  test('it survives a login without a token', async () => {
    const server = await startStandIn({ answer: () => ({ status: 200, body: { data: {} } }) });
    try {
      const parameters = { roleName: 'web', objects: KV, vaultAddress: server.address };
      const { code, message } = await world.mount(PROVIDER, newPod(), parameters);
      assert.equal(code, 'Unauthenticated', message);
    } finally {
      await server.stop();
    }
    assert.deepEqual(textsOf(await mount(KV)), { kv: 'one' });
  });

  test('it asks for each object with its own arguments', async () => {
    world.server.takeAudit();
    const issue = (name: string, commonName: string): string =>
      `- { objectName: ${name}, secretPath: pki/issue/web, method: PUT, secretKey: serial_number, secretArgs: { common_name: ${commonName} } }`;
    const { one, two, again } = textsOf(
      await mount(
        [issue('one', 'one.example'), issue('two', 'two.example'), issue('again', 'one.example')].join('\n'),
      ),
    );
    assert.notEqual(one, two);
    assert.equal(one, again);
    const issued = requestsOf(world.server).filter((request) => request === 'update pki/issue/web');
    assert.equal(issued.length, 2);
  });

  test('it writes a whole answer again only if something in it has changed', async () => {
    const pod = newPod();
    const whole = '- { objectName: whole, secretPath: secret/data/app }';
    const first = await mount(whole, pod);
    assert.equal(first.message, '');
    const again = await mount(whole, pod);
    assert.deepEqual(
      [again.generation, again.objectVersions, textsOf(again)],
      [first.generation, first.objectVersions, textsOf(first)],
    );
    await world.putKv2('app', { password: 'two' });
    const changed = await mount(whole, pod);
    await world.putKv2('app', { password: 'one' });
    assert.notEqual(changed.generation, first.generation);
    assert.notEqual(changed.objectVersions?.['whole'], first.objectVersions?.['whole']);
  });

  test('it mints once for a pod, however often the volume is mounted', async () => {
    const pod = newPod();
    const objects =
      '- { objectName: cert, secretPath: pki/issue/web, method: PUT, secretKey: certificate, secretArgs: { common_name: web.example } }';
    world.server.takeAudit();
    const first = await mount(objects, pod);
    for (let count = 0; count < 3; count += 1)
      assert.deepEqual(textsOf(await mount(objects, pod)), textsOf(first));
    assert.deepEqual(requestsOf(world.server), ['update auth/kubernetes/login', 'update pki/issue/web']);
  });

  test('it names every object that failed, with a status that fits', async () => {
    const missing = '- { objectName: missing, secretPath: secret/data/missing, secretKey: a }';
    const key = '- { objectName: key, secretPath: secret/data/app, secretKey: passwort }';
    const denied = '- { objectName: denied, secretPath: sys/policies/acl/root }';
    const all = await mount([missing, key, denied, KV].join('\n'));
    assert.equal(all.code, 'PermissionDenied');
    assert.deepEqual(all.files, []);
    for (const one of [
      /objects\[0\] \(missing\).*secret\/data\/missing/,
      /objects\[1\] \(key\).*no key `passwort`.*did you mean `password`/,
      /objects\[2\] \(denied\).*sys\/policies\/acl\/root/,
    ])
      assert.match(all.message, one);
    assert.doesNotMatch(all.message, /\(kv\)/);
    assert.equal((await mount(missing)).code, 'NotFound');
    assert.equal((await mount(key)).code, 'NotFound');
    const unknown = await world.mount(PROVIDER, newPod(), { roleName: 'unknown', objects: KV });
    assert.equal(unknown.code, 'Unauthenticated');
  });

  test('a token that was revoked costs one login and one more try', async () => {
    const pod = newPod();
    await mount(KV, pod);
    await world.server.revokeTokens();
    world.server.takeAudit();
    assert.deepEqual(textsOf(await mount(KV, pod)), { kv: 'one' });
    const logins = requestsOf(world.server).filter((request) => request.endsWith('/login'));
    assert.equal(logins.length, 1);
  });

  test('its health is what it is', async () => {
    const name = 'healthy';
    const port = await freePort();
    const server = await startStandIn({ target: world.server.address, answer: () => 'forward' });
    const page = async (path: string): Promise<readonly [number, string]> => {
      try {
        const response = await fetch(`http://127.0.0.1:${String(port)}${path}`);
        return [response.status, await response.text()];
      } catch {
        return [0, ''];
      }
    };
    assert.deepEqual(await page('/readyz'), [0, '']);
    const healthy = await startVaultonce(world, {
      name,
      args: ['--health', `127.0.0.1:${String(port)}`],
      env: { VAULT_ADDR: server.address },
    });
    try {
      await until('it is ready', async () => (await page('/readyz'))[0] === 200);
      assert.equal((await page('/livez'))[0], 200);
      const pod = newPod();
      await mount(KV, pod, name);
      await mount(KV, pod, name);
      await mount(KV.replace('password', 'x'), newPod(), name);
      const samples = readMetrics(await prometheusParser(), [(await page('/metrics'))[1]]);
      const value = (sample: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
        samples.find(
          (one) =>
            one.name === `vaultonce_${sample}` &&
            Object.entries(labels).every(([label, text]) => one.labels[label] === text),
        )?.value;
      assert.equal(value('mounts_total', { code: 'ok' }), 2);
      assert.equal(value('mounts_total', { code: 'not_found' }), 1);
      assert.equal(value('mount_duration_seconds_count'), 3);
      assert.equal(value('mounts_under_way'), 0);
      assert.equal(value('volumes'), 1);
      assert.equal(value('logins_total'), 2);
      await server.stop();
      await until('the server is missed', async () => (await page('/readyz'))[0] === 503);
      assert.match((await page('/readyz'))[1], /server cannot be reached/);
      assert.equal((await page('/livez'))[0], 200);
      rmSync(world.socketOf(name));
      assert.deepEqual(await page('/livez'), [503, 'not alive: the socket for the driver is gone\n']);
      await until('the socket is missed', async () => (await page('/readyz'))[1].includes('at the socket'));
    } finally {
      // Its server is gone: it would try to give tokens back.
      await healthy.stop('SIGKILL');
    }
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { requestsOf } from '../support/app.ts';
import { modesOf, needsDriver, textsOf, type MountResult } from '../support/csi-driver.ts';
import type { RunningProvider } from '../support/csi-provider.ts';
import { PROVIDER, startVaultonce } from '../support/csi-vaultonce.ts';
import { startCsiWorld, type CsiWorld, type VolumeOptions } from '../support/csi-world.ts';
import type { ApiPod } from '../support/kubernetes-api.ts';
import { needsPlugins } from '../support/needs.ts';

const driver = await needsDriver();
const needs = driver.skip === false ? await needsPlugins('auth/kubernetes', 'secret/pki') : driver;

const LOGIN = 'auth: { method: kubernetes, role: web }';

describe('a class that holds a config', needs, () => {
  let world: CsiWorld;
  let provider: RunningProvider;

  before(async () => {
    world = await startCsiWorld();
    provider = await startVaultonce(world);
    await world.putKv2('db', { user: 'web', password: 'one' });
    await world.putKv2('api', { key: 'k' });
    world.server.takeAudit();
  });
  after(async () => {
    await provider.stop();
    await world.stop();
  });

  const mount = (pod: ApiPod, config: string, options: VolumeOptions = {}): Promise<MountResult> =>
    world.mount(PROVIDER, pod, { config: `${LOGIN}\n${config}` }, options);
  const refused = async (config: string, options?: VolumeOptions): Promise<MountResult> => {
    const result = await mount(world.startPod(`refused-${String(Math.random())}`), config, options);
    assert.equal(result.ok, false);
    assert.deepEqual(result.files, []);
    return result;
  };

  const TWO = `
secrets: { db: secret/db, api: secret/api }
outputs:
  - { path: db.env, format: dotenv, secret: db }
  - { path: keys/api, value: api#key, mode: '0400' }
  - { path: url, contents: 'postgres://{{db.user}}:{{db.password}}@db/web' }
`;

  test('fills the volume with one login, in parallel; asks for KV again, and for nothing else', async () => {
    const pod = world.startPod('fills');
    const first = await mount(pod, TWO);
    assert.equal(first.message, '');
    assert.deepEqual(textsOf(first), {
      'db.env': 'password=one\nuser=web\n',
      'keys/api': 'k',
      url: 'postgres://web:one@db/web',
    });
    assert.deepEqual(modesOf(first), { 'db.env': '0644', 'keys/api': '0400', url: '0644' });
    assert.deepEqual(requestsOf(world.server).sort(), [
      'read secret/data/api',
      'read secret/data/db',
      'read sys/internal/ui/mounts',
      'update auth/kubernetes/login',
    ]);
    const again = await mount(pod, TWO);
    assert.equal(again.generation, first.generation, 'nothing is written');
    assert.deepEqual(again.objectVersions, first.objectVersions);
    assert.deepEqual(requestsOf(world.server).sort(), ['read secret/data/api', 'read secret/data/db']);
    await world.putKv2('db', { user: 'web', password: 'two' });
    const changed = await mount(pod, TWO);
    assert.equal(textsOf(changed)['url'], 'postgres://web:two@db/web');
    assert.notEqual(changed.objectVersions?.['url'], first.objectVersions?.['url']);
    assert.equal(changed.objectVersions?.['keys/api'], first.objectVersions?.['keys/api']);
  });

  test('mints once for each volume, however often it is asked', async () => {
    const pod = world.startPod('mints');
    const config = `
secrets: { web: { path: pki/issue/web, write: { common_name: web.example.com, ttl: 1h } } }
outputs: [{ path: web.pem, format: pem, secret: web }]
`;
    world.server.takeAudit();
    const first = await mount(pod, config);
    assert.match(textsOf(first)['web.pem'] ?? '', /BEGIN CERTIFICATE/);
    const again = await mount(pod, config);
    assert.deepEqual(textsOf(again), textsOf(first));
    const other = await mount(world.startPod('mints-too'), config);
    assert.notDeepEqual(textsOf(other), textsOf(first));
    const issued = requestsOf(world.server).filter((one) => one === 'update pki/issue/web');
    assert.equal(issued.length, 2);
  });

  test('tells every failure at once, with the file that it is for', async () => {
    const result = await refused(`
secrets: { db: secret/db, gone: secret/gone, denied: sys/raw/x }
outputs:
  - { path: a, value: db#nothing }
  - { path: b, format: dotenv, secret: gone }
  - { path: c, format: json, secret: denied }
`);
    assert.equal(result.code, 'PermissionDenied');
    for (const text of [/secret\/data\/gone does not exist/, /nothing/, /sys\/raw\/x/])
      assert.match(result.message, text);
  });

  test('gets nothing of the provider: no file, no variable, no identity', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [
        'outputs: [{ path: a, template: /etc/passwd }]',
        /^config:\d+, outputs\[0\] \(a\): .* may name no files/,
      ],
      [
        "outputs: [{ path: a, contents: '{{> token}}' }]",
        /^config:\d+, outputs\[0\] \(a\): .* may name no files/,
      ],
      [
        "outputs: [{ path: a, contents: '${VAULT_ADDR}' }]",
        /`VAULT_ADDR`, which is not set \(.*nodePublishSecretRef/,
      ],
      [
        'vault: { tls: { ca_cert: /etc/ssl/x.pem } }\noutputs: [{ path: a, contents: x }]',
        /files of the provider/,
      ],
      [
        'vault: { address: unix:///run/x.sock }\noutputs: [{ path: a, contents: x }]',
        /files of the provider/,
      ],
      [
        'secrets: { db: secret/db }\noutputs: [{ path: a.p12, format: pkcs12, secret: db, password_file: /etc/passwd }]',
        /files of the provider/,
      ],
      ['outputs: [{ path: /etc/passwd, contents: x }]', /leaves the volume/],
      ['outputs: [{ path: ../a, contents: x }]', /leaves the volume/],
      ['outputs: [{ path: a, contents: x, owner: 1000 }]', /to root/],
      ['environment: { A: secret/db#user }\noutputs: [{ path: a, contents: x }]', /secretObjects/],
      [
        'secrets: { db: secret/db }\noutputs: [{ kubernetes_secret: { name: a, key: b }, value: db#user }]',
        /secretObjects/,
      ],
      ['secrets: { db: secret/db }', /outputs/],
    ];
    world.server.takeAudit();
    for (const [config, message] of cases) {
      const result = await refused(config);
      assert.equal(result.code, 'InvalidArgument', config);
      assert.match(result.message, message);
    }
    assert.deepEqual(requestsOf(world.server), [], 'nobody was asked');
    const logins: readonly (readonly [string, RegExp])[] = [
      ['{ method: token }', /environment/],
      ['{ method: token, token_file: /etc/token }', /file or a variable/],
      ['{ method: approle, role_id: x, secret_id_file: /etc/x }', /file or a variable/],
      ['{ method: aws, role: web }', /identity of the node/],
    ];
    for (const [auth, message] of logins) {
      const config = `auth: ${auth}\noutputs: [{ path: a, contents: x }]`;
      const result = await world.mount(PROVIDER, world.startPod(`login-${auth}`), { config });
      assert.match(result.message, message);
      assert.equal(result.code, 'InvalidArgument');
    }
  });

  test('logs in with what a Secret of the pod holds', async () => {
    const { api } = world.server;
    await api.post('sys/auth/userpass', { type: 'userpass' });
    await api.post('auth/userpass/users/web', { password: 'let-me-in', token_policies: ['app'] });
    const config = `
auth: { method: userpass, username: web, password: '\${PASSWORD}' }
secrets: { db: secret/db }
outputs: [{ path: user, value: db#user }]
`;
    const pod = world.startPod('userpass');
    const result = await world.mount(
      PROVIDER,
      pod,
      { config },
      { secrets: { PASSWORD: 'let-me-in' }, audiences: [] },
    );
    assert.deepEqual(textsOf(result), { user: 'web' }, result.message);
    const wrong = await world.mount(
      PROVIDER,
      world.startPod('wrong'),
      { config },
      { secrets: { PASSWORD: 'hunter22' } },
    );
    assert.equal(wrong.code, 'Unauthenticated');
    assert.ok(!wrong.message.includes('hunter22'));
  });
});

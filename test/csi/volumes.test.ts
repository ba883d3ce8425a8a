import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { requestsOf } from '../support/app.ts';
import { needsDriver, textsOf, type MountResult } from '../support/csi-driver.ts';
import type { RunningProvider } from '../support/csi-provider.ts';
import { PROVIDER, startVaultonce } from '../support/csi-vaultonce.ts';
import { startCsiWorld, type CsiWorld, type VolumeOptions } from '../support/csi-world.ts';
import type { ApiPod } from '../support/kubernetes-api.ts';
import { allOf, needsPlugins, needsPostgres } from '../support/needs.ts';
import { until } from '../support/patience.ts';
import { startStandIn } from '../support/stand-in.ts';

const needs = allOf(await needsDriver(), await needsPlugins('auth/kubernetes', 'secret/pki'));

const ROLE = {
  bound_service_account_names: ['web'],
  bound_service_account_namespaces: ['shop'],
  token_policies: ['app', 'leases'],
  audience: 'vault',
};
const KV = '- { objectName: kv, secretPath: secret/data/app, secretKey: password }';

type Texts = Readonly<Record<string, string>>;

/** A certificate with a lease, which cannot be renewed. */
function leased(role = 'hour', more = ''): Texts {
  const object = `- { objectName: cert, secretPath: pki/issue/${role}, method: PUT, secretKey: certificate, secretArgs: { common_name: web.example } }`;
  return { roleName: 'lessee', objects: `${object}\n${more}` };
}

async function addRoles({ api }: CsiWorld['server']): Promise<void> {
  await api.post('sys/policies/acl/leases', {
    policy: 'path "sys/leases/revoke" { capabilities = ["update"] }',
  });
  await api.post('auth/kubernetes/role/lessee', ROLE);
  await api.post('auth/kubernetes/role/brief', { ...ROLE, token_ttl: '6s', token_max_ttl: '6s' });
  const role = { allow_any_name: true, key_type: 'ec', generate_lease: true };
  for (const [name, ttl] of [
    ['hour', '1h'],
    ['brief', '1h'],
    ['seconds', '6s'],
  ])
    await api.post(`pki/roles/${name!}`, { ...role, ttl, max_ttl: ttl });
}

describe('a volume', needs, () => {
  let world: CsiWorld;
  let provider: RunningProvider;
  let pods = 0;

  before(async () => {
    world = await startCsiWorld();
    await addRoles(world.server);
    await world.putKv2('app', { password: 'one' });
    provider = await startVaultonce(world);
  });
  after(async () => {
    await provider.stop();
    await world.stop();
  });

  const newPod = (other?: Partial<ApiPod>): ApiPod => world.startPod(`pod-${String((pods += 1))}`, other);
  const mount = (parameters: Texts, pod: ApiPod, options?: VolumeOptions): Promise<MountResult> =>
    world.mount(PROVIDER, pod, parameters, options);
  const certificateFrom = async (
    name: string,
    parameters: Texts,
    pod: ApiPod,
    options?: VolumeOptions,
  ): Promise<string> => {
    const result = await world.mount(name, pod, parameters, options);
    assert.equal(result.message, '');
    return textsOf(result)['cert'] ?? '';
  };
  const certificateOf = (...args: Parameters<typeof mount>): Promise<string> =>
    certificateFrom(PROVIDER, ...args);
  /** Of certificates that this role has issued, how many have a lease. */
  const leases = async (role = 'hour'): Promise<number> => {
    const found = await world.server.api
      .request('LIST', `sys/leases/lookup/pki/issue/${role}`)
      .catch(() => ({ data: { keys: [] } }));
    return (found.data?.['keys'] as readonly string[]).length;
  };
  /** With a provider of its own, which has nothing yet, and whose renewals no other test sees. */
  const withProvider = async (
    args: readonly string[],
    use: (name: string, other: RunningProvider) => Promise<void>,
  ): Promise<void> => {
    const name = `other-${String((pods += 1))}`;
    const other = await startVaultonce(world, { name, args });
    try {
      await use(name, other);
    } finally {
      await other.stop();
    }
  };
  const asks = (): string[] => requestsOf(world.server).sort();
  const LOGIN = 'update auth/kubernetes/login';

  test('what cannot be renewed is replaced when it is due, and the old lease ends an ask later', async () => {
    const pod = newPod();
    const parameters = leased('seconds');
    const first = await certificateOf(parameters, pod);
    assert.equal(await certificateOf(parameters, pod), first);
    await delay(3000);
    const second = await certificateOf(parameters, pod);
    assert.notEqual(second, first, 'it would not last until the driver asks again');
    assert.equal(await leases('seconds'), 2, 'the driver may still be writing');
    assert.equal(await certificateOf(parameters, pod), second);
    await until('the old lease is revoked', async () => (await leases('seconds')) === 1);
    assert.doesNotMatch(provider.log(), /lease_left/);
  });

  test('a revoked token is noticed at the next ask: one login, and all that hung on it anew', async () => {
    const pod = newPod();
    const first = await certificateOf(leased('hour', KV), pod);
    await world.server.revokeTokens();
    world.server.takeAudit();
    const second = await certificateOf(leased('hour', KV), pod);
    assert.notEqual(second, first);
    const asked = asks();
    assert.equal(asked.filter((one) => one === LOGIN).length, 1);
    assert.equal(asked.filter((one) => one === 'update pki/issue/hour').length, 1);
    assert.equal(await certificateOf(leased('hour', KV), pod), second);
  });

  test('a token that cannot outlive the next ask is replaced with what hangs on it', async () => {
    await withProvider([], async (name) => {
      const pod = newPod();
      const ask = (): Promise<string> =>
        certificateFrom(name, { ...leased('brief', KV), roleName: 'brief' }, pod);
      await ask();
      await ask();
      await delay(3500);
      await ask();
      // What belongs to the old token is still there, for a pod that reads while the driver writes.
      assert.equal(await leases('brief'), 2);
      const last = await ask();
      await delay(3000);
      assert.notEqual(await ask(), last);
    });
  });

  test('two volumes of a pod, a pod of the same name, and other accounts share nothing', async () => {
    const pod = newPod();
    world.server.takeAudit();
    const first = await certificateOf(leased(), pod);
    const second = await certificateOf(leased(), pod, { volume: 'second' });
    const successor = await certificateOf(leased(), world.startPod(pod.name));
    assert.equal(new Set([first, second, successor]).size, 3);
    assert.equal(asks().filter((one) => one === LOGIN).length, 3);
    const stranger = { ...pod, serviceAccount: 'batch' };
    world.api.addPod(stranger);
    const refused = await mount(leased(), stranger);
    world.api.addPod(pod);
    assert.equal(
      refused.code,
      'Unauthenticated',
      'the volume of the same pod helps another account to nothing',
    );
  });

  test('what the author of a pod overrides has an entry and a login of its own', async () => {
    const pod = newPod();
    const first = await certificateOf(leased(), pod);
    world.server.takeAudit();
    const ask = (volumeAttributes: Texts): Promise<MountResult> => mount(leased(), pod, { volumeAttributes });
    assert.deepEqual(textsOf(await ask({ objects: KV })), { kv: 'one' });
    assert.deepEqual(asks(), ['read secret/data/app', LOGIN]);
    assert.equal((await ask({ roleName: 'unknown' })).code, 'Unauthenticated');
    assert.equal(asks().filter((one) => one === LOGIN).length, 1);
    const elsewhere = await startStandIn({ answer: () => ({ status: 403, body: { errors: ['no'] } }) });
    try {
      assert.notEqual((await ask({ vaultAddress: elsewhere.address })).code, 'OK');
      // The token of the pod is for the audience that its class names; that of a login goes nowhere else.
      assert.deepEqual(
        elsewhere.seen.map(({ path, headers }) => [path, headers['x-vault-token']]),
        [['auth/kubernetes/login', undefined]],
      );
    } finally {
      await elsewhere.stop();
    }
    const config = 'auth: { method: kubernetes, role: web }\noutputs: [{ path: a, contents: x }]';
    assert.equal((await ask({ config })).code, 'InvalidArgument');
    assert.equal((await ask({ config, objects: '' })).code, 'InvalidArgument');
    assert.deepEqual(asks(), []);
    assert.equal(await certificateOf(leased(), pod), first);
  });

  test('a class that has changed: what it had goes once the driver has asked again', async () => {
    const pod = newPod();
    const before = await leases();
    const first = await certificateOf(leased(), pod);
    const changed = { ...leased(), objects: `${leased()['objects'] ?? ''}${KV}` };
    const second = await mount(changed, pod);
    assert.deepEqual(Object.keys(textsOf(second)), ['cert', 'kv']);
    assert.notEqual(textsOf(second)['cert'], first);
    assert.equal(await leases(), before + 2);
    assert.deepEqual(textsOf(await mount(changed, pod)), textsOf(second));
    await until('the old lease is revoked', async () => (await leases()) === before + 1);
  });

  test('a first mount that fails leaves no token and no lease', async () => {
    const before = await leases();
    const missing = '- { objectName: gone, secretPath: secret/data/gone, secretKey: a }';
    world.server.takeAudit();
    const failed = await mount(leased('hour', missing), newPod());
    assert.equal(failed.code, 'NotFound');
    await until('the lease is revoked', async () => (await leases()) === before);
    assert.equal(asks().filter((one) => one === 'update auth/token/revoke-self').length, 1);
  });

  test('a republish that fails leaves what is there, and the next one mends it', async () => {
    const pod = newPod();
    await world.putKv2('mended', { password: 'one' });
    const parameters = leased('hour', KV.replace('data/app', 'data/mended'));
    const first = textsOf(await mount(parameters, pod));
    await world.server.api.request('DELETE', 'secret/data/mended');
    const failed = await mount(parameters, pod);
    assert.equal(failed.code, 'NotFound');
    assert.deepEqual(textsOf(failed), first, 'the driver has written nothing');
    await world.putKv2('mended', { password: 'two' });
    assert.deepEqual(textsOf(await mount(parameters, pod)), { ...first, kv: 'two' });
  });

  test('a short token that is renewed in full is kept, and so is what hangs on it', async () => {
    await world.server.api.post('auth/kubernetes/role/renewed', { ...ROLE, token_ttl: '3s' });
    await withProvider([], async (name) => {
      const pod = newPod();
      const ask = (): Promise<string> =>
        certificateFrom(name, { ...leased('brief'), roleName: 'renewed' }, pod);
      const first = await ask();
      await delay(4000);
      assert.equal(await ask(), first);
      assert.equal(await ask(), first);
    });
  });

  test('what nobody asks for any more is ended, where the driver asks again at all', async () => {
    const tokens = await world.server.tokensLeft();
    await withProvider(['--keep', '2s'], async (name, other) => {
      const [pod, next] = [newPod(), newPod()];
      const before = await leases();
      await world.mount(name, pod, leased());
      await delay(2500);
      assert.equal(await leases(), before + 1, 'a driver that asks once never asks again');
      await world.mount(name, next, leased());
      await until('the first is ended', async () => {
        await world.mount(name, next, leased());
        return (await leases()) === before + 1;
      });
      await until('so is the second', async () => (await leases()) === before);
      await until('so are the tokens', async () => (await world.server.tokensLeft()) <= tokens);
      assert.match(other.log(), /has not asked for it any more/);
      // A pod that was only slow gets its volume again.
      assert.equal((await world.mount(name, pod, leased())).code, 'OK');
    });
  });

  test('a mount that the driver repeats at once is no sign that it asks at intervals', async () => {
    await withProvider(['--keep', '8s'], async (name, other) => {
      const [pod, repeated] = [newPod(), newPod()];
      const before = await leases();
      for (const one of [pod, repeated, repeated])
        assert.equal((await world.mount(name, one, leased())).code, 'OK');
      await delay(9000);
      assert.equal(await leases(), before + 2);
      assert.doesNotMatch(other.log(), /no longer kept/);
    });
  });

  test('SIGTERM gives back the tokens that nothing depends on, leaves the others, and says so', async () => {
    const before = await leases();
    const name = 'ending';
    const ending = await startVaultonce(world, { name });
    const [holding, reading] = [newPod(), newPod()];
    const held = await world.mount(name, holding, leased());
    assert.equal((await world.mount(name, reading, { roleName: 'web', objects: KV })).code, 'OK');
    assert.equal(held.code, 'OK');
    world.server.takeAudit();
    assert.equal(await ending.stop(), 0);
    assert.deepEqual(asks(), ['update auth/token/revoke-self']);
    assert.equal(await leases(), before + 1);
    assert.match(ending.log(), new RegExp(`shop/${holding.name}: no longer kept: .*lives until its own end`));
    assert.doesNotMatch(ending.log(), new RegExp(`shop/${reading.name}: no longer kept`));
  });

  test('a call that is under way at SIGTERM ends well', async () => {
    const name = 'slow';
    const server = await startStandIn({
      target: world.server.address,
      answer: ({ path }) => (path.startsWith('secret/') ? 'late' : 'forward'),
    });
    const slow = await startVaultonce(world, { name, env: { VAULT_ADDR: server.address } });
    const under = world.mount(name, newPod(), { roleName: 'web', objects: KV });
    await until('it reads', () => server.seen.some(({ path }) => path.startsWith('secret/')));
    const ended = slow.stop();
    assert.deepEqual(textsOf(await under), { kv: 'one' });
    assert.equal(await ended, 0);
    await server.stop();
  });

  test('a provider that was killed is replaced, and mounts go on', async () => {
    const name = 'killed';
    const pod = newPod();
    const killed = await startVaultonce(world, { name });
    assert.equal((await world.mount(name, pod, leased())).code, 'OK');
    assert.equal(await killed.stop('SIGKILL'), 137);
    // The driver waits for its successor.
    const between = world.mount(name, newPod(), leased());
    const successor = await startVaultonce(world, { name });
    assert.equal((await between).code, 'OK');
    assert.equal((await world.mount(name, pod, leased())).code, 'OK');
    assert.equal(await successor.stop(), 0);
  });

  test('in a rolling update no mount fails', async () => {
    const name = 'rolled';
    let current = await startVaultonce(world, { name });
    let isOver = false;
    const results: MountResult[] = [];
    const mounting = Array.from({ length: 3 }, async () => {
      while (!isOver) results.push(await world.mount(name, newPod(), { roleName: 'web', objects: KV }));
    });
    for (let round = 0; round < 3; round += 1) {
      const next = await startVaultonce(world, { name });
      const count = results.length;
      assert.equal(await current.stop(), 0);
      current = next;
      await until('mounts go on', () => results.length > count + 5);
    }
    isOver = true;
    await Promise.all(mounting);
    assert.deepEqual([...new Set(results.map(({ code, message }) => `${code} ${message}`))], ['OK ']);
    await current.stop();
  });
});

describe('a volume with credentials of a database', allOf(needs, await needsPostgres()), () => {
  test('keeps them good without being asked', async () => {
    const world = await startCsiWorld({ database: true });
    await addRoles(world.server);
    await world.server.api.post('database/roles/short', {
      db_name: 'app',
      creation_statements: [
        `CREATE ROLE "{{name}}" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}';`,
      ],
      default_ttl: '3s',
      max_ttl: '1h',
    });
    const provider = await startVaultonce(world);
    try {
      const pod = world.startPod('renewed');
      const objects = `
- { objectName: user, secretPath: database/creds/short, secretKey: username }
- { objectName: password, secretPath: database/creds/short, secretKey: password }
`;
      const parameters = { roleName: 'lessee', objects };
      const first = await world.mount(PROVIDER, pod, parameters);
      const { user = '', password = '' } = textsOf(first);
      await delay(6000);
      const again = await world.mount(PROVIDER, pod, parameters);
      assert.deepEqual(
        [again.generation, textsOf(again), again.objectVersions],
        [first.generation, { user, password }, first.objectVersions],
      );
      assert.ok(await world.database?.canLogIn(user, password));
      const asked = requestsOf(world.server);
      assert.ok(asked.filter((one) => one === 'update sys/leases/renew').length >= 2, asked.join());
      assert.equal(asked.filter((one) => one === 'read database/creds/short').length, 1);
      assert.match(provider.log(), /renewed/);
    } finally {
      await provider.stop();
      await world.stop();
    }
  });
});

import assert from 'node:assert/strict';
import { createHmac, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { requestsOf } from '../support/app.ts';
import { modesOf, needsDriver, needsPublishing, textsOf, type MountResult } from '../support/csi-driver.ts';
import type { RunningProvider } from '../support/csi-provider.ts';
import { startVaultonce } from '../support/csi-vaultonce.ts';
import { callRaw, framed, sendBytes } from '../support/csi-raw.ts';
import { startCsiWorld, type CsiWorld, type VolumeOptions } from '../support/csi-world.ts';
import type { ApiPod } from '../support/kubernetes-api.ts';
import { allOf, needsPlugins, needsPostgres } from '../support/needs.ts';

const PROVIDER = 'vault';
const ROTATION = { rotation: true, rotationPollIntervalMs: 0 };
const needs = allOf(await needsDriver(), await needsPlugins('auth/kubernetes', 'secret/pki'));
const publishing = await needsPublishing();

/** An item of `objects`. */
interface ClassObject {
  readonly objectName: string;
  readonly secretPath: string;
  readonly [field: string]: unknown;
}

/** JSON is YAML, except for octal numbers. */
const objectsOf = (objects: readonly ClassObject[]): string =>
  JSON.stringify(objects).replaceAll(/"filePermission":"(\w+)"/g, '"filePermission":$1');

const password = (objectName: string, path: string, more: object = {}): ClassObject => ({
  objectName,
  secretPath: path,
  secretKey: 'password',
  ...more,
});

/** What SecretProviderClasses for the provider `vault` ask for, asked by the driver itself. */
describe('a class of the vault provider', needs, () => {
  let world: CsiWorld;
  let provider: RunningProvider | undefined;
  let pods = 0;
  const newPod = (other: Partial<ApiPod> = {}): ApiPod => world.startPod(`pod-${String((pods += 1))}`, other);
  const mount = (
    objects: readonly ClassObject[],
    pod = newPod(),
    parameters: Readonly<Record<string, string>> = {},
    options: VolumeOptions = {},
  ): Promise<MountResult> =>
    world.mount(PROVIDER, pod, { roleName: 'web', objects: objectsOf(objects), ...parameters }, options);
  const mounted = async (...args: Parameters<typeof mount>): Promise<MountResult> => {
    const result = await mount(...args);
    assert.equal(result.code, 'OK', result.message);
    return result;
  };
  const requests = (): string[] => requestsOf(world.server);
  const count = (all: readonly string[], part: string): number =>
    all.filter((one) => one.includes(part)).length;

  before(async () => {
    world = await startCsiWorld();
    await world.putKv2('app', { password: 'geheim', user: 'web', limits: { max: 3 }, none: null });
    await world.putKv2('other', {
      password: 'anders',
      encoded: Buffer.from('\0\u00ff', 'latin1').toString('base64'),
    });
    await world.putKv1('app', { password: 'old' });
    provider = await startVaultonce(world, { name: PROVIDER });
  });
  after(async () => {
    await provider?.stop();
    await world.stop();
  });

  test('has its files with their modes, whichever way a path is written', async () => {
    const result = await mounted([
      password('octal', 'secret/data/app', { filePermission: '0624' }),
      password('new', '/secret/data/app', { filePermission: '0o600' }),
      password('default', '/v1/secret/data/app'),
      password('v1', 'v1/secret/data/app'),
      password('kv1', 'kv1/app'),
    ]);
    const geheim = { octal: 'geheim', new: 'geheim', default: 'geheim', v1: 'geheim' };
    assert.deepEqual(textsOf(result), { ...geheim, kv1: 'old' });
    assert.deepEqual(modesOf(result), {
      octal: '0624',
      new: '0600',
      default: '0644',
      v1: '0644',
      kv1: '0644',
    });
  });

  test('decodes, and writes what is no text as JSON', async () => {
    const result = await mounted([
      { objectName: 'decoded', secretPath: 'secret/data/other', secretKey: 'encoded', encoding: 'BASE64' },
      { objectName: 'limits', secretPath: 'secret/data/app', secretKey: 'limits' },
      { objectName: 'none', secretPath: 'secret/data/app', secretKey: 'none' },
    ]);
    const [, limits, none] = Object.values(textsOf(result));
    assert.deepEqual(result.files.find(({ path }) => path === 'decoded')?.content, Buffer.from([0, 0xff]));
    assert.deepEqual([limits, none], ['{"max":3}', 'null']);
  });

  test('two of them in a pod are two volumes', async () => {
    const pod = newPod();
    const one = await mounted(
      [password('a', 'secret/data/app')],
      pod,
      {},
      { volume: 'one', className: 'one' },
    );
    const two = await mounted(
      [password('a', 'secret/data/other')],
      pod,
      {},
      { volume: 'two', className: 'two' },
    );
    assert.deepEqual([textsOf(one), textsOf(two)], [{ a: 'geheim' }, { a: 'anders' }]);
  });

  test('each object of one path has the answer to its own arguments', async () => {
    const issue = (objectName: string): ClassObject => ({
      objectName,
      secretPath: 'pki/issue/web',
      method: 'PUT',
      secretKey: 'certificate',
      secretArgs: { common_name: `${objectName}.example` },
    });
    const result = textsOf(await mounted([issue('one'), issue('two')]));
    for (const name of ['one', 'two']) {
      const { subject } = new X509Certificate(result[name]!);
      assert.equal(subject, `CN=${name}.example`);
    }
  });

  test('a certificate is issued once while it is good, and its parts belong together', async () => {
    const part = (secretKey: string): ClassObject => ({
      objectName: secretKey,
      secretPath: 'pki/issue/web',
      method: 'POST',
      secretKey,
      secretArgs: { common_name: 'web.example' },
    });
    const parts = ['certificate', 'private_key', 'serial_number'].map(part);
    const pod = newPod();
    requests();
    const first = await mounted(parts, pod);
    const again = await mounted(parts, pod);
    assert.equal(count(requests(), 'pki/issue'), 1);
    assert.deepEqual(textsOf(again), textsOf(first));
    assert.deepEqual(again.objectVersions, first.objectVersions);
    const other = await mounted(parts);
    assert.notEqual(textsOf(other)['serial_number'], textsOf(first)['serial_number']);
  });

  test('a whole response is written again only if what it says has changed', async () => {
    const pod = newPod();
    const whole = [{ objectName: 'whole', secretPath: 'secret/data/app' }];
    const first = await mounted(whole, pod);
    const again = await mounted(whole, pod);
    const said = JSON.parse(textsOf(first)['whole']!) as Record<string, Record<string, unknown>>;
    const fields = ['request_id', 'lease_id', 'lease_duration', 'renewable', 'data', 'warnings'];
    assert.deepEqual(Object.keys(said), fields);
    assert.equal((said['data']?.['data'] as Record<string, unknown>)['password'], 'geheim');
    assert.deepEqual(again.objectVersions, first.objectVersions);
    assert.equal(again.generation, first.generation);
  });

  test('every failure is told at once, by the name of its object', async () => {
    const result = await mount([
      password('fine', 'secret/data/app'),
      password('absent', 'secret/data/absent'),
      { objectName: 'nokey', secretPath: 'secret/data/app', secretKey: 'nope' },
      password('denied', 'auth/token/lookup'),
    ]);
    assert.equal(result.ok, false);
    for (const name of ['absent', 'nokey', 'denied'])
      assert.match(result.message, new RegExp(`\\b${name}\\b`));
    assert.doesNotMatch(result.message, /geheim|eyJ/);
    assert.deepEqual(result.files, []);
  });

  test('a login that is refused says what the server said', async () => {
    const result = await mount([password('a', 'secret/data/app')], newPod({ serviceAccount: 'batch' }));
    assert.match(result.message, /service account name not authorized/);
    assert.doesNotMatch(result.message, /eyJ/);
  });

  test('the token for the audience of the class is used', async () => {
    const audiences = { audiences: ['other', 'vault'] };
    await mounted([password('a', 'secret/data/app')], newPod(), { audience: 'vault' }, audiences);
    const wrong = await mount([password('a', 'secret/data/app')], newPod(), { audience: 'other' }, audiences);
    assert.equal(wrong.ok, false);
  });

  test('a token that the driver did not pass is asked of the cluster', async () => {
    const pod = newPod();
    world.api.requests.length = 0;
    await mounted([password('a', 'secret/data/app')], pod, { audience: 'vault' }, { audiences: [] });
    assert.equal(count(world.api.requests, `serviceaccounts/${pod.serviceAccount}/token`), 1);
    world.api.rights.set('csi/provider', { secrets: true });
    const refused = await mount([password('a', 'secret/data/app')], newPod(), {}, { audiences: [] });
    world.api.rights.set('csi/provider', { secrets: true, createTokens: true });
    assert.match(refused.message, /cannot create resource "serviceaccounts\/token"/);
  });

  test('versions are those that the vault provider makes', async () => {
    const { objectVersions } = await mounted([password('p', 'secret/data/app')]);
    const key = Buffer.from(world.api.secrets.get('csi/vault-csi-provider-hmac-key')!.data['key']!, 'base64');
    const config =
      '{"ObjectName":"p","SecretPath":"secret/data/app","SecretKey":"password","Method":"","SecretArgs":null,"FilePermission":0,"Encoding":""}';
    const expected = createHmac('sha256', key).update(`${config}geheim`).digest('base64url');
    assert.equal(objectVersions?.['p']?.replace(/=+$/, ''), expected);
  });

  test('a token that was revoked is replaced', async () => {
    const pod = newPod();
    await mounted([password('a', 'secret/data/app')], pod);
    await world.server.revokeTokens();
    assert.deepEqual(textsOf(await mounted([password('a', 'secret/data/app')], pod)), { a: 'geheim' });
  });

  test('a republish reads again without a login', async () => {
    const pod = newPod();
    await world.putKv2('changes', { password: 'one' });
    const objects = [password('a', 'secret/data/changes')];
    const first = await mounted(objects, pod);
    await world.putKv2('changes', { password: 'two' });
    requests();
    const second = await mounted(objects, pod);
    assert.equal(count(requests(), 'login'), 0);
    assert.deepEqual([textsOf(first), textsOf(second)], [{ a: 'one' }, { a: 'two' }]);
    assert.notDeepEqual(first.objectVersions, second.objectVersions);
  });

  test('many pods start at once', async () => {
    const objects = [password('a', 'secret/data/app'), password('b', 'secret/data/other')];
    const results = await Promise.all(Array.from({ length: 200 }, () => mount(objects)));
    const failed = results.filter(({ ok }) => !ok);
    assert.deepEqual(
      failed.map(({ message }) => message),
      [],
    );
    for (const result of results) assert.deepEqual(textsOf(result), { a: 'geheim', b: 'anders' });
  });

  test('an answer without a body ends no process', async () => {
    const write = { objectName: 'w', secretPath: 'kv1/written', method: 'PUT', secretArgs: { a: 'b' } };
    const result = await mount([{ ...write, secretKey: 'a' }]);
    assert.equal(result.ok, false);
    assert.match(result.message, /\bw\b/);
    await mounted([password('a', 'secret/data/app')]);
  });

  test('what is no request ends no process', async () => {
    const socket = world.socketOf(PROVIDER);
    assert.equal(
      (await callRaw(socket, { body: framed(Buffer.from([0xff, 0xff, 1])) })).grpcStatus !== 0,
      true,
    );
    const unknown = await callRaw(socket, {
      path: '/v1alpha1.CSIDriverProvider/Unmount',
      body: framed(Buffer.alloc(0)),
    });
    assert.equal(unknown.grpcStatus, 12);
    await callRaw(socket, { body: framed(Buffer.from('short'), 1000) }).catch(() => undefined);
    await sendBytes(socket, 'GET / HTTP/1.1\r\n\r\n');
    const place = {
      sockets: [world.sockets],
      provider: PROVIDER,
      targetPath: world.workspace.path('nowhere'),
    };
    for (const attributes of [{}, { roleName: 'web' }, { roleName: 'web', objects: '{{' }])
      assert.equal((await world.driver.mount({ ...place, attributes })).ok, false);
    await mounted([password('a', 'secret/data/app')]);
  });

  test('an answer that is too large for the driver is refused by its size', async () => {
    for (const name of ['large1', 'large2', 'large3', 'large4', 'large5'])
      await world.putKv2(name, { password: 'x'.repeat(900_000) });
    const names = ['large1', 'large2', 'large3', 'large4', 'large5'];
    const result = await mount(names.map((name) => password(name, `secret/data/${name}`)));
    assert.equal(result.ok, false);
    assert.match(result.message, /takes 4500\d+ bytes, and the driver accepts 4194304/);
  });

  test('is published and republished as kubelet asks for it', publishing, async () => {
    const pod = newPod();
    await world.putKv2('rotates', { password: 'one' });
    const parameters = { roleName: 'web', objects: objectsOf([password('a', 'secret/data/rotates')]) };
    const first = await world.publish(PROVIDER, pod, parameters, ROTATION);
    assert.deepEqual([first.code, textsOf(first)], ['OK', { a: 'one' }]);
    const same = await world.publish(PROVIDER, pod, parameters, ROTATION);
    assert.equal(same.generation, first.generation);
    await world.putKv2('rotates', { password: 'two' });
    const changed = await world.publish(PROVIDER, pod, parameters, ROTATION);
    assert.deepEqual(textsOf(changed), { a: 'two' });
    assert.notDeepEqual(changed.objects, first.objects);
    await world.unpublish(pod, ROTATION);
  });
});

describe('a class with what has a lease', allOf(needs, await needsPostgres()), () => {
  let world: CsiWorld;
  before(async () => {
    world = await startCsiWorld({ database: true });
  });
  after(() => world.stop());

  test('user and password are of one lease, which is kept, and outlives the provider', async () => {
    const provider = await startVaultonce(world, { name: PROVIDER });
    const pod = world.startPod('leases');
    const part = (secretKey: string): ClassObject => ({
      objectName: secretKey,
      secretPath: 'database/creds/web',
      secretKey,
    });
    const parameters = { roleName: 'web', objects: objectsOf(['username', 'password'].map(part)) };
    const first = textsOf(await world.mount(PROVIDER, pod, parameters));
    assert.deepEqual(textsOf(await world.mount(PROVIDER, pod, parameters)), first);
    assert.ok(await world.database?.canLogIn(first['username']!, first['password']!));
    const minted = requestsOf(world.server).filter((request) => request.includes('database/creds'));
    assert.equal(minted.length, 1);
    assert.equal(await provider.stop(), 0, provider.log());
    // Pods outlive the provider, as in its upgrade, with what they hold.
    assert.ok(await world.database?.canLogIn(first['username']!, first['password']!));
  });
});

describe('the socket of a provider', needs, () => {
  let world: CsiWorld;
  before(async () => {
    world = await startCsiWorld();
    await world.putKv2('app', { password: 'geheim' });
  });
  after(() => world.stop());
  const parameters = { roleName: 'web', objects: objectsOf([password('a', 'secret/data/app')]) };

  test('stays served when one provider takes over from another', async () => {
    const old = await startVaultonce(world, { name: PROVIDER });
    const next = await startVaultonce(world, { name: PROVIDER });
    await old.stop();
    const result = await world.mount(PROVIDER, world.startPod('after'), parameters);
    assert.equal(result.code, 'OK', result.message);
    await next.stop();
  });

  test('is served again after a crash', async () => {
    const crashed = await startVaultonce(world, { name: PROVIDER });
    await crashed.stop('SIGKILL');
    const next = await startVaultonce(world, { name: PROVIDER });
    const result = await world.mount(PROVIDER, world.startPod('again'), parameters);
    assert.equal(result.code, 'OK', result.message);
    assert.equal(await next.stop(), 0);
  });
});

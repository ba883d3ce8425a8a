import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ApiAnswer } from '../support/api.ts';
import { callRaw, framed, sendBytes } from '../support/csi-raw.ts';
import { modesOf, needsDriver, needsPublishing, textsOf } from '../support/csi-driver.ts';
import { startCsiWorld, type CsiWorld } from '../support/csi-world.ts';
import { allOf, needsPlugins, needsPostgres } from '../support/needs.ts';

const FAKE = 'fake';
const ROTATION = { rotation: true, rotationPollIntervalMs: 0 };
const PARAMETERS = { roleName: 'web', objects: '- { objectName: a, secretPath: secret/data/a }' };

const needs = allOf(await needsDriver(), await needsPlugins('auth/kubernetes', 'secret/pki'));
const publishing = await needsPublishing();

/** What the tests of the provider stand on: the driver's own code, its own provider for tests, and a cluster. */
describe('the CSI driver of the tests', needs, () => {
  let world: CsiWorld;
  const file = (path: string, text: string, mode = 0o644) => ({ path, mode, content: Buffer.from(text) });
  const answer = (text: string, version = '1') =>
    world.driver.serveFake({
      socket: world.socketOf(FAKE),
      objects: { a: version },
      files: [file('a', text), file('tls/key', '\0\u00ff', 0o400)],
    });

  before(async () => {
    world = await startCsiWorld();
  });
  after(() => world.stop());

  test('asks for the version of a provider, and says why it cannot', async () => {
    await answer('');
    const place = { sockets: [world.sockets], provider: FAKE };
    assert.deepEqual((await world.driver.version(place)).runtimeVersion, '0.0.10');
    const missing = await world.driver.version({ ...place, provider: 'missing' });
    assert.equal(missing.ok, false);
    assert.match(missing.message, /provider not found: provider "missing"/);
  });

  test('writes what a provider answers, and only when it differs', async () => {
    const pod = world.startPod('writes');
    await answer('one');
    const first = await world.mount(FAKE, pod, PARAMETERS);
    assert.equal(first.code, 'OK');
    assert.deepEqual(first.objectVersions, { a: '1' });
    assert.deepEqual(textsOf(first), { a: 'one', 'tls/key': '\0\u00ff' });
    assert.deepEqual(modesOf(first), { a: '0644', 'tls/key': '0400' });
    const again = await world.mount(FAKE, pod, PARAMETERS);
    assert.equal(again.generation, first.generation);
    await answer('two', '2');
    const changed = await world.mount(FAKE, pod, PARAMETERS);
    assert.notEqual(changed.generation, first.generation);
    assert.equal(textsOf(changed)['a'], 'two');
  });

  test('tells a failure by its status or by its code', async () => {
    const pod = world.startPod('fails');
    const socket = world.socketOf(FAKE);
    await world.driver.serveFake({ socket, message: 'permission denied' });
    const refused = await world.mount(FAKE, pod, PARAMETERS);
    assert.deepEqual(
      { code: refused.code, message: refused.message, errorCode: refused.errorCode },
      { code: 'Unknown', message: 'permission denied', errorCode: 'GRPCProviderError' },
    );
    await world.driver.serveFake({ socket, errorCode: 'NotYet' });
    const coded = await world.mount(FAKE, pod, PARAMETERS);
    assert.equal(coded.errorCode, 'NotYet');
    assert.deepEqual(coded.files, []);
    const files = [{ path: '../a', mode: 0o644, content: Buffer.from('') }];
    await world.driver.serveFake({ socket, objects: { a: '1' }, files });
    assert.equal((await world.mount(FAKE, pod, PARAMETERS)).errorCode, 'FileWriteError');
    const large = [{ path: 'a', mode: 0o644, content: Buffer.alloc(4.3e6) }];
    await world.driver.serveFake({ socket, objects: { a: '1' }, files: large });
    assert.equal((await world.mount(FAKE, pod, PARAMETERS)).code, 'ResourceExhausted');
  });

  test('makes many mounts at once', async () => {
    await answer('one');
    const pods = Array.from({ length: 50 }, (_, index) => world.startPod(`many-${String(index)}`));
    const results = await Promise.all(pods.map((pod) => world.mount(FAKE, pod, PARAMETERS)));
    assert.ok(results.every(({ ok, files }) => ok && files.length === 2));
  });

  test('gives up at the deadline', async () => {
    const pod = world.startPod('late');
    const late = await world.mount(FAKE, pod, PARAMETERS, { deadlineMs: -1 });
    assert.equal(late.code, 'DeadlineExceeded');
  });

  test('sends what no driver sends', async () => {
    await answer('one');
    const socket = world.socketOf(FAKE);
    const INTERNAL = 13;
    const UNIMPLEMENTED = 12;
    const noMessage = await callRaw(socket, { body: framed(Buffer.from('\xff\xff no protobuf', 'latin1')) });
    assert.equal(noMessage.grpcStatus, INTERNAL, noMessage.grpcMessage);
    const unknown = await callRaw(socket, {
      path: '/v1alpha1.CSIDriverProvider/Unmount',
      body: framed(Buffer.alloc(0)),
    });
    assert.equal(unknown.grpcStatus, UNIMPLEMENTED);
    const version = { path: '/v1alpha1.CSIDriverProvider/Version', body: framed(Buffer.alloc(0)) };
    assert.match((await callRaw(socket, version)).body.toString(), /fakeprovider/);
    assert.equal((await callRaw(socket, { ...version, contentType: 'text/plain' })).status, 415);
    const cut = await callRaw(socket, { body: framed(Buffer.from('short'), 1000) });
    assert.equal(cut.grpcMessage, 'unexpected EOF');
    // Settings of HTTP/2 are all that a server of gRPC says to HTTP/1.
    assert.doesNotMatch((await sendBytes(socket, 'GET / HTTP/1.1\r\n\r\n')).toString('latin1'), /HTTP\/1/);
    const pod = world.startPod('after');
    assert.equal((await world.mount(FAKE, pod, PARAMETERS)).code, 'OK');
  });

  test('publishes as kubelet asks for it', publishing, async () => {
    for (const tokensInSecrets of [false, true]) {
      const pod = world.startPod(`publishes-${String(tokensInSecrets)}`);
      const options = { tokensInSecrets, volumeAttributes: { roleName: 'other' } };
      await answer('one');
      const first = await world.publish(FAKE, pod, PARAMETERS, ROTATION, options);
      assert.equal(first.code, 'OK', first.message);
      assert.deepEqual(textsOf(first), { a: 'one', 'tls/key': '\0\u00ff' });
      assert.deepEqual(first.objects, [{ id: 'a', version: '1' }]);
      const [call] = first.calls;
      assert.equal(first.calls.length, 1);
      assert.equal(call?.method, '/v1alpha1.CSIDriverProvider/Mount');
      assert.equal(call.permission, '420');
      assert.equal(call.currentObjectVersions, 0);
      // Tokens are issued anew for each request.
      const untimed = (attributes: object): object => ({
        ...attributes,
        'csi.storage.k8s.io/serviceAccount.tokens': 'tokens',
      });
      const sent = JSON.parse(call.attributes) as Record<string, string>;
      assert.deepEqual(untimed(sent), untimed(world.attributesOf(pod, PARAMETERS, options)));
      assert.equal(sent['roleName'], 'other');
      assert.equal(sent['csi.storage.k8s.io/pod.uid'], pod.uid);
      assert.deepEqual(Object.keys(JSON.parse(sent['csi.storage.k8s.io/serviceAccount.tokens']!) as object), [
        'vault',
      ]);
      assert.equal(JSON.parse(call.secrets) === null, !tokensInSecrets);

      await world.driver.serveFake({ socket: world.socketOf(FAKE), message: 'sealed' });
      const masked = await world.publish(FAKE, pod, PARAMETERS, ROTATION, options);
      assert.deepEqual([masked.code, masked.calls[0]?.code], ['OK', 'Unknown']);
      assert.equal(textsOf(masked)['a'], 'one');

      assert.equal((await world.unpublish(pod, ROTATION)).code, 'OK');
      const gone = await world.publish(FAKE, pod, PARAMETERS, ROTATION, options);
      assert.match(gone.message, /^failed to mount secrets store objects .*sealed$/);
      assert.deepEqual(gone.files, []);
    }
  });

  test('leaves a provider alone until its interval is over', publishing, async () => {
    const pod = world.startPod('republishes');
    await answer('one');
    const hourly = { rotation: true, rotationPollIntervalMs: 3_600_000 };
    const publish = (rotation: typeof hourly) => world.publish(FAKE, pod, PARAMETERS, rotation);
    assert.equal((await publish(hourly)).calls.length, 1);
    await answer('two', '2');
    assert.deepEqual((await publish(hourly)).calls, []);
    assert.deepEqual((await publish({ ...hourly, rotation: false })).calls, []);
    const due = await publish(ROTATION);
    assert.equal(due.calls.length, 1);
    assert.equal(textsOf(due)['a'], 'two');
    await world.unpublish(pod, ROTATION);
  });

  test('the server takes the tokens that a pod is given', async () => {
    const pod = world.startPod('logs-in');
    const login = async (role: string, jwt: string): Promise<number> => {
      const body = JSON.stringify({ role, jwt });
      const { status } = await fetch(`${world.server.address}/v1/auth/kubernetes/login`, {
        method: 'POST',
        body,
      });
      return status;
    };
    const { token } = world.api.issueToken(pod, ['vault']);
    assert.equal(await login('web', token), 200);
    const unnamed = world.api.issueToken(pod).token;
    assert.equal(await login('any-audience', unnamed), 200);
    assert.equal(await login('web', unnamed), 403);
    const other = world.startPod('other', { serviceAccount: 'batch' });
    assert.equal(await login('web', world.api.issueToken(other, ['vault']).token), 403);
    assert.equal(await login('web', `${token.slice(0, -4)}AAAA`), 403);
    world.removePod(pod);
    assert.equal(await login('web', token), 403);
  });

  test('the API server issues tokens for pods', async () => {
    const pod = world.startPod('asks', { serviceAccount: 'asking' });
    const path = '/api/v1/namespaces/shop/serviceaccounts/asking/token';
    const ask = (spec: object, at = path) => world.askApi('POST', at, { spec });
    const bound = { kind: 'Pod', apiVersion: 'v1', name: pod.name, uid: pod.uid };
    const { status, body } = await ask({
      audiences: ['vault'],
      expirationSeconds: 900,
      boundObjectRef: bound,
    });
    assert.equal(status, 201);
    const { token } = body['status'] as { readonly token: string };
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<
      string,
      unknown
    >;
    assert.deepEqual(claims['aud'], ['vault']);
    assert.deepEqual(claims['kubernetes.io'], {
      namespace: 'shop',
      serviceaccount: { name: 'asking', uid: 'uid-of-shop-asking' },
      pod: { name: pod.name, uid: pod.uid },
    });
    const refusals = [
      [await ask({ expirationSeconds: 60 }), 422, /may not specify a duration less than 10 minutes/],
      [await ask({ boundObjectRef: { ...bound, uid: 'old' } }), 409, /does not match the UID in record/],
      [await ask({ boundObjectRef: { ...bound, name: 'gone' } }), 404, /pods "gone" not found/],
      [await ask({}, path.replace('asking', 'unknown')), 404, /serviceaccounts "unknown" not found/],
    ] as const;
    for (const [refused, code, text] of refusals) {
      assert.equal(refused.status, code);
      assert.match(String(refused.body['message']), text);
    }
    world.api.rights.set('csi/provider', { secrets: true });
    const forbidden = await ask({});
    world.api.rights.set('csi/provider', { secrets: true, createTokens: true });
    assert.equal(
      forbidden.body['message'],
      'serviceaccounts "asking" is forbidden: User "system:serviceaccount:csi:provider" cannot create resource "serviceaccounts/token" in API group "" in the namespace "shop"',
    );
  });

  test('the API server keeps a Secret of whoever is first', async () => {
    const create = (key: string) =>
      world.askApi('POST', '/api/v1/namespaces/csi/secrets', { metadata: { name: 'key' }, data: { key } });
    const read = () => world.askApi('GET', '/api/v1/namespaces/csi/secrets/key');
    assert.equal((await read()).status, 404);
    world.api.beforeCreate = () => {
      world.api.secrets.set('csi/key', { data: { key: 'Zmlyc3Q=' } });
    };
    assert.equal((await create('c2Vjb25k')).status, 409);
    world.api.beforeCreate = () => undefined;
    assert.deepEqual((await read()).body['data'], { key: 'Zmlyc3Q=' });
    assert.equal((await world.askApi('GET', '/api/v1/namespaces/shop/secrets/key')).status, 403);
  });
});

/** A pod's way to what has a lease, and what is minted. */
describe('the server that the tests of volumes ask', allOf(needs, await needsPostgres()), () => {
  let world: CsiWorld;
  before(async () => {
    world = await startCsiWorld({ tls: true, database: true });
  });
  after(() => world.stop());

  test('has secrets of each kind for a pod', async () => {
    const { token: jwt } = world.api.issueToken(world.startPod('reads'), ['vault']);
    await world.putKv1('app', { password: 'one' });
    await world.putKv2('app', { password: 'two' });
    const ask = async (method: string, path: string, body?: object, token = ''): Promise<ApiAnswer> => {
      const headers = { 'X-Vault-Token': token };
      const sent = body && { body: JSON.stringify(body) };
      const response = await fetch(`${world.server.address}/v1/${path}`, { method, headers, ...sent });
      assert.ok(response.ok, `${path}: ${String(response.status)}`);
      return (await response.json()) as ApiAnswer;
    };
    const { auth } = await ask('POST', 'auth/kubernetes/login', { role: 'web', jwt });
    const read = async (path: string, body?: object) =>
      (await ask(body ? 'POST' : 'GET', path, body, auth?.client_token)).data;
    assert.deepEqual(await read('kv1/app'), { password: 'one' });
    assert.deepEqual((await read('secret/data/app'))?.['data'], { password: 'two' });
    assert.match(
      String((await read('pki/issue/web', { common_name: 'web.example' }))?.['certificate']),
      /^-----BEGIN/,
    );
    const { username, password } = (await read('database/creds/web')) as Readonly<Record<string, string>>;
    assert.ok(await world.database?.canLogIn(username!, password!));
  });
});

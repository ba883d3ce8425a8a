import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { requestsOf } from '../support/app.ts';
import { modesOf, needsDriver, needsPublishing, textsOf, type MountResult } from '../support/csi-driver.ts';
import type { RunningProvider } from '../support/csi-provider.ts';
import { PROVIDER, startVaultonce, type VaultonceStart } from '../support/csi-vaultonce.ts';
import { startCsiWorld, type CsiWorld, type VolumeOptions } from '../support/csi-world.ts';
import { PUBLIC_PEM } from '../support/jwt.ts';
import type { ApiPod } from '../support/kubernetes-api.ts';
import { allOf, needsNamespaces, needsPlugins, needsPostgres } from '../support/needs.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';

const needs = allOf(await needsDriver(), await needsPlugins('auth/kubernetes', 'auth/jwt', 'secret/pki'));
const publishing = await needsPublishing();
const namespaces = await needsNamespaces();

const HMAC_SECRET = 'vault-csi-provider-hmac-key';
const ROTATION = { rotation: true, rotationPollIntervalMs: 0 };
const ONE = '- { objectName: one, secretPath: secret/data/app, secretKey: password }';

/** Whatever is not said otherwise. */
const WEB = { roleName: 'web', objects: ONE };

/** Classes for HashiCorp's provider, and what becomes of them: by the driver's own code. */
describe('a class of the provider `vault`', needs, () => {
  let world: CsiWorld;
  let provider: RunningProvider;
  let pods = 0;

  before(async () => {
    world = await startCsiWorld({ tls: true });
    provider = await startVaultonce(world);
    await world.putKv2('app', { user: 'web', password: 'one', object: { b: '<&>', a: 1 } });
    await world.putKv1('app', { password: 'first version' });
    world.server.takeAudit();
  });
  after(async () => {
    await provider.stop();
    await world.stop();
  });

  const newPod = (other?: Partial<ApiPod>): ApiPod => world.startPod(`pod-${String((pods += 1))}`, other);
  const mount = (
    parameters: Readonly<Record<string, string>>,
    options?: VolumeOptions,
    pod = newPod(),
  ): Promise<MountResult> => world.mount(PROVIDER, pod, parameters, options);
  const mounted = async (...args: Parameters<typeof mount>): Promise<MountResult> => {
    const result = await mount(...args);
    assert.equal(result.message, '');
    assert.equal(result.code, 'OK');
    return result;
  };
  const refused = async (
    code: string,
    parameters: Readonly<Record<string, string>>,
    options?: VolumeOptions,
    pod?: ApiPod,
  ): Promise<string> => {
    const { code: was, message, files } = await mount(parameters, options, pod);
    assert.equal(was, code, message);
    assert.deepEqual(files, []);
    return message;
  };
  /** Does something with another provider. */
  const withProvider = async (
    start: VaultonceStart,
    use: (
      ask: (parameters: Readonly<Record<string, string>>, pod?: ApiPod) => Promise<MountResult>,
    ) => Promise<void>,
  ): Promise<void> => {
    const name = 'other';
    const other = await startVaultonce(world, { name, ...start });
    try {
      await use((parameters, pod = newPod()) => world.mount(name, pod, parameters));
    } finally {
      await other.stop();
    }
  };

  test('modes, encodings and three spellings of a path', async () => {
    const objects = `
- { objectName: plain, secretPath: secret/data/spelled, secretKey: password, filePermission: 0624 }
- { objectName: v1, secretPath: v1/secret/data/spelled, secretKey: user }
- { objectName: slash/v1, secretPath: /v1/secret/data/spelled, secretKey: password, encoding: BASE64 }
- { objectName: slash/only, secretPath: /secret/data/spelled, secretKey: object, filePermission: 420 }
`;
    await world.putKv2('spelled', { user: 'web', password: 'b25l', object: { b: '<&>', a: 1 } });
    const result = await mounted({ roleName: 'web', objects });
    assert.deepEqual(textsOf(result), {
      plain: 'b25l',
      v1: 'web',
      'slash/v1': 'one',
      'slash/only': String.raw`{"a":1,"b":"\u003c\u0026\u003e"}`,
    });
    assert.deepEqual(modesOf(result), {
      plain: '0624',
      v1: '0644',
      'slash/v1': '0644',
      'slash/only': '0644',
    });
  });

  test('objects of one path are read once', async () => {
    world.server.takeAudit();
    await mounted({
      roleName: 'web',
      objects: `${ONE}\n- { objectName: two, secretPath: v1/secret/data/app, secretKey: user }`,
    });
    assert.deepEqual(requestsOf(world.server), ['update auth/kubernetes/login', 'read secret/data/app']);
  });

  test('what lies in KV version 1 is read again, whatever its keys are called', async () => {
    const { api } = world.server;
    const { data } = await api.post('pki/issue/web', { common_name: 'web.example.com', ttl: '20h' });
    const { certificate } = data as Readonly<Record<string, string>>;
    const inADay = Math.floor(Date.now() / 1000) + 86_400;
    const objects = '- { objectName: v, secretPath: kv1/named, secretKey: v }';
    for (const key of [
      { ttl: 3600 },
      { expiration: inADay },
      { certificate },
      { last_vault_rotation: 'x' },
    ]) {
      const pod = newPod();
      const read = async (v: string): Promise<string | undefined> => {
        await world.putKv1('named', { v, ...key });
        return textsOf(await mounted({ roleName: 'web', objects }, {}, pod))['v'];
      };
      assert.deepEqual([await read('one'), await read('two')], ['one', 'two'], Object.keys(key).join());
    }
  });

  test('two classes in a pod', async () => {
    const pod = newPod();
    const first = await mounted(WEB, { volume: 'one', className: 'one' }, pod);
    const second = await mounted(
      { roleName: 'web', objects: '- { objectName: kv1, secretPath: kv1/app, secretKey: password }' },
      { volume: 'two', className: 'two' },
      pod,
    );
    assert.deepEqual([textsOf(first), textsOf(second)], [{ one: 'one' }, { kv1: 'first version' }]);
  });

  test('a PUT with arguments, and the whole answer', async () => {
    const objects = `
- objectName: certs
  secretPath: pki/issue/web
  method: PUT
  secretArgs: { common_name: web.example.com, ttl: 1h }
- { objectName: whole, secretPath: secret/data/app }
`;
    world.server.takeAudit();
    const result = await mounted({ roleName: 'web', objects });
    assert.deepEqual(requestsOf(world.server).sort(), [
      'read secret/data/app',
      'update auth/kubernetes/login',
      'update pki/issue/web',
    ]);
    const [certs, whole] = ['certs', 'whole'].map(
      (name) => JSON.parse(textsOf(result)[name] ?? '') as Record<string, unknown>,
    );
    const fields = ['request_id', 'lease_id', 'lease_duration', 'renewable', 'data', 'warnings'];
    assert.deepEqual(Object.keys(certs ?? {}).slice(0, 6), fields);
    const { certificate } = certs?.['data'] as Readonly<Record<string, string>>;
    assert.match(certificate ?? '', /^-----BEGIN CERTIFICATE/);
    const { data } = whole?.['data'] as { readonly data: object };
    assert.deepEqual(data, { user: 'web', password: 'one', object: { a: 1, b: '<&>' } });
  });

  test('the service account of another pod', async () => {
    const message = await refused('Unauthenticated', WEB, {}, newPod({ serviceAccount: 'batch' }));
    assert.match(message, /service account name not authorized/);
  });

  test('an audience of its own', async () => {
    await world.server.api.post('auth/kubernetes/role/custom', {
      bound_service_account_names: ['web'],
      bound_service_account_namespaces: ['shop'],
      token_policies: ['app'],
      audience: 'custom',
    });
    const parameters = { ...WEB, roleName: 'custom', audience: 'custom' };
    world.api.requests.length = 0;
    const asked = (): string[] => world.api.requests.filter((one) => one.endsWith('/token'));
    assert.deepEqual(textsOf(await mounted(parameters, { audiences: ['vault', 'custom'] })), { one: 'one' });
    assert.deepEqual(asked(), []);
    // What the driver does not pass, the cluster makes.
    assert.deepEqual(textsOf(await mounted(parameters, { audiences: ['vault'] })), { one: 'one' });
    assert.deepEqual(asked(), ['POST /api/v1/namespaces/shop/serviceaccounts/web/token']);
    const unnamed = { ...WEB, roleName: 'any-audience' };
    assert.deepEqual(textsOf(await mounted(unnamed, { audiences: [] })), { one: 'one' });
    assert.match(
      await refused('Unauthenticated', { ...parameters, audience: 'vault' }),
      /invalid audience|custom/,
    );
    world.api.rights.set('csi/provider', { secrets: true });
    const forbidden = await refused('Unauthenticated', parameters, { audiences: ['vault'] });
    world.api.rights.set('csi/provider', { secrets: true, createTokens: true });
    assert.match(forbidden, /made no token for shop\/web.*serviceaccounts\/token/);
    await withProvider({ outsideCluster: true }, async (ask) => {
      const { code, message } = await ask(parameters);
      assert.equal(code, 'Unauthenticated');
      assert.match(message, /no token for the audience `custom`: it passed one for `vault`/);
    });
  });

  test('a class of OpenBao: its parameters, and its audience', async () => {
    const parameters = { ...WEB, roleName: 'any-audience' };
    world.api.requests.length = 0;
    assert.deepEqual(textsOf(await mounted(parameters, { audiences: ['openbao'] })), { one: 'one' });
    assert.deepEqual(
      world.api.requests.filter((one) => one.endsWith('/token')),
      [],
    );
    const elsewhere = { ...parameters, openbaoKubernetesMountPath: 'elsewhere' };
    assert.match(await refused('Unauthenticated', elsewhere), /auth\/elsewhere\/login/);
  });

  test('tokens that the driver passes in secrets', async () => {
    assert.deepEqual(textsOf(await mounted(WEB, { tokensInSecrets: true })), { one: 'one' });
  });

  test('the JWT login', async () => {
    const { api } = world.server;
    await api.post('sys/auth/jwt', { type: 'jwt' });
    await api.post('auth/jwt/config', { jwt_validation_pubkeys: [PUBLIC_PEM] });
    await api.post('auth/jwt/role/web', {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: ['vault'],
      bound_subject: 'system:serviceaccount:shop:web',
      token_policies: ['app'],
    });
    const parameters = { ...WEB, vaultAuthMountPath: 'jwt' };
    assert.deepEqual(textsOf(await mounted(parameters)), { one: 'one' });
    await refused('Unauthenticated', parameters, {}, newPod({ serviceAccount: 'batch' }));
  });

  test('a namespace', namespaces, async () => {
    const { api } = world.server;
    const at = (method: string, path: string, body?: object) => api.request(method, path, body, 'team');
    await api.post('sys/namespaces/team');
    await at('POST', 'sys/auth/kubernetes', { type: 'kubernetes' });
    await at('POST', 'auth/kubernetes/config', {
      kubernetes_host: world.api.address,
      kubernetes_ca_cert: readFileSync(world.api.caFile, 'utf8'),
      token_reviewer_jwt: world.api.issueToken({ namespace: 'vault', serviceAccount: 'vault' }).token,
      disable_local_ca_jwt: true,
    });
    await at('POST', 'sys/policies/acl/app', { policy: 'path "secret/*" { capabilities = ["read"] }' });
    await at('POST', 'auth/kubernetes/role/web', {
      bound_service_account_names: ['web'],
      bound_service_account_namespaces: ['shop'],
      token_policies: ['app'],
      audience: 'vault',
    });
    await at('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } });
    for (let tries = 0; ; tries += 1) {
      try {
        await at('POST', 'secret/data/app', { data: { password: 'of the team' } });
        break;
      } catch (error) {
        // A new engine of version 2 is not ready at once.
        if (tries === 50) throw error;
      }
    }
    const inTeam = { ...WEB, vaultNamespace: 'team' };
    assert.deepEqual(textsOf(await mounted(inTeam)), { one: 'of the team' });
    const message = await refused('Unauthenticated', { ...WEB, vaultNamespace: 'nobody' });
    assert.match(message, /nobody/);
  });

  test('versions are those of the recipe, the same for all pods and providers, and others with another key', async () => {
    const objects = `
- { objectName: one, secretPath: secret/data/app, secretKey: password }
- { objectName: whole, secretPath: kv1/app }
- { objectName: args, secretPath: pki/certs, method: LIST, secretArgs: { b: '<', a: [1, true] }, filePermission: 0600 }
`;
    const parameters = { roleName: 'web', objects };
    const first = await mounted(parameters);
    const key = Buffer.from(world.api.secrets.get(`csi/${HMAC_SECRET}`)?.data['key'] ?? '', 'base64');
    assert.equal(key.length, 32);
    const versionOf = (config: string, content: string): string =>
      createHmac('sha256', key)
        .update(config)
        .update(content)
        .digest('base64')
        .replaceAll('+', '-')
        .replaceAll('/', '_');
    const config = (own: string, mode = 0): string =>
      `{${own},"FilePermission":${String(mode)},"Encoding":""}`;
    assert.equal(
      first.objectVersions?.['one'],
      versionOf(
        config(
          '"ObjectName":"one","SecretPath":"secret/data/app","SecretKey":"password","Method":"","SecretArgs":null',
        ),
        'one',
      ),
    );
    const listed = textsOf(first)['args'] ?? '';
    const withoutId = listed.replace(/"request_id":"[^"]+"/, '"request_id":""');
    assert.notEqual(withoutId, listed);
    assert.equal(
      first.objectVersions['args'],
      versionOf(
        config(
          String.raw`"ObjectName":"args","SecretPath":"pki/certs","SecretKey":"","Method":"LIST","SecretArgs":{"a":[1,true],"b":"\u003c"}`,
          0o600,
        ),
        withoutId,
      ),
    );
    assert.deepEqual((await mounted(parameters)).objectVersions, first.objectVersions);
    await withProvider({}, async (ask) => {
      assert.deepEqual((await ask(parameters)).objectVersions, first.objectVersions);
    });
    await withProvider({ args: ['--hmac-secret', 'another'] }, async (ask) => {
      const { objectVersions, files } = await ask(parameters);
      assert.deepEqual(files.length, 3);
      for (const [name, version] of Object.entries(objectVersions ?? {}))
        assert.notEqual(version, first.objectVersions?.[name]);
    });
    await world.putKv2('app', { user: 'web', password: 'two' });
    const changed = await mounted(parameters);
    await world.putKv2('app', { user: 'web', password: 'one' });
    assert.notEqual(changed.objectVersions?.['one'], first.objectVersions['one']);
    assert.equal(changed.objectVersions?.['whole'], first.objectVersions['whole']);
  });

  test('of two providers that make the key at once, one wins; without one there are no versions', async () => {
    world.api.beforeCreate = () => {
      world.api.secrets.set('csi/raced', { data: { key: Buffer.alloc(32, 7).toString('base64') } });
    };
    await withProvider({ args: ['--hmac-secret', 'raced'] }, async (ask) => {
      const { objectVersions } = await ask(WEB);
      world.api.beforeCreate = () => undefined;
      const config =
        '{"ObjectName":"one","SecretPath":"secret/data/app","SecretKey":"password","Method":"","SecretArgs":null,"FilePermission":0,"Encoding":""}';
      const hmac = createHmac('sha256', Buffer.alloc(32, 7)).update(config).update('one').digest('base64');
      assert.deepEqual(objectVersions, { one: hmac.replaceAll('+', '-').replaceAll('/', '_') });
    });
    world.api.rights.set('csi/provider', { createTokens: true });
    await withProvider({ args: ['--hmac-secret', 'forbidden'] }, async (ask) => {
      const { objectVersions, files, message } = await ask(WEB);
      world.api.rights.set('csi/provider', { secrets: true, createTokens: true });
      assert.equal(message, '');
      assert.deepEqual(objectVersions, { one: '' });
      assert.equal(files.length, 1);
    });
  });

  test('what it does not know is ignored', async () => {
    const parameters = { ...WEB, secretObjects: 'x: [', vaultCAPem: 'x', kubernetesServiceAccountPath: '/t' };
    const objects = `- { objectName: one, secretPath: secret/data/app, secretKey: password, objectVersion: '1', objectAlias: x }`;
    assert.deepEqual(textsOf(await mounted({ ...parameters, objects })), { one: 'one' });
  });

  test('mistakes are all told at once, and nobody is asked', async () => {
    world.server.takeAudit();
    const cases: readonly (readonly [Record<string, string>, ...RegExp[]])[] = [
      [{}, /`roleName` is missing/, /`objects` is missing or empty/],
      [{ roleName: 'web', objects: '[]' }, /`objects` is missing or empty/],
      [{ roleName: 'web', objects: 'a: {' }, /`objects` is not valid YAML/],
      [{ roleName: 'web', objects: 'text' }, /`objects` is not a list/],
      [{ ...WEB, objects: `${ONE}\n${ONE}` }, /objects\[1\] \(one\).*that of another object/],
      [
        { ...WEB, vaultAuthMountPath: 'jwt', vaultKubernetesMountPath: 'kubernetes' },
        /`vaultKubernetesMountPath` exclude each other/,
      ],
      [{ ...WEB, vaultSkipTLSVerify: 'perhaps' }, /`vaultSkipTLSVerify` is neither true nor false/],
      [
        {
          roleName: '',
          objects: `
- { objectName: ../a, secretPath: secret/data/app }
- { objectName: b, secretPath: secret/data/app, filePermission: "0640" }
- { objectName: /c }
`,
        },
        /`roleName` is missing/,
        /objects\[0\].*has `\.\.`/,
        /objects\[1\] \(b\).*filePermission/,
        /objects\[2\].*absolute/,
        /`secretPath` is missing/,
      ],
      [{ ...WEB, config: 'outputs: []' }, /both `config` and `objects`/],
    ];
    for (const [parameters, ...messages] of cases) {
      const message = await refused('InvalidArgument', parameters);
      for (const one of messages) assert.match(message, one);
    }
    assert.deepEqual(requestsOf(world.server), []);
  });

  test('refusals come in the order of the class and in its words', async () => {
    const objects = `
- { objectName: written, secretPath: pki/issue/nope, secretKey: certificate, method: PUT, secretArgs: { common_name: x } }
- { objectName: read, secretPath: pki/issue/web, secretKey: certificate }
- { objectName: without, secretPath: secret/app, secretKey: password }
- { objectName: absent, secretPath: secret/data/absent, secretKey: password }
`;
    const message = await refused('PermissionDenied', { roleName: 'web', objects });
    const places = message.match(/objects\[\d\] \(\w+\)/g);
    assert.deepEqual(places, [
      'objects[0] (written)',
      'objects[1] (read)',
      'objects[2] (without)',
      'objects[3] (absent)',
    ]);
    assert.match(
      message,
      /\(read\), .*`method: PUT`, and `secretArgs`.*\(without\), .*: the server warns: Invalid path for a versioned K\/V.*`data\/`/,
    );
    assert.doesNotMatch(message, /`write:|optional:/);
  });

  test('a server that is down', async () => {
    await withProvider({ env: { VAULT_MAX_RETRIES: '0' } }, async (ask) => {
      const { code, message } = await ask({ ...WEB, vaultAddress: 'http://127.0.0.1:1' });
      assert.equal(code, 'Unavailable');
      assert.match(message, /^http:\/\/127\.0\.0\.1:1 refused the connection/);
      assert.deepEqual(textsOf(await ask(WEB)), { one: 'one' });
    });
  });

  test('TLS by a CA in the container of the provider, or unverified', async () => {
    const { tlsAddress, certificates } = world.server;
    const overTls = { ...WEB, vaultAddress: tlsAddress };
    const withCa = { ...overTls, vaultCACertPath: certificates.caFile };
    await withProvider({ env: { VAULT_MAX_RETRIES: '0' } }, async (ask) => {
      assert.deepEqual(textsOf(await ask(withCa)), { one: 'one' });
      for (const unverified of ['true', 'T', '1'])
        assert.deepEqual(textsOf(await ask({ ...overTls, vaultSkipTLSVerify: unverified })), { one: 'one' });
      assert.equal((await ask(overTls)).code, 'Unavailable');
      const other = await ask({ ...overTls, vaultCACertPath: certificates.otherCaFile });
      assert.equal(other.code, 'Unavailable');
      const missing = await ask({ ...overTls, vaultCACertPath: '/nonexistent/ca.crt' });
      assert.equal(missing.code, 'InvalidArgument');
      assert.match(missing.message, /ca\.crt/);
      assert.deepEqual(textsOf(await ask(withCa)), { one: 'one' });
    });
  });

  describe('and settings of the provider', () => {
    const servers: StandIn[] = [];
    after(() => Promise.all(servers.map((server) => server.stop())));
    const server = async (): Promise<StandIn> => {
      const one = await startStandIn({ answer: () => ({ status: 400, body: { errors: ['no'] } }) });
      servers.push(one);
      return one;
    };

    test('a class has precedence over flags, and they over the environment', async () => {
      const [ofEnv, ofFlag, ofClass] = [await server(), await server(), await server()];
      const all = Object.entries({ env: ofEnv, flag: ofFlag, class: ofClass });
      let told = 0;
      const seen = (): string[] => {
        const requests = all
          .flatMap(([name, one]) => one.seen.map((request) => ({ name, ...request })))
          .sort((one, other) => one.atMs - other.atMs)
          .map(({ name, path, headers }) => `${name} ${String(headers['x-vault-namespace'])} ${path}`);
        const fresh = requests.slice(told);
        told = requests.length;
        return fresh;
      };
      const env = { VAULT_ADDR: ofEnv.address, VAULT_NAMESPACE: 'of-env' };
      const inClass = {
        ...WEB,
        vaultAddress: ofClass.address,
        vaultNamespace: 'of-class',
        vaultKubernetesMountPath: 'of-class',
      };
      await withProvider({ env }, async (ask) => {
        assert.equal((await ask(WEB)).code, 'Unauthenticated');
        assert.deepEqual(seen(), ['env of-env auth/kubernetes/login']);
        await ask(inClass);
        assert.deepEqual(seen(), ['class of-class auth/of-class/login']);
      });
      const args = ['--address', ofFlag.address, '--namespace', 'of-flag', '--auth-mount', 'of-flag'];
      await withProvider({ env, args }, async (ask) => {
        await ask(WEB);
        assert.deepEqual(seen(), ['flag of-flag auth/of-flag/login']);
        await ask({ ...WEB, vaultAddress: ofClass.address });
        assert.deepEqual(seen(), ['class of-flag auth/of-flag/login']);
        await ask(inClass);
        assert.deepEqual(seen(), ['class of-class auth/of-class/login']);
      });
    });
  });

  test('as kubelet asks for it', publishing, async () => {
    const pod = newPod();
    const first = await world.publish(PROVIDER, pod, WEB, ROTATION);
    assert.equal(first.code, 'OK', first.message);
    assert.deepEqual(textsOf(first), { one: 'one' });
    assert.equal(first.objects[0]?.id, 'one');
    const again = await world.publish(PROVIDER, pod, WEB, ROTATION);
    assert.deepEqual([again.calls[0]?.code, again.generation], ['OK', first.generation]);
    await world.putKv2('app', { user: 'web', password: 'two' });
    assert.deepEqual(textsOf(await world.publish(PROVIDER, pod, WEB, ROTATION)), { one: 'two' });
    // What a remount fails with does not reach the pod.
    const attributes = { volumeAttributes: { roleName: 'unknown' } };
    const masked = await world.publish(PROVIDER, pod, WEB, ROTATION, attributes);
    await world.putKv2('app', { user: 'web', password: 'one' });
    assert.deepEqual([masked.code, masked.calls[0]?.code], ['OK', 'Unauthenticated']);
    assert.deepEqual(textsOf(masked), { one: 'two' });
    assert.equal((await world.unpublish(pod, ROTATION)).code, 'OK');
    const batch = newPod({ serviceAccount: 'batch' });
    const event = await world.publish(PROVIDER, batch, WEB, ROTATION);
    assert.notEqual(event.code, 'OK');
    assert.match(event.message, /service account name not authorized/);
  });
});

describe('a class with dynamic secrets', allOf(needs, await needsPostgres()), () => {
  test('is given one credential, of which it has user and password, for each pod', async () => {
    const world = await startCsiWorld({ database: true });
    const provider = await startVaultonce(world);
    try {
      const objects = `
- { objectName: user, secretPath: database/creds/web, secretKey: username }
- { objectName: password, secretPath: v1/database/creds/web, secretKey: password }
`;
      const parameters = { roleName: 'web', objects };
      world.server.takeAudit();
      const pod = world.startPod('one');
      const first = await world.mount(PROVIDER, pod, parameters);
      const { user = '', password = '' } = textsOf(first);
      assert.ok(await world.database?.canLogIn(user, password), first.message);
      assert.deepEqual(textsOf(await world.mount(PROVIDER, pod, parameters)), { user, password });
      const issued = (): number =>
        requestsOf(world.server).filter((one) => one === 'read database/creds/web').length;
      assert.equal(issued(), 1);
      const other = textsOf(await world.mount(PROVIDER, world.startPod('two'), parameters));
      assert.notEqual(other['user'], user);
      assert.equal(issued(), 1);
    } finally {
      await provider.stop();
      await world.stop();
    }
  });
});

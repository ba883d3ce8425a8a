import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, logLines, runCli, startCli, type CliResult } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';
import { startStandIn } from '../support/stand-in.ts';

/** What was minted and ends: leases, certificates, wrapping tokens, the uses of a token. */
describe('leases and lifetimes', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const { api } = app.server;
    await app.putKv2('a', { key: 'one' });
    await api.post('sys/mounts/pki', { type: 'pki' });
    await api.post('sys/mounts/pki/tune', { max_lease_ttl: '87600h' });
    await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '87600h' });
    const role = { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', max_ttl: '720h' };
    await api.post('pki/roles/leased', { ...role, ttl: '1h', generate_lease: true });
    await api.post('pki/roles/plain', { ...role, ttl: '1h' });
    await api.post('sys/policies/acl/leases', {
      policy: 'path "sys/leases/revoke" { capabilities = ["update"] }',
    });
  });
  beforeEach(async () => {
    await app.server.revokeTokens();
    await app.server.api.post('sys/leases/revoke-force/pki').catch(() => undefined);
    await noLeaseLeft();
    app.server.takeAudit();
  });
  after(() => app.stop());

  const leased = (name: string): TestConfig => ({ path: 'pki/issue/leased', write: { common_name: name } });
  const two = { one: leased('one'), two: leased('two') };
  const broken = [{ path: 'x', contents: '{{one.nothing}}' }];

  const leasesLeft = async (): Promise<number> => {
    const { data } = await app.server.api
      .request('LIST', 'sys/leases/lookup/pki/issue/leased')
      .catch(() => ({ data: { keys: [] } }));
    return (data?.['keys'] as readonly string[]).length;
  };
  /** Leases are revoked in the background. */
  const noLeaseLeft = async (): Promise<void> => {
    for (let tries = 0; (await leasesLeft()) > 0 && tries < 100; tries += 1) await delay(20);
    assert.equal(await leasesLeft(), 0);
  };
  const givenToken = async (policies: readonly string[], own: object = {}): Promise<TestConfig> => {
    const { auth } = await app.server.api.post('auth/token/create', { policies, ...own });
    return { method: 'token', token: auth?.client_token };
  };
  const warningsOf = (result: CliResult, name: string): number =>
    logLines(result).filter(({ event }) => event === name).length;

  test('on success they live, and their token with them', async () => {
    const result = await app.render({ secrets: two });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await leasesLeft(), 2);
    assert.equal(await app.server.tokensLeft(), 1);
    assert.equal(warningsOf(result, 'token_ends_first'), 0);
  });

  test('a failed run revokes its token, and the leases with it in the same request', async () => {
    const result = await app.render({ secrets: two, outputs: broken });
    assert.equal(result.code, 6, result.stderr);
    const requests = requestsOf(app.server);
    assert.deepEqual(requests.slice(-1), ['update auth/token/revoke-self']);
    assert.ok(!requests.includes('update sys/leases/revoke'));
    await noLeaseLeft();
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('where the token stays, each lease is revoked by itself: given, batch, revoke: never', async () => {
    const batch = { token_policies: ['app', 'leases'], token_type: 'batch' };
    for (const own of [
      { auth: await givenToken(['app', 'leases']) },
      { auth: await createRole(app.server, 'batch', batch) },
      { auth: await createRole(app.server, 'kept', { token_policies: ['app', 'leases'] }), revoke: 'never' },
    ]) {
      app.server.takeAudit();
      const result = await app.render({ ...own, secrets: two, outputs: broken });
      assert.equal(result.code, 6, result.stderr);
      const revoked = requestsOf(app.server).filter((request) => request.includes('revoke'));
      assert.deepEqual(revoked, ['update sys/leases/revoke', 'update sys/leases/revoke']);
      await noLeaseLeft();
    }
  });

  test('a lease that cannot be revoked is named in a warning', async () => {
    const result = await app.render({ auth: await givenToken(['app']), secrets: two, outputs: broken });
    assert.equal(result.code, 6, 'the failure stays the same');
    const left = logLines(result).filter(({ event }) => event === 'lease_left');
    assert.equal(left.length, 2);
    for (const line of left) {
      assert.match((line as unknown as { lease_id: string }).lease_id, /^pki\/issue\/leased\//);
      assert.match(line.reason ?? '', /sys\/leases\/revoke/);
    }
  });

  test('SIGTERM while a credential is being made: its answer is awaited, its lease revoked, within 2 s', async () => {
    const auth = await givenToken(['app', 'leases']);
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const) {
      const standIn = await startStandIn({
        target: app.server.address,
        answer: ({ path, body }) => {
          if (!path.startsWith('pki/')) return 'forward';
          return body.includes('"two"') ? 'late' : 'forward';
        },
      });
      const config = app.config({ auth, secrets: two, outputs: [] });
      const running = startCli([
        'render',
        '-c',
        config,
        '--address',
        standIn.address,
        '--log-level',
        'debug',
      ]);
      while (standIn.seen.filter(({ path }) => path.startsWith('pki/')).length < 2) await delay(2);
      const since = performance.now();
      running.child.kill(signal);
      const result = await running.done;
      assert.equal(result.code, code, result.stderr);
      assert.ok(performance.now() - since < 2000);
      assert.equal(warningsOf(result, 'lease_revoked'), 2, result.stderr);
      await noLeaseLeft();
      await standIn.stop();
    }
  });

  test('the deadline: what was minted before it is revoked', async () => {
    const auth = await givenToken(['app', 'leases']);
    const standIn = await startStandIn({
      target: app.server.address,
      answer: ({ path }) => (path === 'secret/data/a' ? 'hang' : 'forward'),
    });
    const secrets = { one: leased('one'), a: 'secret/a' };
    const vault = { address: standIn.address, client_timeout: '3s' };
    const result = await app.render({ vault, auth, secrets }, ['--timeout', '3s']);
    await standIn.stop();
    assert.equal(result.code, 124, result.stderr);
    await noLeaseLeft();
  });

  test('policy allows it where it will be needed, and only there', async () => {
    const plain = { path: 'pki/cert/ca', engine: 'raw' };
    const printed = async (own: TestConfig): Promise<string> =>
      (await runCli(['policy', '-c', app.config(own)])).stdout;
    const auth = await givenToken(['app']);
    assert.match(
      await printed({ auth, secrets: two }),
      /path "sys\/leases\/revoke" \{\n {2}capabilities = \["update"\]/,
    );
    assert.match(await printed({ revoke: 'never', secrets: two }), /sys\/leases\/revoke/);
    assert.doesNotMatch(await printed({ secrets: { ...two, plain } }), /sys\/leases/);
    assert.doesNotMatch(await printed({ auth, secrets: { a: 'secret/a' } }), /sys\/leases/);
  });

  test('a token that ends before a lease is warned about, and counts for min_ttl', async () => {
    const auth = await createRole(app.server, 'short', { token_policies: ['app'], token_ttl: '10m' });
    const result = await app.render({ auth, secrets: two });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(warningsOf(result, 'token_ends_first'), 2);
    const limited = await app.render({ auth, secrets: { one: { ...leased('one'), min_ttl: '30m' } } });
    assert.equal(limited.code, 10, limited.stderr);
    assert.match(failuresOf(limited)[0]?.hint ?? '', /token_ttl/);
  });

  test('min_ttl: a lease, a certificate, an expiration, a ttl', async () => {
    const { data } = await app.server.api.post('pki/issue/plain', { common_name: 'stored' });
    await app.putKv2('cert', { certificate: data?.['certificate'] });
    await app.server.api.post('identity/oidc/key/app', { allowed_client_ids: ['*'] });
    const issue = { path: 'pki/issue/plain', write: { common_name: 'x' } };
    const long = { path: 'pki/issue/plain', write: { common_name: 'x', ttl: '3h' } };
    const hints = [
      [leased('x'), /longer TTL/],
      [issue, /longer TTL in `write:`/],
      [{ path: 'secret/cert' }, /^store one/],
      [{ path: 'secret/a', wrap_ttl: '1h' }, /^raise wrap_ttl/],
    ] as const;
    for (const [one, hint] of hints) {
      const enough = await app.render({ secrets: { one: { ...one, min_ttl: '50m' } } });
      assert.equal(enough.code, 0, enough.stderr);
      const result = await app.render({ secrets: { one: { ...one, min_ttl: '2h' } } });
      assert.equal(result.code, 10, result.stderr);
      const [failure] = failuresOf(result);
      assert.match(failure?.where ?? '', /secrets\.one$/);
      assert.match(failure?.message ?? '', /ends in 3[56]\d\d s, sooner than min_ttl \(7200 s\)/);
      assert.match(failure?.hint ?? '', hint);
    }
    assert.equal((await app.render({ secrets: { one: { ...long, min_ttl: '2h' } } })).code, 0);
    const month = { path: 'pki/issue/plain', write: { common_name: 'x', ttl: '720h' } };
    assert.equal((await app.render({ secrets: { one: { ...month, min_ttl: '29d' } } })).code, 0);
    const shorter = await app.render({ secrets: { one: { ...month, min_ttl: '31d' } } });
    assert.equal(shorter.code, 10, shorter.stderr);
    const wrapped = { path: 'secret/a', wrap_ttl: '30d', min_ttl: '29d' };
    assert.equal((await app.render({ secrets: { wrapped } })).code, 0);
    const endless = await app.render({ secrets: { a: { path: 'secret/a', min_ttl: '1s' } } });
    assert.equal(endless.code, 10);
    assert.match(failuresOf(endless)[0]?.message ?? '', /does not say when it ends/);
    const absent = { path: 'secret/none', min_ttl: '1h', optional: true };
    assert.equal((await app.render({ secrets: { absent } })).code, 0);
  });

  test('a lease that min_ttl refuses is revoked', async () => {
    const auth = await givenToken(['app', 'leases']);
    const result = await app.render({ auth, secrets: { one: { ...leased('x'), min_ttl: '2h' } } });
    assert.equal(result.code, 10, result.stderr);
    await noLeaseLeft();
  });

  test('num_uses: too few are told before the first read; enough, and not one too many', async () => {
    const secrets = {
      a: { path: 'secret/a', engine: 'kv2' },
      b: 'kv1/b',
      c: { path: 'secret/a', version: 1 },
    };
    await app.putKv1('b', { key: 'two' });
    const role = (token_num_uses: number): Promise<TestConfig> =>
      createRole(app.server, 'uses', { token_policies: ['app'], token_num_uses });
    const few = await role(2);
    app.server.takeAudit();
    const refused = await app.render({ auth: few, secrets });
    assert.equal(refused.code, 10, refused.stderr);
    assert.match(failuresOf(refused)[0]?.message ?? '', /2 requests \(num_uses\).* at least 3/);
    assert.deepEqual(requestsOf(app.server), [
      'update auth/approle/login',
      'read sys/internal/ui/mounts',
      'update auth/token/revoke-self',
    ]);
    for (const [uses, last] of [
      [3, 'read'],
      [4, 'update auth/token/revoke-self'],
    ] as const) {
      const auth = await role(uses);
      app.server.takeAudit();
      const result = await app.render({ auth, secrets });
      assert.equal(result.code, 0, result.stderr);
      assert.ok(requestsOf(app.server).at(-1)?.startsWith(last), last);
      assert.equal(warningsOf(result, 'revoke_failed'), 0);
      assert.equal(await app.server.tokensLeft(), 0);
    }
    const shared = { names: { path: 'secret', list: true }, all: { path: 'secret', recursive: true } };
    await app.putKv2('only', { key: 'x' });
    const same = { ...shared, all: { ...shared.all, include: ['only'] }, only: 'secret/only' };
    const exact = await app.render({ auth: await role(2), secrets: same });
    assert.equal(exact.code, 0, exact.stderr);
    const tree = { all: shared.all };
    app.server.takeAudit();
    const listed = await app.render({ auth: await role(2), secrets: tree });
    assert.equal(listed.code, 10, listed.stderr);
    assert.ok(!requestsOf(app.server).some((request) => request.startsWith('read secret/data')));
  });

  test('wrap_ttl: the keys are those of the wrapping token, which outlives the run', async () => {
    const result = await app.render({
      secrets: {
        wrapped: { path: 'secret/a', wrap_ttl: '5m' },
        longer: { path: 'secret/a', wrap_ttl: '10m' },
        same: { path: 'secret/data/a', wrap_ttl: '300s' },
        clear: 'secret/a',
      },
      outputs: [
        { path: 'w.json', format: 'json', secret: 'wrapped' },
        { path: 'same', secret: 'same', key: 'token' },
        { path: 'longer', secret: 'longer', key: 'ttl' },
        { path: 'clear', secret: 'clear', key: 'key' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    const reads = requestsOf(app.server).filter((request) => request === 'read secret/data/a');
    assert.equal(reads.length, 3, 'the wrap TTL is a part of the request');
    const info = JSON.parse(app.workspace.read('out/w.json')) as Record<string, unknown>;
    assert.deepEqual(Object.keys(info), ['accessor', 'creation_path', 'creation_time', 'token', 'ttl']);
    assert.equal(info['ttl'], 300);
    assert.equal(info['creation_path'], 'secret/data/a');
    assert.equal(app.workspace.read('out/same'), info['token']);
    assert.equal(app.workspace.read('out/longer'), '600');
    assert.equal(app.workspace.read('out/clear'), 'one');
    const unwrapped = await app.server.api.post('sys/wrapping/unwrap', { token: info['token'] });
    assert.deepEqual(unwrapped.data?.['data'], { key: 'one' });
    assert.equal((await app.render({ secrets: { gone: { path: 'secret/gone', wrap_ttl: '5m' } } })).code, 6);
  });

  test('wrap_ttl on what mints: its lease cannot be seen, so that the token stays', async () => {
    const result = await app.render({
      secrets: { one: { ...leased('x'), wrap_ttl: '5m' } },
      outputs: [{ path: 'token', secret: 'one', key: 'token' }],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await leasesLeft(), 2, 'of the certificate, and of the wrapping token, which has one, too');
    const token = app.workspace.read('out/token');
    const unwrapped = await app.server.api.post('sys/wrapping/unwrap', { token });
    assert.match(String(unwrapped.data?.['certificate']), /BEGIN CERTIFICATE/);
  });

  test('an answer that is not wrapped is not written in the clear', async () => {
    const standIn = await startStandIn({ target: app.server.address, answer: () => 'forward' });
    const config = {
      secrets: { w: { path: 'secret/a', wrap_ttl: '5m' } },
      outputs: [{ path: 'never', secret: 'w', key: 'key' }],
    };
    // The stand-in passes on the headers that it knows, as a careless proxy does.
    const result = await app.render(config, ['--address', standIn.address]);
    assert.equal(result.code, 10, result.stderr);
    assert.ok(!app.workspace.list('out').includes('never'));
    await standIn.stop();
  });

  test('equal requests share one answer, bodies that differ do not', async () => {
    const result = await app.render({
      secrets: { ...two, again: leased('one') },
      outputs: ['one', 'two', 'again'].flatMap((name) => [
        { path: `${name}.pem`, secret: name, key: 'certificate' },
        { path: `${name}.key`, secret: name, key: 'private_key' },
      ]),
    });
    assert.equal(result.code, 0, result.stderr);
    const issued = requestsOf(app.server).filter((request) => request === 'update pki/issue/leased');
    assert.equal(issued.length, 2);
    const read = (name: string): string => app.workspace.read(`out/${name}`);
    assert.notEqual(read('one.pem'), read('two.pem'));
    assert.notEqual(read('one.key'), read('two.key'));
    assert.equal(read('again.pem'), read('one.pem'));
    assert.equal(read('again.key'), read('one.key'), 'the key of the same certificate');
  });
});

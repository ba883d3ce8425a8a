import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, runCli } from '../support/cli.ts';

/** Outputs that hold the token of the run. */
describe('token outputs', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: 'value' });
  });
  beforeEach(async () => {
    await app.server.revokeTokens();
    app.server.takeAudit();
  });
  after(() => app.stop());

  const config = (output: TestConfig, more: TestConfig = {}): TestConfig => ({
    secrets: { a: 'secret/a' },
    outputs: [
      { path: 'a.txt', contents: '{{a.key}}' },
      { path: 'token', token: true, ...output },
    ],
    ...more,
  });

  const lookUp = async (token: string): Promise<{ status: number; ttl: number | undefined }> => {
    const response = await fetch(`${app.server.address}/v1/auth/token/lookup-self`, {
      headers: { 'X-Vault-Token': token },
    });
    const { data } = (await response.json()) as { data?: { ttl: number } };
    return { status: response.status, ttl: data?.ttl };
  };

  test('a file that holds the token, which lives on', async () => {
    const result = await app.render(config({ mode: '0440' }), ['--report', '-']);
    assert.equal(result.code, 0, result.stderr);
    const token = app.workspace.read('out/token');
    assert.equal(app.workspace.mode('out/token'), '0440');
    assert.equal((await lookUp(token)).status, 200);
    assert.ok(!result.stdout.includes(token) && !result.stderr.includes(token));
    assert.ok(!requestsOf(app.server).includes('update auth/token/revoke-self'));
    const report = JSON.parse(result.stdout) as { session: { revoked: boolean } };
    assert.equal(report.session.revoked, false);
  });

  test('wrapped: each output has a wrapping token of its own, which opens once', async () => {
    const result = await app.render({
      ...config({ wrap_ttl: '60s' }),
      outputs: [
        { path: 'one', token: true, wrap_ttl: '60s' },
        { path: 'two', token: true, wrap_ttl: '1m' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    const [one, two] = ['one', 'two'].map((name) => app.workspace.read(`out/${name}`));
    assert.notEqual(one, two);
    const secrets = { secrets: { a: 'secret/a' }, outputs: [{ path: 'b', contents: '{{a.key}}' }] };
    const unwrapping = { method: 'token', token: one, wrapped: true, creation_path: 'sys/wrapping/wrap' };
    assert.equal((await app.render({ ...secrets, auth: unwrapping })).code, 0);
    assert.equal((await app.render({ ...secrets, auth: unwrapping })).code, 4);
  });

  test('min_ttl: renewed once if need be; 10 if that is not enough', async () => {
    const auth = await createRole(app.server, 'short', {
      token_policies: ['app'],
      token_ttl: '2m',
      token_max_ttl: '1h',
    });
    app.server.takeAudit();
    const long = await app.render(config({ min_ttl: '30m' }, { auth }));
    assert.equal(long.code, 0, long.stderr);
    assert.ok(((await lookUp(app.workspace.read('out/token'))).ttl ?? 0) > 1700);
    assert.equal(requestsOf(app.server).filter((one) => one === 'update auth/token/renew-self').length, 1);
    const enough = await app.render(config({ min_ttl: '1m' }, { auth }));
    assert.equal(enough.code, 0);
    assert.ok(!requestsOf(app.server).includes('update auth/token/renew-self'));
    await app.server.revokeTokens();
    const before = app.workspace.snapshot('out');
    const short = await app.render(config({ min_ttl: '5h' }, { auth }));
    assert.equal(short.code, 10, short.stderr);
    assert.match(failuresOf(short)[0]?.message ?? '', /the token ends in (?:3600|3599) s/);
    assert.deepEqual(app.workspace.snapshot('out'), before);
    assert.equal(await app.server.tokensLeft(), 0);

    const { auth: given } = await app.server.api.post('auth/token/create', {
      policies: ['app'],
      ttl: '2m',
      renewable: false,
    });
    const fixed = { method: 'token', token: given?.client_token };
    const kept = await app.render(config({ min_ttl: '1m' }, { auth: fixed }));
    assert.equal(kept.code, 0, kept.stderr);
    assert.equal(app.workspace.read('out/token'), given?.client_token);
    const ends = await app.render(config({ min_ttl: '1h' }, { auth: fixed }));
    assert.equal(ends.code, 10, ends.stderr);
  });

  test('what a role without the default policy lacks is named as a policy must say it', async () => {
    const { auth: bare } = await app.server.api.post('auth/token/create', {
      policies: ['app'],
      no_default_policy: true,
      ttl: '2m',
    });
    const auth = { method: 'token', token: bare?.client_token };
    for (const [output, needed] of [
      [{ min_ttl: '1m' }, 'read on auth/token/lookup-self'],
      [{ wrap_ttl: '60s' }, 'update on sys/wrapping/wrap'],
    ] as const) {
      const result = await app.render(config(output, { auth }));
      assert.equal(result.code, 5, result.stderr);
      assert.ok(failuresOf(result)[0]?.hint?.includes(`must allow ${needed}; the default policy does`));
    }
  });

  test('a failed token output is a failed run, and leaves no token', async () => {
    app.workspace.write('out/blocked/file', '');
    const blocked = await app.render(config({ path: 'blocked' }));
    assert.equal(blocked.code, 8, blocked.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
    const missing = await app.render(config({ wrap_ttl: '60s' }, { secrets: { a: 'secret/gone' } }));
    assert.equal(missing.code, 6);
    assert.ok(!requestsOf(app.server).includes('update sys/wrapping/wrap'), 'nothing to hand on');
    assert.equal(await app.server.tokensLeft(), 0);
    const auth = await createRole(app.server, 'counted', { token_policies: ['app'], token_num_uses: 5 });
    const counted = await app.render(config({}, { auth }));
    assert.equal(counted.code, 10, counted.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('rules, plan, policy and fixtures know it', async () => {
    for (const [output, more] of [
      [{ secret: 'a' }, {}],
      [{ path: 'token/' }, {}],
      [{ token: false, value: 'a#key', wrap_ttl: '60s' }, {}],
      [{ contents: 'x' }, {}],
      [{}, { revoke: 'always' }],
    ] as const) {
      const result = await app.render(config(output, more));
      assert.equal(result.code, 3, JSON.stringify(output));
    }
    const file = app.config(config({ wrap_ttl: '60s', min_ttl: '1h' }));
    const check = await runCli(['check', '--json', '-c', file]);
    const { requests } = JSON.parse(check.stdout) as { requests: Record<string, unknown> };
    assert.deepEqual(requests, {
      bound: 'at most',
      login: 1,
      mounts: 1,
      secrets: 1,
      tokens: 2,
      revoke: 0,
      total: 5,
    });
    assert.match((await runCli(['check', '-c', file])).stdout, /2 for token outputs/);
    const policy = await runCli(['policy', '-c', file]);
    assert.equal(policy.code, 0, policy.stderr);
    for (const path of ['sys/wrapping/wrap', 'auth/token/renew-self', 'auth/token/revoke-self'])
      assert.ok(policy.stdout.includes(`path "${path}"`), path);
    const fixtures = app.workspace.write('fixtures.yaml', 'a: { key: v }\n');
    const offline = await app.render(config({ path: 'fixture-token' }), ['--fixtures', fixtures]);
    assert.equal(offline.code, 0, offline.stderr);
    assert.equal(app.workspace.read('out/fixture-token'), 'fixture-token');
  });

  test('the printed policy is enough without the default policy', async () => {
    const wanted = config({ wrap_ttl: '60s', min_ttl: '30m' });
    const printed = await runCli(['policy', '-c', app.config(wanted)]);
    await app.server.api.post('sys/policies/acl/printed', { policy: printed.stdout });
    const auth = await createRole(app.server, 'least', {
      token_policies: ['printed'],
      token_no_default_policy: true,
      token_ttl: '2m',
      token_max_ttl: '1h',
    });
    const result = await app.render({ ...wanted, auth });
    assert.equal(result.code, 0, result.stderr);
  });
});

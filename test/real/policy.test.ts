import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, logLines, runCli } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';

/** What a config needs to be allowed: said by `policy`, asked by `check --online`. */
describe('policies', await needsPlugins('secret/transit'), () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const { api } = app.server;
    await app.putKv2('web', { password: 'x' });
    await app.putKv1('legacy', { token: 'y' });
    await api.post('sys/mounts/transit', { type: 'transit' });
    await api.post('transit/keys/app');
    await api.post('sys/policies/acl/app', {
      policy: 'path "*" { capabilities = ["create", "read", "update", "list"] }',
    });
  });
  beforeEach(() => {
    app.server.takeAudit();
  });
  after(() => app.stop());

  const config: TestConfig = {
    secrets: {
      web: { path: 'secret/web', version: 1 },
      same: 'secret/data/web',
      legacy: 'kv1/legacy',
      sealed: { path: 'transit/encrypt/app', write: { plaintext: 'eA==' } },
    },
    outputs: [{ path: 'web', secret: 'web', key: 'password' }],
    environment: { TOKEN: 'kv1/other#token' },
  };
  const roleWith = async (policy: string, role: object = {}): Promise<TestConfig> => {
    await app.server.api.post('sys/policies/acl/least', { policy });
    const defaults = { token_policies: ['least'], token_no_default_policy: false };
    return createRole(app.server, 'least', { ...defaults, ...role });
  };

  test('the policy is the least: render works with it, and not without any of its rules', async () => {
    const printed = await runCli(['policy', '-c', app.config(config)]);
    assert.equal(printed.code, 0, printed.stderr);
    assert.deepEqual(requestsOf(app.server), [
      'update auth/approle/login',
      'read sys/internal/ui/mounts',
      'update auth/token/revoke-self',
    ]);
    const [least = '', more] = printed.stdout.split('\n# `vaultonce check --online`');
    assert.match(more ?? '', /# path "sys\/capabilities-self" \{\n# {3}capabilities = \["update"\]\n# \}\n$/);
    const rules = least.split('\n\n');
    assert.deepEqual(
      rules.map((rule) => /path (".*?")/.exec(rule)?.[1]),
      [
        '"secret/data/web"',
        '"kv1/legacy"',
        '"transit/encrypt/app"',
        '"kv1/other"',
        '"auth/token/revoke-self"',
      ],
    );
    const role = { token_no_default_policy: true };
    const auth = await roleWith(printed.stdout, role);
    const complete = await app.render({ ...config, auth });
    assert.equal(complete.code, 0, complete.stderr);
    assert.equal(await app.server.tokensLeft(), 0);

    for (const rule of rules.filter((one) => !one.includes('kv1/other'))) {
      const lacking = await roleWith(rules.filter((one) => one !== rule).join('\n\n'), role);
      const result = await app.render({ ...config, auth: lacking });
      const returns = rule.includes('revoke-self');
      assert.equal(result.code, returns ? 0 : 5, `${rule}\n${result.stderr}`);
      assert.equal(
        logLines(result).some(({ event }) => event === 'revoke_failed'),
        returns,
      );
      await app.server.revokeTokens();
    }
  });

  test('the policy is that of the config; --auth only says who asks now', async () => {
    const own = app.config({ secrets: { web: 'secret/web' } });
    const env = { VAULT_TOKEN: app.server.rootToken };
    const expected = await runCli(['policy', '-c', own]);
    assert.match(expected.stdout, /revoke-self/);
    for (const args of [
      ['--auth', 'token'],
      ['--auth', 'token', '--set', 'auth.renew=true'],
    ]) {
      app.server.takeAudit();
      const asked = await runCli(['policy', '-c', own, ...args], { env });
      assert.equal(asked.code, 0, asked.stderr);
      assert.equal(asked.stdout, expected.stdout, args.join(' '));
      assert.ok(!requestsOf(app.server).includes('update auth/approle/login'), 'the token asks');
    }
    const stdin = `vault: { address: "${app.server.address}" }\nauth: { method: approle, role_id: r }\nsecrets: { web: secret/web }`;
    const piped = await runCli(['policy', '-c', '-', '--auth', 'token'], { env, input: stdin });
    assert.equal(piped.stdout, expected.stdout, piped.stderr);

    const flags = ['policy', '--secret', 'web=secret/web', '--address', app.server.address];
    const given = await runCli([...flags, '--auth', 'token'], { env });
    assert.equal(given.code, 0, given.stderr);
    assert.doesNotMatch(given.stdout, /revoke-self/, 'without `auth` the flags say how runs log in');
    const { role_id, secret_id } = app.auth as { role_id: string; secret_id: string };
    const approle = [
      '--auth',
      'approle',
      '--set',
      `auth.role_id=${role_id}`,
      '--set',
      `auth.secret_id=${secret_id}`,
    ];
    assert.equal((await runCli([...flags, ...approle])).stdout, expected.stdout);
  });

  test('with every engine declared it needs no server', async () => {
    const offline = {
      vault: { address: 'http://127.0.0.1:1' },
      secrets: {
        a: { path: 'kv/a', engine: 'kv2' },
        b: { path: 'kv/b', engine: 'kv1', write: { x: '${X}' } },
      },
    };
    const result = await runCli(['policy', '-c', app.config(offline)], { env: { X: 'canary' } });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /path "kv\/data\/a" \{\n {2}capabilities = \["read"\]\n\}/);
    assert.match(result.stdout, /path "kv\/b" \{\n {2}capabilities = \["create", "update"\]\n\}/);
    assert.doesNotMatch(result.stdout, /canary/);
    for (const path of ['kv/a*', 'kv/+/b', 'kv/a$${b']) {
      const args = ['policy', '-c', app.config({ secrets: { a: { path, engine: 'raw' } } })];
      const unnameable = await runCli(args);
      assert.equal(unnameable.code, 3, path);
      assert.match(unnameable.stderr, /no policy can name the path/);
    }
  });

  test('a path with `${…}` in it is allowed as it stands', async () => {
    const secrets = { odd: { path: 'secret/data/a$${b}', engine: 'raw' } };
    const { stdout } = await runCli(['policy', '-c', app.config({ secrets })]);
    const auth = await roleWith(stdout);
    await app.putKv2('a${b}', { key: 'value' });
    const result = await app.render({ auth, secrets, outputs: [] });
    assert.equal(result.code, 0, result.stderr);
  });

  test('check --online tells what would be denied, and reads no secret', async () => {
    const auth = await roleWith(
      'path "secret/data/web" { capabilities = ["read"] }\npath "kv1/*" { capabilities = ["list"] }\npath "transit/*" { capabilities = ["deny"] }',
    );
    app.server.takeAudit();
    const declared = {
      secrets: { web: 'secret/web', legacy: 'kv1/legacy', raw: { path: 'transit/keys/app', engine: 'raw' } },
      outputs: [{ path: 'web', value: 'web#password' }],
      environment: { TOKEN: 'secret/hidden#token' },
    };
    const result = await runCli(['check', '--online', '--json', '-c', app.config({ ...declared, auth })]);
    assert.equal(result.code, 5, result.stderr);
    assert.notEqual(result.stdout, '', result.stderr);
    const { access } = JSON.parse(result.stdout) as { access: { path: string; allowed: boolean }[] };
    assert.deepEqual(
      access.map(({ path, allowed }) => [path, allowed]),
      [
        ['secret/data/web', true],
        ['kv1/legacy', false],
        ['transit/keys/app', false],
        ['secret/data/hidden', false],
      ],
    );
    assert.deepEqual(
      failuresOf(result).map(({ where }) => where?.replace(/^.*\/(vaultonce\.yaml):\d+/, '$1')),
      ['vaultonce.yaml, secrets.legacy', 'vaultonce.yaml, secrets.raw', 'vaultonce.yaml, environment.TOKEN'],
    );
    assert.deepEqual(requestsOf(app.server), [
      'update auth/approle/login',
      'read sys/internal/ui/mounts',
      'update sys/capabilities-self',
      'update auth/token/revoke-self',
    ]);
    const allowed = await runCli([
      'check',
      '--online',
      '-c',
      app.config({ secrets: { web: 'secret/web' }, auth }),
    ]);
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.match(allowed.stdout, /web +secret\/data\/web +read +read +allowed/);
    assert.match(allowed.stdout, /^web +engine: kv2$/m);
    assert.equal(await app.server.tokensLeft(), 0);
  });
});

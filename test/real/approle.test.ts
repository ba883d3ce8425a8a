import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { needsMounts } from '../support/needs.ts';

const CREATION_PATH = 'auth/approle/role/app/secret-id';

describe('approle, and wrapped credentials', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: 'value' });
  });
  after(() => app.stop());

  const login = (auth: TestConfig, env: Record<string, string> = {}): Promise<CliResult> =>
    app.render(
      { auth, secrets: { a: 'secret/a' }, outputs: [{ path: 'a.txt', contents: '{{a.key}}' }] },
      [],
      {
        env,
      },
    );

  /** A wrapping token that holds the answer of a POST. */
  const wrapped = async (path: string, body: object = {}): Promise<string> => {
    const response = await fetch(`${app.server.address}/v1/${path}`, {
      method: 'POST',
      headers: { 'X-Vault-Token': app.server.rootToken, 'X-Vault-Wrap-TTL': '60s' },
      body: JSON.stringify(body),
    });
    const { wrap_info: info } = (await response.json()) as { wrap_info: { token: string } };
    return info.token;
  };

  const freshSecretId = async (): Promise<string> => {
    const { data } = await app.server.api.post(CREATION_PATH);
    return String(data?.['secret_id']);
  };

  test('variables; one that is not set', async () => {
    const auth = { method: 'approle', role_id_env: 'ROLE', secret_id_env: 'SECRET' };
    const env = { ROLE: String(app.auth['role_id']), SECRET: String(app.auth['secret_id']) };
    assert.equal((await login(auth, env)).code, 0);
    const unset = await login(auth, { ROLE: env.ROLE });
    assert.equal(unset.code, 3);
    assert.match(failuresOf(unset)[0]?.message ?? '', /\$SECRET with the secret_id is not set/);
  });

  test('a wrapped secret_id is opened once, its creation path checked before', async () => {
    const role_id = app.auth['role_id'];
    const auth = async (extra: TestConfig = {}): Promise<TestConfig> => ({
      method: 'approle',
      role_id,
      secret_id: await wrapped(CREATION_PATH),
      secret_id_wrapped: true,
      ...extra,
    });
    const checked = await auth({ secret_id_creation_path: CREATION_PATH });
    app.server.takeAudit();
    assert.equal((await login(checked)).code, 0);
    assert.deepEqual(requestsOf(app.server).slice(0, 3), [
      'update sys/wrapping/lookup',
      'update sys/wrapping/unwrap',
      'update auth/approle/login',
    ]);

    const again = await login(checked);
    assert.equal(again.code, 4);
    const [failure] = failuresOf(again);
    assert.match(failure?.message ?? '', /wrapping token of the secret_id does not open: it was used before/);
    assert.match(failure?.hint ?? '', /intercepted/);
    assert.doesNotMatch(again.stderr, new RegExp(String(checked['secret_id'])));
    app.server.takeAudit();
    assert.equal((await login(await auth())).code, 0);
    assert.ok(!requestsOf(app.server).includes('update sys/wrapping/lookup'), 'nothing to check');
  });

  test('check counts what opening and renewing take', async () => {
    const { auth: made } = await app.server.api.post('auth/token/create', { policies: ['app'], ttl: '1h' });
    const secretId = { role_id: app.auth['role_id'], secret_id: await wrapped(CREATION_PATH) };
    const token = await wrapped('sys/wrapping/wrap', { token: made?.client_token });
    const logins: readonly [TestConfig, number][] = [
      [
        { method: 'approle', ...secretId, secret_id_wrapped: true, secret_id_creation_path: CREATION_PATH },
        3,
      ],
      [{ method: 'token', token, wrapped: true, renew: true }, 2],
    ];
    for (const [auth, expected] of logins) {
      const outputs = [{ path: 'a.txt', contents: '{{a.key}}' }];
      const file = app.config({ auth, secrets: { a: 'secret/a' }, outputs });
      const checked = await runCli(['check', '--json', '-c', file]);
      const { requests } = JSON.parse(checked.stdout) as { requests: { login: number; total: number } };
      assert.equal(requests.login, expected);
      app.server.takeAudit();
      assert.equal((await login(auth)).code, 0);
      assert.equal(requestsOf(app.server).length, requests.total);
    }
    await app.server.revokeTokens();
  });

  test('what is not wrapped at all is no interception: 3, and the option that says so', async () => {
    const { auth: made } = await app.server.api.post('auth/token/create', { policies: ['app'], ttl: '1h' });
    const token = { method: 'token', token: made?.client_token };
    for (const [auth, option] of [
      [{ ...token, wrapped: true }, 'wrapped'],
      [{ ...token, wrapped: true, creation_path: 'auth/token/create' }, 'wrapped'],
      [{ ...app.auth, secret_id_wrapped: true }, 'secret_id_wrapped'],
      [{ ...app.auth, secret_id_wrapped: true, secret_id_creation_path: CREATION_PATH }, 'secret_id_wrapped'],
    ] as const) {
      const result = await login(auth);
      assert.equal(result.code, 3, result.stderr);
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', /^the (?:token|secret_id) is not wrapped: it is a/);
      assert.ok(failure?.hint?.startsWith(`leave \`${option}: true\` out`), failure?.hint);
      assert.doesNotMatch(result.stderr, /intercepted/);
    }
    assert.equal((await login(token)).code, 0, 'it can still be used');
    assert.equal((await login(app.auth)).code, 0);
    await app.server.revokeTokens();
  });

  test('a wrapping token of another making is not opened', async () => {
    const foreign = await wrapped('sys/wrapping/wrap', { secret_id: 'of-somebody-else' });
    app.server.takeAudit();
    const result = await login({
      ...app.auth,
      secret_id: foreign,
      secret_id_wrapped: true,
      secret_id_creation_path: CREATION_PATH,
    });
    assert.equal(result.code, 4);
    const [failure] = failuresOf(result);
    assert.match(failure?.message ?? '', /was not made at auth\/approle\/role\/app\/secret-id/);
    assert.deepEqual(failure?.details, ['it was made at sys/wrapping/wrap']);
    assert.deepEqual(requestsOf(app.server), ['update sys/wrapping/lookup']);
    const other = await login({
      ...app.auth,
      secret_id: await wrapped('sys/wrapping/wrap', { password: 'x' }),
      secret_id_wrapped: true,
    });
    assert.equal(other.code, 4);
    assert.match(failuresOf(other)[0]?.message ?? '', /contains something other than the secret_id/);
  });

  test('remove_secret_id_file: after a login, and never before; a link and what it leads to', async () => {
    const role = { method: 'approle', role_id: app.auth['role_id'] };
    const file = app.workspace.write('secret_id', `${await freshSecretId()}\n`);
    const auth = { ...role, secret_id_file: file, remove_secret_id_file: true };
    const refused = await login({ ...auth, role_id: 'wrong' });
    assert.equal(refused.code, 4);
    assert.ok(existsSync(file), 'a refused login keeps it');
    assert.equal((await login(auth)).code, 0);
    assert.ok(!existsSync(file));
    const gone = await login(auth);
    assert.equal(gone.code, 3);

    const target = app.workspace.write('volume/secret_id', await freshSecretId());
    const link = app.workspace.path('link');
    symlinkSync(target, link);
    assert.equal((await login({ ...auth, secret_id_file: link })).code, 0);
    assert.ok(!existsSync(target));
    assert.throws(() => readFileSync(link));
  });

  // Root removes files from any directory, but not what is mounted.
  const isRoot = process.geteuid?.() === 0;
  const unlessItMounts = isRoot ? needsMounts() : {};
  test('remove_secret_id_file: a file that cannot be removed is a warning', unlessItMounts, async () => {
    const role = { method: 'approle', role_id: app.auth['role_id'] };
    const file = app.workspace.write('kept/secret_id', await freshSecretId());
    if (isRoot) execFileSync('mount', ['--bind', file, file]);
    else chmodSync(app.workspace.path('kept'), 0o500);
    const result = await login({ ...role, secret_id_file: file, remove_secret_id_file: true });
    if (isRoot) execFileSync('umount', [file]);
    else chmodSync(app.workspace.path('kept'), 0o700);
    assert.equal(result.code, 0, result.stderr);
    assert.ok(result.stderr.includes('"event":"credential_file_kept"'));
    assert.ok(existsSync(file));
  });

  test('fields that need each other', async () => {
    for (const extra of [
      { secret_id_creation_path: CREATION_PATH },
      { remove_secret_id_file: true },
      { secret_id_file: '/x' },
      { role_id_env: 'X' },
    ]) {
      assert.equal((await login({ ...app.auth, ...extra })).code, 3, JSON.stringify(extra));
    }
    const role = { method: 'approle', role_id: app.auth['role_id'] };
    assert.equal((await login({ ...role, secret_id_wrapped: true })).code, 3);
  });

  /** What a sink of Vault Agent with `wrap_ttl` writes. */
  const sink = (token: string): string =>
    JSON.stringify({
      token,
      accessor: 'a1',
      ttl: 300,
      creation_time: '2026-01-02T03:04:05.678901234Z',
      creation_path: 'sys/wrapping/wrap',
      wrapped_accessor: '',
    });

  test('the JSON of a wrapped sink of an agent; what is no token is told before any request', async () => {
    const { auth: made } = await app.server.api.post('auth/token/create', { policies: ['app'], ttl: '1h' });
    const inSink = async (): Promise<string> =>
      sink(await wrapped('sys/wrapping/wrap', { token: made?.client_token }));
    const fileOf = (text: string): string => app.workspace.write('sink', text);
    const file = { method: 'token', token_file: fileOf(`${await inSink()}\n`), wrapped: true };
    assert.equal((await login(file)).code, 0);
    fileOf(JSON.stringify(JSON.parse(await inSink()), undefined, 2));
    assert.equal((await login({ ...file, creation_path: 'sys/wrapping/wrap' })).code, 0);
    const again = await login(file);
    assert.equal(again.code, 4, 'it opens once');
    const secretId = sink(await wrapped(CREATION_PATH));
    const role = { method: 'approle', role_id: app.auth['role_id'], secret_id_wrapped: true };
    assert.equal((await login({ ...role, secret_id_file: fileOf(secretId) })).code, 0);

    app.server.takeAudit();
    const text = await inSink();
    const noTokens = [
      ['{"curve25519_public_key": "x", "nonce": "y"}', true],
      ['{"token": ""}', true],
      ['{"token": {}}', true],
      ['{"token": "x', true],
      ['<html>not found</html>', true],
      ['not a token', false],
      [text, false],
    ] as const;
    app.server.takeAudit();
    for (const [content, isWrapped] of noTokens) {
      const result = await login({ method: 'token', token_file: fileOf(content), wrapped: isWrapped });
      assert.equal(result.code, 3, `${content} ${result.stderr}`);
      assert.match(
        failuresOf(result)[0]?.message ?? '',
        /^the token is (?:malformed: it has|empty$)/,
        content,
      );
    }
    assert.match((await login({ method: 'token', token_file: fileOf(text) })).stderr, /set `wrapped: true`/);
    assert.deepEqual(requestsOf(app.server), []);
    await app.server.revokeTokens();
  });

  test('token: wrapped, of auth/token/create and of a plain wrapping; renewed, and one that cannot be', async () => {
    const create = { policies: ['app'], ttl: '1h' };
    const token = await wrapped('auth/token/create', create);
    const auth = { method: 'token', token, wrapped: true, creation_path: 'auth/token/create' };
    assert.equal((await login(auth)).code, 0);
    assert.equal((await login(auth)).code, 4, 'it opens once');
    const { auth: made } = await app.server.api.post('auth/token/create', create);
    const plain = await wrapped('sys/wrapping/wrap', { token: made?.client_token });
    assert.equal((await login({ method: 'token', token: plain, wrapped: true })).code, 0);
    assert.equal((await login({ method: 'token', token: plain, creation_path: 'x' })).code, 3);
    const variable = { method: 'token', token_env: 'APP_TOKEN' };
    assert.equal((await login(variable, { APP_TOKEN: String(made?.client_token) })).code, 0);
    assert.equal((await login(variable)).code, 3);

    app.server.takeAudit();
    const renewed = await login({ method: 'token', token: made?.client_token, renew: true });
    assert.equal(renewed.code, 0, renewed.stderr);
    assert.equal(requestsOf(app.server)[0], 'update auth/token/renew-self');
    const { auth: fixed } = await app.server.api.post('auth/token/create', { ...create, renewable: false });
    const kept = await login({ method: 'token', token: fixed?.client_token, renew: true });
    assert.equal(kept.code, 0, kept.stderr);
    assert.match(kept.stderr, /"event":"renew_failed"/);
    await app.server.revokeTokens();
  });
});

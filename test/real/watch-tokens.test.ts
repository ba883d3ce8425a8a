import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type CliOptions, type CliResult, type RunningCli } from '../support/cli.ts';
import { mountPki } from '../support/leased.ts';
import { needsPlugins } from '../support/needs.ts';
import { untilWithin } from '../support/patience.ts';

/** How long something may take that is due within a few seconds. */
const PATIENCE_MS = 30_000;

interface Line {
  readonly event: string;
  readonly level: string;
  readonly message: string;
  readonly hint?: string;
}

/** Logins that work once, tokens that were given, and what is said of both. */
describe('the token of watch', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  let secretId = '';

  before(async () => {
    app = await startApp();
    await app.putKv2('kv', { key: 'one' });
    await mountPki(app.server);
  });
  beforeEach(async () => {
    app.workspace.clear();
    await app.server.revokeTokens();
    secretId = app.workspace.path('secret_id');
    app.server.takeAudit();
  });
  after(() => app.stop());

  const KV = {
    secrets: { kv: { path: 'secret/kv', engine: 'kv2' } },
    outputs: [{ path: 'kv.txt', contents: '{{kv.key}}' }],
    watch: { refresh: '1s', settle: 0 },
  };
  const start = (config: TestConfig, options: CliOptions = {}): RunningCli =>
    startCli(['watch', '-c', app.config({ ...KV, ...config })], { killAfterMs: 50_000, ...options });
  const roleOf = (name: string, limits: object = {}): Promise<TestConfig> =>
    createRole(app.server, name, { token_policies: ['app'], ...limits });
  const newSecretId = async (role: string): Promise<string> => {
    const { data } = await app.server.api.post(`auth/approle/role/${role}/secret-id`);
    return String(data?.['secret_id']);
  };
  const linesOf = ({ stderr }: CliResult): Line[] =>
    stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  const stopped = async (running: RunningCli): Promise<Line[]> => {
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    return linesOf(result);
  };
  const warningsOf = (lines: readonly Line[]): string[] =>
    lines.filter(({ level }) => level === 'warn').map(({ event }) => event);
  const tendedIn = (lines: readonly Line[]): string =>
    lines.find(({ event }) => event === 'token_tended')?.message ?? '';
  const until = untilWithin(PATIENCE_MS);
  const givenToken = async (limits: object): Promise<string> => {
    const { auth } = await app.server.api.post('auth/token/create', { policies: ['app'], ...limits });
    return String((auth as { readonly client_token?: unknown } | undefined)?.client_token);
  };

  test('a token that somebody else has revoked is not said to live on at the end', async () => {
    const running = start({ auth: await roleOf('revoked'), watch: { refresh: '1h', settle: 0 } });
    await running.stderrMatches(/"event":"watching"/);
    await app.server.revokeTokens();
    const told = (await stopped(running)).find(({ event }) => event === 'revoke_failed');
    assert.equal(told?.message, 'the token could not be revoked: the server no longer accepts it');
  });

  test('a secret_id that is used up is refused once, not until the role is locked; another one is used at once', async () => {
    const { role_id, secret_id } = await roleOf('once', {
      secret_id_num_uses: 1,
      token_ttl: '3s',
      token_max_ttl: '3s',
    });
    app.workspace.write('secret_id', String(secret_id));
    const running = start({ auth: { method: 'approle', role_id, secret_id_file: secretId } });
    await running.stderrMatches(/"event":"token_not_replaced"/);
    // Longer than several tries would wait, the token has ended by then.
    await delay(12_000);
    const refused = app.server.takeAudit().filter(({ path }) => path === 'auth/approle/login');
    assert.equal(refused.length, 2, 'one login that works, and one that does not');
    await app.putKv2('kv', { key: 'two' });
    // The next one works for as long as this takes.
    await app.server.api.post('auth/approle/role/once', { secret_id_num_uses: 0 });
    app.workspace.write('secret_id', await newSecretId('once'));
    await until('the change', () => app.workspace.read('out/kv.txt') === 'two');
    const lines = await stopped(running);
    const warnings = warningsOf(lines);
    await app.putKv2('kv', { key: 'one' });
    const told = lines.find(({ event }) => event === 'token_not_replaced');
    assert.match(told?.hint ?? '', /tried again in 16 minutes, because five refusals lock the role/);
    // Not at each of a dozen tries.
    assert.equal(warnings.filter((event) => event === 'token_not_replaced').length, 1, warnings.join());
    assert.ok(warnings.filter((event) => event === 'token_lost').length <= 1, warnings.join());
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a wrapping token is opened once, and a second login does not call that an interception', async () => {
    const { role_id } = await roleOf('wrapped', { token_ttl: '3s', token_max_ttl: '3s' });
    const wrap = async (): Promise<string> => {
      const response = await fetch(`${app.server.address}/v1/auth/approle/role/wrapped/secret-id`, {
        method: 'POST',
        headers: { 'X-Vault-Token': app.server.rootToken, 'X-Vault-Wrap-TTL': '5m' },
      });
      return ((await response.json()) as { readonly wrap_info: { readonly token: string } }).wrap_info.token;
    };
    app.workspace.write('secret_id', await wrap());
    const auth = { method: 'approle', role_id, secret_id_file: secretId, secret_id_wrapped: true };
    const running = start({ auth });
    await running.stderrMatches(/has been opened, and opens once/);
    await delay(3000);
    const unwrapped = app.server.takeAudit().filter(({ path }) => path === 'sys/wrapping/unwrap');
    assert.equal(unwrapped.length, 1);
    await app.putKv2('kv', { key: 'three' });
    app.workspace.write('secret_id', await wrap());
    await until('the change', () => app.workspace.read('out/kv.txt') === 'three');
    const lines = await stopped(running);
    assert.ok(!lines.some(({ message }) => /intercept/i.test(message)));
    await app.putKv2('kv', { key: 'one' });
  });

  test('a given token that cannot be renewed: told at the start, and at its end once; it is not asked for without a pause', async () => {
    const env = { VAULT_TOKEN: await givenToken({ ttl: '5s', renewable: false }) };
    const running = start({ auth: { method: 'token' } }, { env });
    await running.stderrMatches(/"event":"watching"/);
    await running.stderrMatches(/"event":"token_not_replaced"/);
    await delay(8000);
    assert.equal(running.child.exitCode, null);
    const lines = await stopped(running);
    const warnings = warningsOf(lines).filter((event) => !event.startsWith('secret_'));
    assert.deepEqual(warnings.filter((event) => event !== 'token_lost').sort(), [
      'token_not_replaced',
      'watch_warning',
    ]);
    assert.match(
      lines.find(({ event }) => event === 'watch_warning')?.message ?? '',
      /^the token of \$VAULT_TOKEN ends in [1-5] s and cannot be renewed$/,
    );
    const requests = requestsOf(app.server);
    assert.ok(
      requests.filter((one) => one === 'read auth/token/lookup-self').length <= 3,
      requests.join('\n'),
    );
    assert.ok(requests.length < 30, requests.join('\n'));
  });

  test('a given token that can be renewed is, and is left alone; one that never ends is no warning', async () => {
    const env = { VAULT_TOKEN: await givenToken({ ttl: '3s', explicit_max_ttl: '1h' }) };
    const running = start({ auth: { method: 'token' } }, { env });
    let renewals = 0;
    await until('two renewals', () => {
      renewals += requestsOf(app.server).filter((one) => one === 'update auth/token/renew-self').length;
      return renewals >= 2;
    });
    const lines = await stopped(running);
    assert.deepEqual(warningsOf(lines), []);
    assert.match(tendedIn(lines), /^renewed the token, TTL 3 s; next in [\d.]+ m?s$/);
    assert.equal(await app.server.tokensLeft(), 1, 'it is still there');
    const root = start({ auth: { method: 'token' } }, { env: { VAULT_TOKEN: app.server.rootToken } });
    await root.stderrMatches(/"event":"watching"/);
    assert.deepEqual(warningsOf(await stopped(root)), []);
  });

  test('a token in a file is replaced by the one that is there next', async () => {
    const file = app.workspace.write('token', await givenToken({ ttl: '4s', renewable: false }));
    const running = start({ auth: { method: 'token', token_file: file } });
    await running.stderrMatches(/"event":"watching"/);
    const next = await givenToken({ ttl: '1h' });
    app.workspace.write('token', next);
    await delay(5000);
    await app.putKv2('kv', { key: 'four' });
    await until('the change', () => app.workspace.read('out/kv.txt') === 'four');
    const lines = await stopped(running);
    assert.deepEqual(
      warningsOf(lines).filter((event) => event !== 'watch_warning'),
      [],
    );
    assert.match(tendedIn(lines), /^another token; next in [\d.]+ s$/);
    await app.putKv2('kv', { key: 'one' });
  });

  test('leases are not said to end with a token that is renewed, nor to be left by a first run that fails', async () => {
    const auth = await roleOf('short', { token_ttl: '20s', token_max_ttl: '1h', secret_id_num_uses: 0 });
    // Longer than the token lives, which is renewed.
    const leased = { path: 'pki/issue/leased', write: { common_name: 'a', ttl: '1h' }, min_ttl: '10m' };
    const output = { path: 'leased.pem', secret: 'leased', format: 'pem' };
    const running = start({ auth, secrets: { leased }, outputs: [output] });
    await running.stderrMatches(/"event":"watching"/);
    assert.deepEqual(warningsOf(await stopped(running)), []);
    app.server.takeAudit();
    const impossible = { path: 'leased.txt', contents: '{{leased.nope}}' };
    const failing = await start({ auth, secrets: { leased }, outputs: [impossible] }).done;
    assert.equal(failing.code, 6, failing.stderr);
    assert.deepEqual(warningsOf(linesOf(failing)), []);
    assert.equal(await app.server.tokensLeft(), 0);
    const requests = requestsOf(app.server);
    assert.ok(requests.includes('update pki/issue/leased'));
    assert.ok(!requests.includes('update sys/leases/revoke'), 'they end with the token');
  });
});

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { needsPostgres } from '../support/needs.ts';
import { untilWithin } from '../support/patience.ts';
import { createDatabaseRole, mountDatabase, startPostgres, type TestDatabase } from '../support/postgres.ts';
import { startStandIn, type Answer, type SeenRequest } from '../support/stand-in.ts';

/** How long something may take that is due within a few seconds. */
const PATIENCE_MS = 30_000;

const REVOCATION = 'sys/leases/revoke';

/** Credentials that a real PostgreSQL knows, kept good while the process stays. */
describe('watch and database credentials', await needsPostgres(), () => {
  let app: TestApp;
  let database: TestDatabase;
  let auth: TestConfig;

  before(async () => {
    database = await startPostgres();
    app = await startApp();
    const { api } = app.server;
    await mountDatabase(app.server, database);
    await roleOf('long', '8s', '1h');
    await roleOf('short', '6s', '15s');
    await roleOf('patient', '16s', '1h');
    await roleOf('lasting', '1h', '2h');
    await api.post('sys/policies/acl/database', {
      policy: [
        ['database/creds/+', 'read'],
        ['database/static-creds/+', 'read'],
        ['sys/leases/renew', 'update'],
        [REVOCATION, 'update'],
      ]
        .map(([path, capability]) => `path "${path!}" { capabilities = ["${capability!}"] }`)
        .join('\n'),
    });
    auth = await loginOf('database', {});
  });
  beforeEach(() => {
    app.workspace.clear();
    app.server.takeAudit();
  });
  after(async () => {
    await app.server.revokeTokens();
    await database.stop();
    await app.stop();
  });

  const roleOf = (name: string, default_ttl: string, max_ttl: string): Promise<void> =>
    createDatabaseRole(app.server, name, { default_ttl, max_ttl });
  const loginOf = (name: string, limits: object): Promise<TestConfig> =>
    createRole(app.server, name, {
      token_policies: ['app', 'database'],
      secret_id_num_uses: 0,
      ...limits,
    });
  const start = (role: string, config: TestConfig = {}): RunningCli =>
    startCli(
      [
        'watch',
        '-c',
        app.config({
          auth,
          secrets: { db: `database/creds/${role}` },
          outputs: [{ path: 'db', contents: '{{db.username}} {{db.password}}' }],
          watch: { settle: 0, on_change: { run: ['touch', app.workspace.path('told')] } },
          ...config,
        }),
      ],
      { killAfterMs: 120_000 },
    );
  const until = untilWithin(PATIENCE_MS);
  const stopped = async (running: RunningCli): Promise<CliResult> => {
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  const login = (): readonly [user: string, password: string] => {
    const [user = '', password = ''] = app.workspace.read('out/db').split(' ');
    return [user, password];
  };
  const isTold = (): boolean => existsSync(app.workspace.path('told'));
  const usersLeft = (): Promise<string> =>
    database.query("select rolname from pg_roles where rolname like 'v-%'");
  const nobodyIsLeft = async (): Promise<void> => {
    await until('the end of all users', async () => (await usersLeft()) === '');
    assert.equal(await app.server.tokensLeft(), 0);
  };
  const eventsOf = ({ stderr }: CliResult): string[] =>
    stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { readonly event: string }).event);
  /** In front of the real server. */
  const passing = (look: (request: SeenRequest) => Answer | undefined) =>
    startStandIn({ target: app.server.address, answer: (request) => look(request) ?? 'forward' });

  test('a lease is renewed: the same user stays, nothing is written, and nobody is told', async () => {
    const running = start('long');
    await running.stderrMatches(/"event":"watching"/);
    const [user, password] = login();
    let renewals = 0;
    await until('two renewals', () => {
      renewals += requestsOf(app.server).filter((one) => one === 'update sys/leases/renew').length;
      return renewals >= 2;
    });
    // Longer than its first TTL.
    assert.deepEqual(login(), [user, password]);
    assert.ok(await database.canLogIn(user, password));
    const result = await stopped(running);
    assert.ok(!isTold());
    const events = eventsOf(result);
    assert.ok(events.includes('lease_renewed') && !events.includes('secret_replaced'), result.stderr);
    await nobodyIsLeft();
  });

  test('at its longest life it is replaced in time, and revoked only once the next one is in the file', async () => {
    let first = '';
    let ageMs = 0;
    let startedMs = 0;
    const inFile: (readonly [string, string])[] = [];
    const between = await passing(({ path }) => {
      if (path !== REVOCATION || inFile.length > 0) return undefined;
      ageMs = performance.now() - startedMs;
      inFile.push(login());
      return undefined;
    });
    startedMs = performance.now();
    const running = start('short', { vault: { address: between.address } });
    await running.stderrMatches(/"event":"watching"/);
    [first] = login();
    await until('a revocation', () => inFile.length > 0);
    const [[second, password] = ['', '']] = inFile;
    assert.notEqual(second, first);
    assert.ok(ageMs < 15_000, `replaced after ${String(ageMs)} ms`);
    assert.ok(await database.canLogIn(second, password));
    await until('the end of the first user', async () => !(await usersLeft()).includes(first));
    await until('the handler', isTold);
    const requests = requestsOf(app.server);
    assert.ok(requests.includes('update sys/leases/renew'));
    assert.ok(requests.includes(`update ${REVOCATION}`), 'by itself, not with a token');
    const result = await stopped(running);
    await between.stop();
    assert.ok(!eventsOf(result).includes('secret_stale'), result.stderr);
    await nobodyIsLeft();
  });

  test('one that somebody has revoked is noticed at its next renewal, and replaced at once', async () => {
    const running = start('long');
    await running.stderrMatches(/"event":"watching"/);
    const [first] = login();
    await app.server.api.post('sys/leases/revoke-prefix/database/creds/long', {});
    assert.equal(await usersLeft(), '');
    await running.stderrMatches(/"event":"lease_not_renewed"/);
    await until('another user', () => login()[0] !== first);
    assert.ok(await database.canLogIn(...login()));
    const result = await stopped(running);
    assert.ok(!eventsOf(result).includes('secret_stale'), result.stderr);
    const logins = requestsOf(app.server).filter((one) => one === 'update auth/approle/login');
    assert.equal(logins.length, 1);
    await nobodyIsLeft();
  });

  test('a server that is away when a lease is to be renewed: told once, tried again, the same user', async () => {
    let isAway = true;
    const between = await passing(({ path }) =>
      isAway && path === 'sys/leases/renew' ? { status: 503, body: { errors: [] } } : undefined,
    );
    const running = start('patient', { vault: { address: between.address }, timeout: '1s' });
    await running.stderrMatches(/"event":"secret_stale"/);
    isAway = false;
    await running.stderrMatches(/"event":"secret_recovered"/);
    const result = await stopped(running);
    await between.stop();
    const events = eventsOf(result).filter((event) => /^(?:secret|lease|token)_/.test(event));
    assert.deepEqual(events.slice(0, 3), ['secret_stale', 'lease_renewed', 'secret_recovered']);
    await nobodyIsLeft();
  });

  test('with a token that comes to its end they move over to the next, and the old user ends after that', async () => {
    const seen: string[] = [];
    let inFileAtEnd = '';
    const between = await passing(({ path }) => {
      seen.push(path);
      if (path === 'auth/token/revoke-self' && inFileAtEnd === '') inFileAtEnd = login()[0];
      return undefined;
    });
    const running = start('lasting', {
      auth: await loginOf('ending', { token_ttl: '4s', token_max_ttl: '7s' }),
      vault: { address: between.address },
    });
    await running.stderrMatches(/"event":"watching"/);
    const [first] = login();
    await until('the end of the first token', () => seen.includes('auth/token/revoke-self'));
    assert.notEqual(inFileAtEnd, first, 'the token is ended after the file is written');
    await until('the end of the first user', async () => !(await usersLeft()).includes(first));
    assert.ok(seen.includes('auth/token/renew-self'));
    assert.ok(await database.canLogIn(...login()));
    const result = await stopped(running);
    await between.stop();
    assert.ok(!eventsOf(result).includes('token_lost'), result.stderr);
    await nobodyIsLeft();
  });

  test('the password of a static role is read soon after the server has changed it, and written once', async () => {
    await database.query(`CREATE ROLE static WITH LOGIN PASSWORD 'first'`);
    await app.server.api.post('database/static-roles/static', {
      db_name: 'app',
      username: 'static',
      rotation_period: '8s',
    });
    const running = start('', {
      secrets: { db: 'database/static-creds/static' },
    });
    await running.stderrMatches(/"event":"watching"/);
    const passwords: string[] = [];
    /** For how long the password of the file was none, in milliseconds. */
    let wrongMs = 0;
    await until('three passwords', async () => {
      const [user, password] = login();
      if (passwords.at(-1) !== password) passwords.push(password);
      const atMs = performance.now();
      if (!(await database.canLogIn(user, password))) {
        await delay(100);
        wrongMs = Math.max(wrongMs, wrongMs + performance.now() - atMs);
      } else wrongMs = 0;
      assert.ok(wrongMs < 8000, 'the password of before is still in the file');
      return passwords.length >= 3;
    });
    const result = await stopped(running);
    const replaced = eventsOf(result).filter((event) => event === 'secret_replaced').length;
    assert.equal(replaced, new Set([...passwords, login()[1]]).size - 1, result.stderr);
    const reads = requestsOf(app.server).filter((one) => one.startsWith('read database/static-creds')).length;
    assert.ok(reads <= 4 * passwords.length, `${String(reads)} reads`);
    assert.equal(await app.server.tokensLeft(), 0);
  });
});

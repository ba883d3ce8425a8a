import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf } from '../support/cli.ts';
import { needsPostgres } from '../support/needs.ts';
import { createDatabaseRole, mountDatabase, startPostgres, type TestDatabase } from '../support/postgres.ts';

/** Credentials with a lease, which a real PostgreSQL knows. */
describe('database credentials', await needsPostgres(), () => {
  let app: TestApp;
  let database: TestDatabase;
  let auth: TestConfig;

  before(async () => {
    database = await startPostgres();
    app = await startApp();
    const { api } = app.server;
    await mountDatabase(app.server, database);
    await createDatabaseRole(app.server, 'web', { default_ttl: '1h', max_ttl: '2h' });
    await api.post('sys/policies/acl/database', {
      policy: 'path "database/creds/web" { capabilities = ["read"] }',
    });
    auth = await createRole(app.server, 'web', { token_policies: ['app', 'database'] });
  });
  after(async () => {
    await app.server.revokeTokens();
    await database.stop();
    await app.stop();
  });

  /** The server revokes the leases of a revoked token in the background. */
  const noUsersAreLeft = async (): Promise<void> => {
    let rows = '';
    for (const end = Date.now() + 15_000; Date.now() < end;) {
      rows = await database.query("select rolname from pg_roles where rolname like 'v-%'");
      if (rows === '') return;
      await delay(50);
    }
    assert.fail(`these users are left: ${rows}`);
  };

  test('user and password come from one lease, which lives on with its token', async () => {
    app.server.takeAudit();
    const result = await app.render({
      auth,
      secrets: {
        user: 'database/creds/web',
        login: { path: 'database/creds/web' },
      },
      outputs: [
        { path: 'user', secret: 'user', key: 'username' },
        { path: 'password', contents: '{{login.password}}' },
        { path: 'lease', contents: '{{user.@lease_id}} {{login.@lease_id}} {{login.@lease_duration}}' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    const reads = requestsOf(app.server).filter((request) => request === 'read database/creds/web');
    assert.equal(reads.length, 1);
    const [user, password, lease] = ['user', 'password', 'lease'].map((name) =>
      app.workspace.read(`out/${name}`),
    );
    assert.ok(await database.canLogIn(user ?? '', password ?? ''));
    const [first, second, seconds] = lease?.split(' ') ?? [];
    assert.equal(first, second);
    assert.equal(seconds, '3600');
    assert.equal(await app.server.tokensLeft(), 1, 'the lease needs it');
    await app.server.revokeTokens();
    await noUsersAreLeft();
  });

  test('a failed run leaves no user behind, whatever failed', async () => {
    const secrets = { db: 'database/creds/web' };
    const output = { path: 'user', secret: 'db', key: 'username' };
    const missing = await app.render({
      auth,
      secrets: { ...secrets, gone: 'secret/gone' },
      outputs: [output],
    });
    assert.equal(missing.code, 6);
    await noUsersAreLeft();
    const template = await app.render({ auth, secrets, outputs: [{ path: 'x', contents: '{{db.nope}}' }] });
    assert.equal(template.code, 6, template.stderr);
    await noUsersAreLeft();
    app.workspace.write('out/blocked/file', '');
    const blocked = await app.render({ auth, secrets, outputs: [{ ...output, path: 'blocked' }] });
    assert.equal(blocked.code, 8, blocked.stderr);
    await noUsersAreLeft();
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('an unknown role is a missing secret', async () => {
    await app.server.api.post('sys/policies/acl/database', {
      policy: 'path "database/creds/*" { capabilities = ["read"] }',
    });
    const result = await app.render({
      auth,
      secrets: { db: 'database/creds/nobody' },
      outputs: [{ path: 'x', contents: '{{db.username}}' }],
    });
    assert.notEqual(result.code, 0);
    assert.match(failuresOf(result)[0]?.message ?? '', /database\/creds\/nobody/);
  });
});

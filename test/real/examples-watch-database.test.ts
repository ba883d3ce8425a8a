import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { runCli, startCli } from '../support/cli.ts';
import { needsPostgres } from '../support/needs.ts';
import { until } from '../support/patience.ts';
import { createDatabaseRole, mountDatabase, startPostgres, type TestDatabase } from '../support/postgres.ts';

const example = join(import.meta.dirname, '../../examples/watch/database.yaml');

/** Says what it is started with; takes a while to end, as one that finishes what it is doing. */
const SERVER = `#!/bin/sh
echo "start $DATABASE_URL" >> LOG
trap 'echo "stopping" >> LOG; sleep 1; echo "stop" >> LOG; exit 0' TERM
while :; do sleep 0.1; done
`;

describe('credentials of a database, for an application as a child', await needsPostgres(), () => {
  let app: TestApp;
  let database: TestDatabase;
  let auth: TestConfig;

  before(async () => {
    database = await startPostgres();
    app = await startApp();
    const { api } = app.server;
    await mountDatabase(app.server, database);
    await createDatabaseRole(app.server, 'web', { default_ttl: '6s', max_ttl: '8s' });
    auth = await createRole(app.server, 'web', { token_policies: ['web'] });
    // What the example needs, and no more.
    const operator = JSON.stringify({ method: 'token', token: app.server.rootToken });
    const { stdout, stderr } = await runCli(['policy', '-c', configOf(operator)]);
    assert.notEqual(stdout, '', stderr);
    await api.post('sys/policies/acl/web', { policy: stdout });
  });
  after(async () => {
    await app.server.revokeTokens();
    await database.stop();
    await app.stop();
  });

  /** The example, with the login and the addresses of this machine. */
  const configOf = (login: string): string => {
    const text = readFileSync(example, 'utf8');
    assert.match(text, /@db\.internal:5432\/web/);
    return app.workspace.write(
      'database.yaml',
      text
        .replace('https://vault.example.com:8200', app.server.address)
        .replace(/^auth:[^]*?^(?=secrets:)/m, `auth: ${login}\n`)
        .replace('db.internal:5432/web', `127.0.0.1:${String(database.port)}/postgres`),
    );
  };
  const users = (): Promise<string> =>
    database.query("select rolname from pg_roles where rolname like 'v-%'");
  /** Its whole lines. */
  const log = (): string[] => {
    try {
      return app.workspace.read('log').split('\n').slice(0, -1);
    } catch {
      return [];
    }
  };
  const userOf = (line = ''): { name: string; password: string } => {
    const { username, password } = new URL(line.replace(/^start /, ''));
    return { name: decodeURIComponent(username), password: decodeURIComponent(password) };
  };
  const server = (): string =>
    app.workspace.write('server', SERVER.replaceAll('LOG', app.workspace.path('log')), 0o755);

  test('the next user is there before the restart, and the old one until after it', async () => {
    const running = startCli(['watch', '-c', configOf(JSON.stringify(auth)), '--', server()], {
      killAfterMs: 120_000,
    });
    await until('the start', () => log().length === 1);
    const first = userOf(log()[0]);
    assert.ok(await database.canLogIn(first.name, first.password));
    await until('that it is told to end', () => log().includes('stopping'));
    const during = await users();
    assert.ok(!log().includes('stop'), 'this machine is too slow for this test');
    assert.ok(during.includes(first.name), 'the old user is there while the application uses it');
    assert.equal(during.split('\n').length, 2, 'and so is the next one');
    await until('the restart', () => log().length === 4);
    const second = userOf(log()[3]);
    assert.notEqual(second.name, first.name);
    assert.ok(await database.canLogIn(second.name, second.password));
    await until('that the old user is dropped', async () => !(await users()).includes(first.name));
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, /"event":"lease_renewed"|"event":"command_stopping"/);
    assert.equal(await app.server.tokensLeft(), 0);
    await until('that no user is left', async () => (await users()) === '');
  });

  test('a token that was given lives on, and its leases end all the same', async () => {
    const { auth: issued } = await app.server.api.post('auth/token/create', {
      policies: ['web'],
      no_parent: true,
      ttl: '1h',
    });
    const token = (issued as { client_token: string }).client_token;
    app.workspace.clear();
    const running = startCli(
      ['watch', '-c', configOf(JSON.stringify({ method: 'token', token })), '--', server()],
      {},
    );
    await until('the start', () => log().length === 1);
    assert.notEqual(await users(), '');
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    await until('that no user is left', async () => (await users()) === '');
    assert.equal(await app.server.tokensLeft(), 1);
  });
});

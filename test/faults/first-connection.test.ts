import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { IS_STANDALONE, runCli, type CliResult } from '../support/cli.ts';
import { startHttp2Server } from '../support/http2-server.ts';
import type { StandIn } from '../support/stand-in.ts';

const ISSUED = { client_token: 's.minted', token_type: 'service', lease_duration: 60, policies: [] };
const LOGIN = 'auth/approle/login';
/** A config, arguments, and the environment. */
type Doubt = readonly [TestConfig, (readonly string[])?, Readonly<Record<string, string>>?];
const MARK = 'not-to-be-seen';

describe('the first connection, made before the program is loaded', () => {
  let app: TestApp;
  let server: StandIn;
  /** Of logins, as they arrived: bodies come later. */
  const heads: IncomingHttpHeaders[] = [];
  before(async () => {
    app = await startApp({ tls: true });
    const { certFile, keyFile } = app.server.certificates;
    server = await startHttp2Server({
      tls: { cert: readFileSync(certFile), key: readFileSync(keyFile) },
      answerHead: (headers) => {
        if (headers[':method'] === 'POST') heads.push(headers);
        return undefined;
      },
      answer: ({ path }) => {
        if (path.endsWith('/login')) return { status: 200, body: { auth: ISSUED } };
        if (path === 'auth/token/revoke-self') return { status: 204, body: '' };
        return { status: 200, body: { request_id: 'r', data: { data: { key: 'v' }, metadata: {} } } };
      },
    });
  });
  after(async () => {
    await server.stop();
    await app.stop();
  });

  const configOf = (own: TestConfig): TestConfig => ({
    vault: { address: server.address, tls: { ca_cert: app.server.certificates.caFile } },
    auth: { method: 'approle', role_id: `${MARK}-role`, secret_id: `${MARK}-id` },
    secrets: { a: { path: 'secret/a', engine: 'kv2' } },
    outputs: [{ path: 'a.txt', value: 'a#key' }],
    ...own,
  });
  const run = async (
    own: TestConfig,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<CliResult> => {
    heads.length = 0;
    return runCli(['render', '-c', app.config(configOf(own)), ...args], { env });
  };
  /** What no config may have is found when this connection has been made, and before the program would make its own. */
  const WRONG = { unknown: 1 };

  test('it has the head of the login and no credential, and the login goes on in it', async () => {
    const result = await run({});
    assert.equal(result.code, 0, result.stderr);
    const logins = heads.filter((head) => head[':path'] === `/v1/${LOGIN}`);
    assert.equal(logins.length, 1);
    assert.equal(logins[0]?.['content-length'] === undefined, IS_STANDALONE);
    assert.doesNotMatch(JSON.stringify(logins), new RegExp(MARK));
    assert.match(server.seen.find(({ path }) => path === LOGIN)?.body ?? '', new RegExp(`${MARK}-id`));
  });

  test('neither it nor what follows is printed where Bun is asked to print requests', async () => {
    for (const BUN_CONFIG_VERBOSE_FETCH of ['curl', '1']) {
      const result = await run({}, ['--quiet'], { BUN_CONFIG_VERBOSE_FETCH });
      assert.deepEqual([result.code, result.stdout, result.stderr], [0, '', '']);
    }
  });

  test('it is made once the config names the server, and is given up with a config that is wrong', async () => {
    const count = server.seen.length;
    const result = await run(WRONG);
    assert.equal(result.code, 3, result.stderr);
    assert.equal(heads.length, IS_STANDALONE ? 1 : 0);
    assert.equal(server.seen.length, count);
  });

  test('on any doubt there is none', async () => {
    const { caFile } = app.server.certificates;
    const tls = { ca_cert: caFile };
    const doubts: readonly Doubt[] = [
      [{ startup_jitter: '1ms' }],
      [{ secrets: { a: { path: 'secret/a', reuse: true } } }],
      [{ vault: { address: '${ADDRESS}', tls } }, [], { ADDRESS: server.address }],
      [{ vault: { address: server.address, tls: { ...tls, client_cert: caFile, client_key: caFile } } }],
      [{ vault: { address: server.address, tls, proxy_address: 'http://127.0.0.1:1' } }],
      [{ auth: { method: 'approle', role_id: 'r', secret_id: 's', secret_id_wrapped: true } }],
      [{ auth: [{ method: 'approle', role_id: 'r', secret_id: 's' }] }],
      [{ auth: { method: 'userpass', username: 'u', password_file: '/nowhere' } }],
      [{ auth: { method: 'token', token: 's.x' } }],
      [{}, ['--address', server.address]],
      [{}, ['--set', 'vault.namespace=x']],
      [{}, ['--fixtures', '/nowhere']],
      [{}, [], { HTTPS_PROXY: 'http://127.0.0.1:1' }],
      [{}, [], { VAULT_PROXY_ADDR: 'http://127.0.0.1:1' }],
      [{}, [], { VAULT_CAPATH: '/nowhere' }],
      [{ vault: { address: server.address } }, [], { NODE_EXTRA_CA_CERTS: caFile }],
      [{}, [], { VAULTONCE_STARTUP_JITTER: '1ms' }],
      [{}, [], { VAULTONCE_DEFAULTS_INLINE: '{}' }],
    ];
    for (const [own, args, env] of doubts) {
      await run({ ...WRONG, ...own }, args, env);
      assert.deepEqual(heads, [], JSON.stringify([own, args, env]));
    }
  });

  test('it goes where the environment says, before the config does', async () => {
    const elsewhere = { vault: { address: 'https://127.0.0.1:1', tls: { ca_cert: '/nowhere' } } };
    const env = { VAULT_ADDR: server.address, VAULT_CACERT: app.server.certificates.caFile };
    await run({ ...WRONG, ...elsewhere }, [], env);
    assert.equal(heads.length, IS_STANDALONE ? 1 : 0);
    const agent = { ...env, BAO_AGENT_ADDR: 'https://127.0.0.1:1' };
    await run({ ...WRONG, ...elsewhere }, [], agent);
    assert.deepEqual(heads, []);
  });

  test('another login than the one that was begun is made, and that is taken back', async () => {
    const auth = { method: 'approle', mount: 'auth/approle', role_id: 'r', secret_id: 's' };
    const before = server.seen.filter(({ path }) => path.endsWith('/login')).length;
    const result = await run({ auth });
    assert.equal(result.code, 0, result.stderr);
    const logins = server.seen.filter(({ path }) => path.endsWith('/login')).slice(before);
    assert.deepEqual(
      logins.map(({ path }) => path),
      [LOGIN],
    );
  });

  test('a server that does not answer it, or has another certificate, is told as ever', async () => {
    const nobody = await run({
      vault: {
        address: 'https://127.0.0.1:1',
        max_retries: 0,
        tls: { ca_cert: app.server.certificates.caFile },
      },
    });
    assert.equal(nobody.code, 9);
    assert.match(nobody.stderr, /refused the connection/);
    const { otherCaFile } = app.server.certificates;
    const untrusted = await run({ vault: { address: server.address, tls: { ca_cert: otherCaFile } } });
    assert.equal(untrusted.code, 9);
    assert.match(untrusted.stderr, /not trusted/);
    assert.deepEqual(heads, []);
  });

  test('exec has it, too', async () => {
    heads.length = 0;
    const config = app.config(configOf({ environment: { A: 'a#key' } }));
    const args = ['exec', '--quiet', '-c', config, 'sh', '-c', 'printf %s "$A"'];
    const { stdout, code, stderr } = await runCli(args, {});
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'v');
    const login = heads.find((head) => head[':path'] === `/v1/${LOGIN}`);
    assert.equal(login?.['content-length'] === undefined, IS_STANDALONE);
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, type CliResult } from '../support/cli.ts';
import { startHttp2Server } from '../support/http2-server.ts';
import { needsNamespaces } from '../support/needs.ts';
import { startStandIn, type SeenRequest } from '../support/stand-in.ts';

const namespaces = await needsNamespaces();
/** Latin-1, beyond it, beyond 16 bits, and one that is not seen. */
const NAMES = ['prod-é', 'prod—eu', 'прод', 'prod-😀', 'prod\u200beu'];

describe('texts in headers', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'root' });
  });
  after(() => app.stop());

  const config: TestConfig = {
    secrets: { a: { path: 'secret/a', engine: 'kv2' } },
    outputs: [{ path: 'f.txt', contents: '{{a.key}}' }],
  };
  const withToken = (token: string): TestConfig => ({ ...config, auth: { method: 'token', token } });

  test('a namespace is the one that is written, or none', namespaces, async () => {
    const { api, rootToken, address, tlsAddress, certificates } = app.server;
    for (const name of NAMES) {
      const created = await api.post(`sys/namespaces/${encodeURIComponent(name)}`, {}).catch(() => undefined);
      for (const at of [address, tlsAddress]) {
        const env = { VAULT_NAMESPACE: name, VAULT_ADDR: at, VAULT_CACERT: certificates.caFile };
        const result = await app.render({ ...withToken(rootToken), vault: {} }, ['--timeout', '5s'], { env });
        assert.equal(result.code, 6, `${name}: ${result.stderr}`);
        assert.match(
          failuresOf(result)[0]?.message ?? '',
          created === undefined ? /^the namespace .* does not exist$/ : /./,
        );
      }
    }
  });

  /** What reaches a server as the token, over each kind of connection. */
  const sentTokens = async (token: string): Promise<string[]> => {
    const seen: SeenRequest[] = [];
    const answer = (request: SeenRequest): { status: number; body: object } => {
      seen.push(request);
      return { status: 200, body: { request_id: 'r', data: { data: { key: 'v' }, metadata: {} } } };
    };
    const { certificates } = app.server;
    const tls = { cert: readFileSync(certificates.certFile), key: readFileSync(certificates.keyFile) };
    const servers = [
      await startStandIn({ answer }),
      await startStandIn({ answer, tls }),
      await startHttp2Server({ tls, answer }),
    ];
    for (const server of servers) {
      const { address } = server;
      const env = { VAULT_CACERT: certificates.caFile };
      const result = await app.render({ ...withToken(token), vault: { address } }, ['--timeout', '5s'], {
        env,
      });
      assert.equal(result.code, 0, result.stderr);
      await server.stop();
    }
    return seen.map(({ headers }) =>
      Buffer.from(String(headers['x-vault-token']), 'latin1').toString('utf8'),
    );
  };

  test('a token arrives as its UTF-8 bytes, over HTTP/1.1, TLS and HTTP/2', async () => {
    for (const name of NAMES) assert.deepEqual(await sentTokens(`s.${name}`), Array(3).fill(`s.${name}`));
  });

  test('what no header carries is an error of the config, and nothing is sent', async () => {
    const nowhere = await startStandIn({ answer: () => ({ status: 500, body: {} }) });
    const run = (own: TestConfig, env: Record<string, string> = {}): Promise<CliResult> =>
      app.render({ ...own, vault: { address: nowhere.address } }, ['--timeout', '5s'], { env });
    for (const result of [
      await run(withToken('s.x'), { VAULT_NAMESPACE: ' prod' }),
      await run({ ...withToken('s.x'), secrets: { a: { path: 'secret/a', namespace: 'half\ud800' } } }),
      await run({ ...withToken('s.x'), secrets: { a: 'secret/half\ud800' } }),
      await run(withToken('s.half\ud800')),
    ]) {
      assert.equal(result.code, 3, result.stderr);
    }
    assert.equal(nowhere.seen.length, 0);
    await nowhere.stop();
  });

  test('a token of the server that no header carries is a failed login', async () => {
    for (const client_token of ['s.a\nb', 's.a\0b', 's.a\ud800', 's.a ']) {
      const server = await startStandIn({
        answer: () => ({ status: 200, body: { auth: { client_token, policies: [] } } }),
      });
      const result = await app.render(config, ['--address', server.address, '--timeout', '5s']);
      await server.stop();
      assert.equal(result.code, 4, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', /token that no HTTP header carries/);
      assert.equal(server.seen.length, 1);
    }
  });
});

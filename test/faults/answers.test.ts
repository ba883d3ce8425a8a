import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createPlainServer, type AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, logLines, type CliResult } from '../support/cli.ts';
import { startStandIn, type Answer, type StandIn, type StandInOptions } from '../support/stand-in.ts';

describe('answers that are not those of Vault', () => {
  let app: TestApp;
  let standIn: StandIn | undefined;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'one' });
    await app.server.api.post('sys/mounts/pki', { type: 'pki' });
    await app.server.api.post('pki/root/generate/internal', { common_name: 'Test CA' });
  });
  afterEach(async () => {
    await standIn?.stop();
    standIn = undefined;
  });
  after(() => app.stop());

  const config: TestConfig = {
    secrets: { a: 'secret/a' },
    outputs: [{ path: 'f.txt', contents: '{{a.key}}' }],
  };
  const through = async (
    answer: StandInOptions['answer'],
    own: TestConfig = config,
  ): Promise<{ result: CliResult; paths: readonly string[] }> => {
    standIn = await startStandIn({ target: app.server.address, answer });
    const result = await app.render(own, ['--address', standIn.address, '--timeout', '20s']);
    return { result, paths: standIn.seen.map(({ path }) => path) };
  };
  const retriesOf = (result: CliResult): number =>
    logLines(result).filter(({ event }) => event === 'retrying').length;

  test('a server that is none is said to be none, at once, whatever the status', async () => {
    for (const status of [200, 404, 405, 500, 501, 505]) {
      const { result, paths } = await through(() => ({ status, text: '<html>hello</html>' }));
      assert.equal(result.code, 9, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', /is not from a Vault server: it is not JSON$/);
      assert.equal(paths.length, 1);
      await standIn?.stop();
    }
  });

  test('a gateway that answers in JSON for a server it does not have is none: nothing is missing, or denied', async () => {
    const optional: TestConfig = {
      secrets: { a: { path: 'secret/a', engine: 'kv2', optional: true } },
      outputs: [{ path: 'f.json', format: 'json', secret: 'a' }],
    };
    const bodies = [{ message: 'no Route matched with those values' }, {}, []];
    for (const at of ['auth/approle/login', 'secret/data/a']) {
      for (const [status, body] of [403, 404, 405].flatMap((one) =>
        bodies.map((own) => [one, own] as const),
      )) {
        const { result, paths } = await through(
          ({ path }) => (path === at ? { status, body } : 'forward'),
          optional,
        );
        assert.equal(result.code, 9, result.stderr);
        assert.match(
          failuresOf(result)[0]?.message ?? '',
          /is not from a Vault server: its JSON has no `errors`$/,
        );
        assert.equal(paths.filter((path) => path === at).length, 1);
        await standIn?.stop();
      }
    }
  });

  test('a gateway that answers in text for a server that is down is waited for', async () => {
    for (const status of [502, 503, 504, 522]) {
      const { result } = await through(({ path }, nth) =>
        path === 'secret/data/a' && nth === 1 ? { status, text: '<html>Bad Gateway</html>' } : 'forward',
      );
      assert.equal(result.code, 0, result.stderr);
      assert.equal(retriesOf(result), 1);
      await standIn?.stop();
    }
  });

  test('paths of pki that answer with a file: which one answers with JSON, without another try', async () => {
    for (const [path, instead] of [
      ['pki/ca/pem', 'pki/cert/ca'],
      ['pki/ca', 'pki/cert/ca'],
      ['pki/ca_chain', 'pki/cert/ca_chain'],
      ['pki/crl/pem', 'pki/cert/crl'],
      ['pki/cert/ca/raw', 'pki/cert/ca'],
      ['pki/issuer/default/pem', 'pki/issuer/default/json'],
    ] as const) {
      app.server.takeAudit();
      const result = await app.render({ ...config, secrets: { a: { path, engine: 'raw' } }, outputs: [] });
      assert.equal(result.code, 3, `${path}: ${result.stderr}`);
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', /the server answers with application\/[\w-]+, not with JSON$/);
      assert.equal(failure?.hint, `read ${instead} instead: the same as JSON`);
      assert.equal(requestsOf(app.server).filter((asked) => asked.endsWith(` ${path}`)).length, 1);
      const read = { ...config, secrets: { a: { path: instead, engine: 'raw' } }, outputs: [] };
      assert.equal((await app.render(read)).code, 0);
    }
  });

  const CUT: Answer = {
    status: 200,
    text: '{"request_id": "r", "data": {"data": {"key": "o',
    headers: { 'Content-Type': 'application/json' },
  };

  test('JSON that is cut off is asked for again a few times, where that may be done', async () => {
    const { result } = await through(({ path }, nth) =>
      path === 'secret/data/a' && nth < 4 ? CUT : 'forward',
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(retriesOf(result), 3);
    await standIn?.stop();
    const always = await through(({ path }) => (path === 'secret/data/a' ? CUT : 'forward'));
    assert.equal(always.result.code, 9);
    assert.match(failuresOf(always.result)[0]?.message ?? '', /is cut off: .* \(after 4 attempts\)$/);
    await standIn?.stop();
    const minting = {
      ...config,
      secrets: { a: { path: 'pki/issue/web', write: { common_name: 'x' } } },
      outputs: [],
    };
    const minted = await through(({ path }) => (path === 'pki/issue/web' ? CUT : 'forward'), minting);
    assert.equal(minted.result.code, 9);
    assert.equal(minted.paths.filter((path) => path === 'pki/issue/web').length, 1);
    await app.server.revokeTokens();
  });

  test('a success without the data of a secret is no absence: neither `optional` nor a tree takes it for one', async () => {
    await app.putKv2('tree/a', { key: 'one' });
    await app.putKv2('tree/b', { key: 'two' });
    const read = {
      secrets: { a: { path: 'secret/a', optional: true } },
      outputs: [{ path: 'a.json', format: 'json', secret: 'a' }],
    };
    const tree = { path: 'secret/tree', recursive: true };
    const whole = { secrets: { tree }, outputs: [{ path: 't.json', format: 'json', secret: 'tree' }] };
    const bodies = [
      {},
      { errors: ['but it is a 200'] },
      { request_id: 'r', data: null },
      { request_id: 'r', data: { data: null } },
    ];
    for (const [path, own, what] of [
      ['secret/data/a', read, 'the data of a secret'],
      ['secret/data/tree/b', whole, 'the data of a secret'],
      ['secret/metadata/tree', whole, 'a list of names'],
    ] as const) {
      const silent = await through(
        (seen) => (seen.path.startsWith(path) ? { status: 404, text: '' } : 'forward'),
        own,
      );
      await standIn?.stop();
      assert.equal(silent.result.code, 9, silent.result.stderr);
      assert.equal(failuresOf(silent.result)[0]?.message, `${path}: the server answered 404, without a word`);
      for (const body of [...bodies, { request_id: 'r', data: { keys: ['a', 1], data: 'x' } }]) {
        const { result } = await through(
          (seen) => (seen.path.startsWith(path) ? { status: 203, body } : 'forward'),
          own,
        );
        await standIn?.stop();
        assert.equal(result.code, 9, `${path} ${JSON.stringify(body)}: ${result.stderr}`);
        assert.equal(failuresOf(result)[0]?.message, `${path}: the server answered 203, without ${what}`);
      }
    }
  });

  test('JSON without the envelope of Vault is no secret of KV, whatever its shape', async () => {
    for (const engine of ['kv1', 'kv2']) {
      for (const body of [{ status: 'ok' }, { data: { data: { key: 'x' } } }, { data: { key: 'x' } }]) {
        const { result } = await through(
          ({ path }) => (path.endsWith('/status') ? { status: 200, body } : 'forward'),
          {
            secrets: { a: { path: 'kv/status', engine, optional: true } },
            outputs: [{ path: 'a.json', format: 'json', secret: 'a' }],
          },
        );
        assert.equal(result.code, 9, result.stderr);
        assert.match(failuresOf(result)[0]?.message ?? '', /answered 200, without the data of a secret$/);
        await standIn?.stop();
      }
    }
  });

  test('names that the server gives are lines of no log that a terminal or a CI runner obeys', async () => {
    const names = [
      '::add-mask::x',
      '\n::error::x',
      '##vso[task.logissue]x',
      '##[error]x',
      '\u001b[31mx',
      'a\u202e',
    ];
    const auth = { client_token: 's.x', policies: names, token_type: names.join(' '), lease_duration: 60 };
    const mfa_constraints = Object.fromEntries(names.map((name) => [name, {}]));
    const lease = { request_id: 'r', lease_id: names.join('/'), lease_duration: 60, data: { key: 'k' } };
    const answers: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
      'names of policies': { 'auth/approle/login': { auth } },
      'names of factors': { 'auth/approle/login': { auth: { mfa_requirement: { mfa_constraints } } } },
      'names of a listing': { 'secret/metadata/tree': { request_id: 'r', data: { keys: names } } },
      'ids of leases': { 'secret/data/tree': lease },
    };
    const own = {
      secrets: {
        tree: { path: 'secret/tree', engine: 'kv2', recursive: true },
        lease: { path: 'secret/data/tree', engine: 'raw' },
      },
      outputs: [{ path: 't.json', format: 'json', secret: ['lease', 'tree'] }],
    };
    for (const [what, bodies] of Object.entries(answers)) {
      for (const format of ['text', 'json']) {
        standIn = await startStandIn({
          target: app.server.address,
          answer: ({ path }) => {
            const body = bodies[path.replace(/\?.*$/, '')];
            return body === undefined ? 'forward' : { status: 200, body };
          },
        });
        const { stdout, stderr } = await app.render(own, [
          ...['--address', standIn.address, '--log-format', format, '--log-level', 'debug', '--report', '-'],
        ]);
        await standIn.stop();
        const told = stdout + stderr;
        assert.match(told, /: :|[# ]#|\\u001b/, `${what} are shown`);
        assert.doesNotMatch(told, /^\s*::|##\[|##vso\[|[^\P{Cc}\n]|\p{Bidi_Control}/mu, what);
      }
    }
  });

  /** A login whose body does not fit into what a TLS server reads before it answers. */
  const large = { method: 'jwt', role: 'r', jwt: `${'x'.repeat(9000)}.y.z` };

  test('plain HTTP to a TLS port is said at once, however large the request is', async () => {
    const address = app.server.tlsAddress.replace('https:', 'http:');
    for (let run = 0; run < 5; run += 1) {
      for (const auth of [app.auth, { ...large, jwt: `${'x'.repeat(900)}.y.z` }, large]) {
        const result = await app.render({ ...config, auth }, ['--address', address, '--timeout', '20s']);
        assert.equal(result.code, 9, result.stderr);
        const [failure] = failuresOf(result);
        assert.equal(failure?.message, `${address} speaks TLS, but the request was plain HTTP`);
        assert.match(failure.hint ?? '', /https:\/\//);
        assert.equal(retriesOf(result), 0);
      }
    }
  });

  test('a plain server that breaks connections off is not taken for one of TLS', async () => {
    const server = createPlainServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy());
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const own = { ...config, vault: { max_retries: 1 } };
    const result = await app.render(own, ['--address', address, '--timeout', '20s']);
    server.close();
    assert.equal(result.code, 9, result.stderr);
    assert.match(
      failuresOf(result)[0]?.message ?? '',
      /^the connection to .* failed \(\w+\) \(after 2 attempts\)$/,
    );
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ServerHttp2Session } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp } from '../support/app.ts';
import { failuresOf, IS_STANDALONE, logLines, startCli, type CliResult } from '../support/cli.ts';
import { startHttp2Server, type Http2ServerOptions } from '../support/http2-server.ts';
import { until } from '../support/patience.ts';
import type { StandIn } from '../support/stand-in.ts';

const FOUND = { status: 200, body: { request_id: 'r', data: { data: { key: 'v' }, metadata: {} } } };
/** RFC 9113 §7 */
const INTERNAL_ERROR = 2;
const REFUSED_STREAM = 7;
const TIMEOUT_MS = 3000;

describe('streams of HTTP/2', () => {
  let app: TestApp;
  let tls: Http2ServerOptions['tls'];
  before(async () => {
    app = await startApp({ tls: true });
    const { certFile, keyFile } = app.server.certificates;
    tls = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  });
  after(() => app.stop());

  const names = ['a', 'b', 'c', 'd'];
  const run = async (
    {
      secrets = names,
      ...options
    }: Omit<Http2ServerOptions, 'tls'> & { readonly secrets?: readonly string[] },
    secret: object = {},
    auth: object = { method: 'token', token: 's.x' },
    vault: object = {},
  ): Promise<{ result: CliResult; server: StandIn }> => {
    const server = await startHttp2Server({ ...options, tls });
    const sinceMs = performance.now();
    const result = await app.render(
      {
        vault: {
          address: server.address,
          client_timeout: '600ms',
          ...vault,
          tls: { ca_cert: app.server.certificates.caFile },
        },
        auth,
        secrets: Object.fromEntries(
          secrets.map((name) => [name, { path: `secret/${name}`, engine: 'kv2', ...secret }]),
        ),
        outputs: [],
      },
      ['--timeout', `${String(TIMEOUT_MS)}ms`],
    );
    const tookMs = performance.now() - sinceMs;
    await server.stop();
    assert.ok(tookMs < 4 * TIMEOUT_MS, `${String(tookMs)} ms: ${result.stderr}`);
    return { result, server };
  };

  test('a server that takes none, or only one at once, which hangs: the run ends within its timeout', async () => {
    for (const maxConcurrentStreams of [0, 1]) {
      const { result, server } = await run({ settings: { maxConcurrentStreams }, answer: () => 'taken' });
      assert.ok([9, 124].includes(result.code ?? 0), result.stderr);
      assert.ok(server.connections() > 1, 'another connection was tried');
    }
  });

  test('a request that hangs does not hold up its next try, which takes another connection', async () => {
    for (const settings of [{ maxConcurrentStreams: 1 }, {}]) {
      const { result, server } = await run({
        settings,
        answer: (_request, _stream, connection) => (connection === 1 ? 'taken' : FOUND),
      });
      assert.equal(result.code, 0, result.stderr);
      assert.ok(server.connections() > 1);
    }
  });

  test('a connection that refuses streams is left for another one, also for what mints', async () => {
    const { result, server } = await run(
      {
        answer: (_request, stream, connection) => {
          if (connection > 1) return { status: 200, body: { request_id: 'r', data: { key: 'v' } } };
          stream.close(REFUSED_STREAM);
          return 'taken';
        },
      },
      { engine: 'raw', write: { a: '1' } },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(server.connections(), 2);
  });

  test('a connection that ends properly while requests are under way', async () => {
    const { result } = await run({
      answer: (_request, stream, connection) => {
        if (connection > 1) return FOUND;
        stream.session?.goaway(0, 0);
        stream.session?.destroy();
        return 'taken';
      },
    });
    assert.equal(result.code, 0, result.stderr);
  });

  test('a connection that takes no more requests after an answer is left, so that the token is given back', async () => {
    const issued = { client_token: 's.minted', token_type: 'service', lease_duration: 60, policies: [] };
    const revokedOn: number[] = [];
    const { result } = await run(
      {
        answer: ({ path }, stream, connection) => {
          if (path === 'auth/approle/login') return { status: 200, body: { auth: issued } };
          if (path === 'auth/token/revoke-self') {
            revokedOn.push(connection);
            return { status: 204, body: '' };
          }
          if (path === 'secret/data/d') stream.session?.settings({ maxConcurrentStreams: 0 });
          return FOUND;
        },
      },
      {},
      { method: 'approle', role_id: 'r', secret_id: 's' },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(revokedOn, [2]);
    const waited = logLines(result).filter(({ event }) => event === 'retrying' || event === 'waiting');
    assert.deepEqual(waited, []);
  });

  const LOGIN = { method: 'approle', role_id: 'r', secret_id: 's' };
  const asVault: Http2ServerOptions['answer'] = ({ path }) => {
    const issued = { client_token: 's.minted', token_type: 'service', lease_duration: 60, policies: [] };
    if (path === 'auth/approle/login') return { status: 200, body: { auth: issued } };
    return path === 'auth/token/revoke-self' ? { status: 204, body: '' } : FOUND;
  };

  test('a server is asked to push none, so that none breaks off unheard with its connection', async () => {
    let revoked = 0;
    const { result } = await run(
      {
        answer: (request, stream, connection) => {
          if (request.path === 'auth/token/revoke-self') revoked += 1;
          if (connection > 1 || request.path !== 'secret/data/d') return asVault(request, stream, connection);
          const breakOff = (): void => stream.session?.goaway(INTERNAL_ERROR);
          if (!stream.pushAllowed) breakOff();
          else
            stream.pushStream({ ':path': '/pushed' }, (_error, pushed) => {
              pushed.on('error', () => undefined).respond({ ':status': 200 });
              setImmediate(breakOff);
            });
          return 'taken';
        },
      },
      {},
      LOGIN,
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(revoked, 1);
  });

  test('a program that stays closes a connection that it has left', async (t) => {
    const sessions: ServerHttp2Session[] = [];
    let reads = 0;
    const server = await startHttp2Server({
      tls,
      onSession: (session) => sessions.push(session),
      answer: (request, stream, connection) => {
        if (request.path.startsWith('secret/')) reads += 1;
        return reads > 1 && connection === 1 ? 'taken' : asVault(request, stream, connection);
      },
    });
    t.after(() => server.stop());
    const config = app.config({
      vault: {
        address: server.address,
        client_timeout: '600ms',
        tls: { ca_cert: app.server.certificates.caFile },
      },
      auth: LOGIN,
      secrets: { a: { path: 'secret/a', engine: 'kv2' } },
      outputs: [{ path: 'f.txt', contents: '{{a.key}}' }],
      watch: { refresh: '1s', settle: 0 },
    });
    const watching = startCli(['watch', '-c', config]);
    await until('the first connection is closed', () => sessions[0]?.destroyed === true);
    assert.equal(watching.child.exitCode, null);
    watching.child.kill('SIGTERM');
    const { code, stderr } = await watching.done;
    assert.equal(code, 0, stderr);
  });

  test('something in between that wants to know the length of a body beforehand gets the login with it', async () => {
    const asked: (string | undefined)[] = [];
    const { result, server } = await run(
      {
        answerHead: (headers) => {
          if (headers[':method'] !== 'POST') return undefined;
          asked.push(headers['content-length']);
          return headers['content-length'] === undefined ? { ':status': 411 } : undefined;
        },
        answer: asVault,
      },
      {},
      LOGIN,
      { max_retries: 0 },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(server.seen.filter(({ path }) => path === 'auth/approle/login').length, 1);
    // Only Bun's client begins it without the body.
    assert.equal(asked[0] === undefined, IS_STANDALONE);
    assert.match(String(asked.find((length) => length !== undefined)), /^\d+$/);
  });

  test('a standby that redirects a login before its body is there is followed', async () => {
    const active = await startHttp2Server({ tls, answer: asVault });
    const { result, server } = await run(
      {
        answerHead: (headers) => ({
          ':status': 307,
          location: `${active.address}${String(headers[':path'])}`,
        }),
        answer: asVault,
      },
      {},
      LOGIN,
    );
    await active.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(server.seen, []);
    const logins = active.seen.filter(({ path }) => path === 'auth/approle/login');
    assert.deepEqual(
      logins.map(({ body }) => JSON.parse(body) as unknown),
      [{ role_id: 'r', secret_id: 's' }],
    );
  });

  test('a login that is begun and not needed leaves nothing on the server', async () => {
    const { tlsAddress, certificates } = app.server;
    app.server.takeAudit();
    const wrong = [
      { auth: app.auth, outputs: [{ path: 'f.txt', template: 'nowhere.mustache' }] },
      { auth: app.auth, outputs: [{ path: 'f.txt', contents: '{{nobody.key}}' }] },
      { auth: { method: 'approle', role_id: 'r', secret_id_file: '/nowhere/secret_id' }, outputs: [] },
    ];
    for (const { auth, outputs } of wrong) {
      const vault = { address: tlsAddress, tls: { ca_cert: certificates.caFile } };
      const result = await app.render({ vault, auth, secrets: { a: 'secret/a' }, outputs });
      assert.ok([2, 3].includes(result.code ?? 0), result.stderr);
      assert.equal(logLines(result).filter(({ event }) => event === 'retrying').length, 0);
    }
    // What the server has not heard of by now is in its log once it has answered this.
    await app.server.api.get('sys/mounts');
    assert.deepEqual(
      app.server.takeAudit().filter(({ path }) => path.startsWith('auth/')),
      [],
    );
  });

  test('a connection whose answer cannot be read is left, also without time for another try', async () => {
    const issued = { client_token: 's.minted', token_type: 'service', lease_duration: 60, policies: [] };
    let revoked = 0;
    const { result } = await run(
      {
        answer: ({ path }, stream) => {
          if (path === 'auth/approle/login') return { status: 200, body: { auth: issued } };
          if (path === 'auth/token/revoke-self') {
            revoked += 1;
            return { status: 204, body: '' };
          }
          if (path !== 'secret/data/d') return FOUND;
          stream.respond({ ':status': 200, 'x-long': 'x'.repeat(100_000) });
          stream.end('{}');
          return 'taken';
        },
      },
      {},
      { method: 'approle', role_id: 'r', secret_id: 's' },
      { max_retries: 0 },
    );
    assert.equal(result.code, 9, result.stderr);
    assert.equal(revoked, 1, result.stderr);
  });

  test('a connection that ends: only what the server has not seen is sent again, if it mints', async () => {
    // Bun's client does not say which they are, so none is sent again there.
    const others = IS_STANDALONE ? [] : names.slice(1);
    for (const [code, last, unseen] of [
      [REFUSED_STREAM, 0, []],
      [INTERNAL_ERROR, 1, others],
      [REFUSED_STREAM, 1, others],
    ] as const) {
      const again: string[] = [];
      let waiting = names.length;
      const { result } = await run(
        {
          answer: ({ path }, stream, connection) => {
            if (connection > 1) {
              again.push(path);
              return { status: 200, body: { request_id: 'r', data: { key: 'v' } } };
            }
            // 0 is Node's word for the last one that has come.
            if ((waiting -= 1) === 0) stream.session?.goaway(code, last);
            return 'taken';
          },
        },
        { engine: 'raw', write: { a: '1' } },
      );
      assert.equal(result.code, 9, result.stderr);
      assert.deepEqual(
        again.toSorted(),
        unseen.map((name) => `secret/${name}`),
      );
      assert.equal(failuresOf(result).length, names.length - unseen.length);
    }
  });

  test('settings that change meanwhile: what waits goes out as soon as it may', async () => {
    const { result } = await run({
      settings: { maxConcurrentStreams: 1 },
      onSession: (session) => {
        setTimeout(() => {
          if (!session.destroyed) session.settings({ maxConcurrentStreams: 100 });
        }, 200);
      },
      answer: () => FOUND,
    });
    assert.equal(result.code, 0, result.stderr);
  });

  test('a server never has more of them than it takes', async () => {
    const many = Array.from({ length: 250 }, (_, index) => `many${String(index)}`);
    const open = new Map<number, number>();
    let most = 0;
    const { result, server } = await run(
      {
        secrets: many,
        settings: { maxConcurrentStreams: 100 },
        answer: (_request, stream, connection) => {
          const now = (open.get(connection) ?? 0) + 1;
          open.set(connection, now);
          most = Math.max(most, now);
          stream.once('close', () => open.set(connection, (open.get(connection) ?? 0) - 1));
          return FOUND;
        },
      },
      {},
      undefined,
      // One that comes late is not sent again.
      { client_timeout: `${String(TIMEOUT_MS)}ms` },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(server.seen.length, many.length);
    assert.ok(most <= 100, String(most));
    // Bun does not wait, but opens another connection.
    assert.ok(server.connections() <= (IS_STANDALONE ? 2 : 1), String(server.connections()));
    assert.deepEqual(
      logLines(result).filter(({ event }) => event === 'retrying'),
      [],
    );
  });

  test('a stream that is broken off is tried again where that may be done', async () => {
    const asked = new Set<string>();
    const answer: Http2ServerOptions['answer'] = ({ path }, stream) => {
      if (asked.has(path)) return FOUND;
      asked.add(path);
      stream.close(INTERNAL_ERROR);
      return 'taken';
    };
    const { result } = await run({ answer });
    assert.equal(result.code, 0, result.stderr);
    assert.ok(logLines(result).some(({ event }) => event === 'retrying'));
    asked.clear();
    const minted = await run({ answer }, { engine: 'raw', write: { a: '1' } });
    assert.equal(minted.result.code, 9, minted.result.stderr);
    assert.equal(failuresOf(minted.result).length, names.length);
  });
});

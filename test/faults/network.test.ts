import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { createCertificates } from '../support/certificates.ts';
import { failuresOf, IS_STANDALONE, logLines, runCli, startCli, type CliResult } from '../support/cli.ts';
import { until } from '../support/patience.ts';
import { startStandIn, type Answer, type StandIn, type StandInOptions } from '../support/stand-in.ts';

const UNAVAILABLE = { status: 503, body: { errors: ['Vault is sealed'] } };

describe('faults of the network and the server', () => {
  let app: TestApp;
  let standIn: StandIn | undefined;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'one' });
    await app.putKv2('b', { key: 'two' });
  });
  afterEach(async () => {
    await standIn?.stop();
    standIn = undefined;
    assert.equal(await app.server.tokensLeft(), 0, 'no token is left');
  });
  after(() => app.stop());

  const config: TestConfig = {
    secrets: { a: 'secret/a', b: 'secret/b' },
    outputs: [{ path: 'f.txt', contents: '{{a.key}} {{b.key}}' }],
  };

  const through = async (
    answer: StandInOptions['answer'],
    args: readonly string[] = [],
    own: TestConfig = config,
  ): Promise<{ result: CliResult; standIn: StandIn }> => {
    standIn = await startStandIn({ target: app.server.address, answer });
    const result = await app.render(own, ['--address', standIn.address, ...args]);
    return { result, standIn };
  };

  test('a server that is down for a moment is waited for', async () => {
    const { result } = await through(({ path }, nth) =>
      path.includes('login') && nth < 3 ? UNAVAILABLE : 'forward',
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(logLines(result).filter(({ event }) => event === 'retrying').length, 2);
  });

  test('each passing status and a dropped connection is retried for reads', async () => {
    const statuses = [412, 429, 500, 502, 504];
    const { result, standIn: server } = await through(({ path }, nth) => {
      if (!path.includes('secret/data/a') || nth > statuses.length + 1) return 'forward';
      const status = statuses[nth - 1];
      return status === undefined ? 'drop-answer' : { status, body: { errors: ['passing'] } };
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(server.seen.filter(({ path }) => path === 'secret/data/a').length, 7);
  });

  test('Retry-After is kept to, and a 429 holds back the whole run', async () => {
    const limited = {
      status: 429,
      body: { errors: ['rate limit quota exceeded'] },
      headers: { 'Retry-After': '1' },
    };
    const { result, standIn: server } = await through(
      ({ path }, nth) => (path === 'secret/data/a' && nth === 1 ? limited : 'forward'),
      [],
      { ...config, concurrency: 1 },
    );
    assert.equal(result.code, 0, result.stderr);
    const reads = server.seen.filter(({ path }) => path.startsWith('secret/data/'));
    const [first, ...others] = reads;
    for (const { atMs } of others)
      assert.ok(atMs - (first?.atMs ?? 0) >= 990, 'nothing is sent for a second');
  });

  test('still failing at the end of the retries: 9; and no retry where max_retries is 0', async () => {
    const { result, standIn: server } = await through(() => UNAVAILABLE, [], {
      ...config,
      vault: { max_retries: 2 },
    });
    assert.equal(result.code, 9);
    assert.equal(server.seen.length, 3);
    assert.match(failuresOf(result)[0]?.message ?? '', /Vault is sealed \(after 3 attempts\)/);
    assert.match(failuresOf(result)[0]?.hint ?? '', /unseal/);
    await standIn?.stop();
    const none = await through(() => UNAVAILABLE, [], { ...config, vault: { max_retries: 0 } });
    assert.equal(none.standIn.seen.length, 1);
    assert.equal(none.result.code, 9);
  });

  test('9: an answer that nests too deep is not asked for again', async () => {
    // With a number whose digits are kept, which takes another way.
    for (const inner of ['', '1.10']) {
      const deep = `${'['.repeat(100_000)}${inner}${']'.repeat(100_000)}`;
      const { result, standIn: server } = await through(({ path }) =>
        path.startsWith('secret/data/')
          ? {
              status: 200,
              text: `{"request_id":"r","data":{"data":{"key":${deep}},"metadata":{"version":1}}}`,
              headers: { 'Content-Type': 'application/json' },
            }
          : 'forward',
      );
      assert.equal(result.code, 9, result.stderr);
      assert.deepEqual(
        failuresOf(result).map(({ message }) => message),
        ['a', 'b'].map((name) => `secret/data/${name}: the answer nests deeper than 500 levels`),
      );
      assert.equal(server.seen.filter(({ path }) => path.startsWith('secret/data/')).length, 2);
      await server.stop();
    }
  });

  test('retries end before the timeout does: 9, not 124', async () => {
    const { result } = await through(() => UNAVAILABLE, ['--timeout', '2s']);
    assert.equal(result.code, 9);
  });

  test('they go on until shortly before it, however long the next delay would be', async () => {
    const sinceMs = performance.now();
    const { result, standIn: server } = await through(() => UNAVAILABLE, ['--timeout', '5s']);
    assert.equal(result.code, 9, result.stderr);
    const lastMs = (server.seen.at(-1)?.atMs ?? 0) - sinceMs;
    assert.ok(lastMs > 2500, `the last of ${String(server.seen.length)} came after ${String(lastMs)} ms`);
  });

  test('a server that hangs is left at the timeout: 124', async () => {
    for (const part of ['login', 'mounts', 'secret/data']) {
      const { result, standIn: server } = await through(
        ({ path }) => (path.includes(part) ? 'hang' : 'forward'),
        ['--timeout', '4s'],
      );
      assert.equal(result.code, 124, `${part}: ${result.stderr}`);
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', /timeout of 4 s/);
      assert.match(
        failure?.details?.[0] ?? '',
        new RegExp(`^no answer from ${server.address} \\(.*${part}.*\\) for `),
      );
      assert.ok(server.seen.filter(({ path }) => path.includes(part)).length > 1, 'and was asked twice');
      await server.stop();
    }
  });

  test('its silence is logged now and then, in both formats', async () => {
    for (const format of ['json', 'text']) {
      const { result, standIn: server } = await through(
        ({ path }) => (path.includes('login') ? 'hang' : 'forward'),
        ['--timeout', '6500ms', '--log-format', format],
        { ...config, vault: { client_timeout: '6500ms' } },
      );
      assert.equal(result.code, 124, result.stderr);
      const said = result.stderr.split('\n').filter((line) => line.includes('waiting'));
      assert.equal(said.length, 1, result.stderr);
      assert.match(
        said[0] ?? '',
        format === 'json'
          ? /"event":"waiting","address":"http:.*","path":"auth\/approle\/login","waited_ms":\d+,"others":0/
          : /^vaultonce: warn: waiting for http:\S+ \(auth\/approle\/login\), 5\.\d s$/,
      );
      await server.stop();
    }
  });

  test('so is one that never answers a TLS handshake, which begins anew after client_timeout', async () => {
    const silent = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined).resume();
    });
    let connections = 0;
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = `https://127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
    const own = { secrets: { a: 'secret/a' }, outputs: [], vault: { client_timeout: '300ms' } };
    const result = await app.render(own, ['--address', address, '--timeout', '2s']);
    assert.ok([9, 124].includes(result.code ?? 0), result.stderr);
    assert.ok(connections > 1, result.stderr);
    silent.close();
  });

  test('client_timeout limits a single request, also one whose body drips', async () => {
    const { result, standIn: server } = await through(
      ({ path }, nth) => (path === 'secret/data/a' && nth === 1 ? 'drip' : 'forward'),
      [],
      { ...config, vault: { client_timeout: '300ms' } },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(server.seen.filter(({ path }) => path === 'secret/data/a').length, 2);
  });

  test('a request that mints is not repeated after an ambiguous failure, but after a plain refusal', async () => {
    const minting = { secrets: { c: { path: 'pki/issue/web', write: { common_name: 'x' } } } };
    const ambiguous = await through(
      ({ path }) => (path.startsWith('pki/') ? 'drop' : 'forward'),
      [],
      minting,
    );
    assert.equal(ambiguous.result.code, 9);
    assert.equal(ambiguous.standIn.seen.filter(({ path }) => path.startsWith('pki/')).length, 1);
    await standIn?.stop();
    const clear = await through(
      ({ path }, nth) => {
        if (!path.startsWith('pki/')) return 'forward';
        return nth === 1
          ? UNAVAILABLE
          : { status: 200, body: { request_id: 'r', data: { certificate: 'c' } } };
      },
      [],
      minting,
    );
    assert.equal(clear.result.code, 0, clear.result.stderr);
    assert.equal(clear.standIn.seen.filter(({ path }) => path.startsWith('pki/')).length, 2);
  });

  test('a lost secret ends the waiting for others', async () => {
    const { result } = await through(
      ({ path }) => (path === 'secret/data/b' ? UNAVAILABLE : 'forward'),
      ['--timeout', '40s'],
      {
        ...config,
        secrets: { gone: 'secret/gone', b: 'secret/b' },
        outputs: [],
        concurrency: 1,
      },
    );
    assert.equal(result.code, 6, 'the lowest code of the stage');
    assert.deepEqual(
      failuresOf(result).map(({ kind }) => kind),
      ['not_found', 'unavailable'],
    );
  });

  test('an answer without a token is a failed login', async () => {
    for (const body of [{}, { auth: null }, { auth: { client_token: '' } }, { data: { token: 'x' } }]) {
      const { result, standIn: server } = await through(({ path }) =>
        path.includes('login') ? { status: 200, body } : 'forward',
      );
      assert.equal(result.code, 4);
      assert.match(failuresOf(result)[0]?.message ?? '', /returned no token/);
      await server.stop();
    }
    const mfa = {
      auth: {
        client_token: '',
        mfa_requirement: { mfa_request_id: 'x', mfa_constraints: { totp_for_all: {} } },
      },
    };
    const { result } = await through(({ path }) =>
      path.includes('login') ? { status: 200, body: mfa } : 'forward',
    );
    assert.equal(result.code, 4);
    assert.match(failuresOf(result)[0]?.message ?? '', /totp_for_all/);
  });

  const UNKNOWN = { status: 403, body: { errors: ['permission denied'] } };

  test('a standby that does not know the new token yet is asked again, a few times', async () => {
    const { result, standIn: server } = await through(({ path }, nth) =>
      (path === 'secret/data/a' && nth < 3) || (path.includes('mounts') && nth < 2) ? UNKNOWN : 'forward',
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(server.seen.filter(({ path }) => path === 'secret/data/a').length, 3);
    await server.stop();
    const never = await through(({ path }) => (path === 'secret/data/a' ? UNKNOWN : 'forward'));
    assert.equal(never.result.code, 4);
    assert.equal(never.standIn.seen.filter(({ path }) => path === 'secret/data/a').length, 4);
  });

  test('HashiCorp Vault says of such a token that it is invalid', async () => {
    const invalid = {
      status: 403,
      body: { errors: ['2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n'] },
    };
    const { result, standIn: server } = await through(({ path }, nth) =>
      (path === 'secret/data/a' || path.includes('revoke-self')) && nth < 3 ? invalid : 'forward',
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(server.seen.filter(({ path }) => path === 'secret/data/a').length, 3);
    assert.equal(server.seen.filter(({ path }) => path.includes('revoke-self')).length, 3);
  });

  test('a given token, and a denial by a policy, are refused at once', async () => {
    const { auth: issued } = await app.server.api.post('auth/token/create', { policies: ['app'] });
    const given = { ...config, auth: { method: 'token', token: issued?.client_token } };
    const { result, standIn: server } = await through(
      ({ path }) => (path === 'secret/data/a' ? UNKNOWN : 'forward'),
      [],
      given,
    );
    assert.equal(result.code, 4);
    assert.equal(server.seen.filter(({ path }) => path === 'secret/data/a').length, 1);
    await server.stop();
    await app.server.revokeTokens();
    const denied = await through(({ path }) =>
      path === 'secret/data/a'
        ? { status: 403, body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] } }
        : 'forward',
    );
    assert.equal(denied.result.code, 5);
    assert.equal(denied.standIn.seen.filter(({ path }) => path === 'secret/data/a').length, 1);
  });

  test('a revocation that fails is a warning: the files are complete', async () => {
    const { result } = await through(({ path }) =>
      path.includes('revoke-self')
        ? { status: 403, body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] } }
        : 'forward',
    );
    assert.equal(result.code, 0);
    assert.match(
      logLines(result).find(({ event }) => event === 'revoke_failed')?.reason ?? '',
      /auth\/token\/revoke-self/,
    );
    await app.server.revokeTokens();
  });

  test('a revocation is tried again where the token is not known yet, and under a 429', async () => {
    const passing: readonly Answer[] = [
      UNKNOWN,
      { status: 429, body: { errors: ['rate limit quota exceeded'] }, headers: { 'Retry-After': '1' } },
    ];
    for (const answer of passing) {
      const { result, standIn: server } = await through(({ path }, nth) =>
        path.includes('revoke-self') && nth < 2 ? answer : 'forward',
      );
      assert.equal(result.code, 0, result.stderr);
      assert.equal(logLines(result).filter(({ event }) => event === 'revoke_failed').length, 0);
      assert.equal(server.seen.filter(({ path }) => path.includes('revoke-self')).length, 2);
      await server.stop();
    }
  });

  test('a 429 that outlasts the limit of a revocation is named as the reason', async () => {
    const limited: Answer = {
      status: 429,
      body: { errors: ['rate limit quota exceeded'] },
      headers: { 'Retry-After': '20' },
    };
    const { result } = await through(({ path }) => (path.includes('revoke-self') ? limited : 'forward'));
    assert.equal(result.code, 0, result.stderr);
    const reason = logLines(result).find(({ event }) => event === 'revoke_failed')?.reason ?? '';
    assert.match(reason, /the server answered 429 rate limit quota exceeded/);
    await app.server.revokeTokens();
  });

  test('a revocation that hangs leaves a complete run the time for its outputs', async () => {
    const { result } = await through(
      ({ path }) => (path.includes('revoke-self') ? 'hang' : 'forward'),
      ['--timeout', '4s'],
    );
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/f.txt'), 'one two');
    const warnings = logLines(result).filter(({ event }) => event === 'revoke_failed');
    assert.match(warnings[0]?.reason ?? '', /no answer in time/);
    await app.server.revokeTokens();
  });

  /** A standby: sends everything on to another address, as a real one does. */
  const standby = (active: () => string): StandInOptions['answer'] => {
    return ({ path }) => ({ status: 307, headers: { Location: `${active()}/v1/${path}` } });
  };

  test('a standby is followed to the active node, method and body included, and left alone from then on', async () => {
    const active = await startStandIn({ target: app.server.address, answer: () => 'forward' });
    try {
      const written = {
        ...(config['secrets'] as object),
        c: { path: 'cubbyhole/x:y z', write: { a: '1' }, optional: true },
      };
      const { result, standIn: server } = await through(
        standby(() => active.address),
        [],
        { ...config, secrets: written },
      );
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(
        server.seen.map(({ method, path }) => `${method} ${path}`),
        ['POST auth/approle/login'],
      );
      const posted = active.seen.filter(({ method }) => method === 'POST');
      assert.deepEqual(
        posted.map(({ path, body }) => [path, Object.keys(JSON.parse(body || '{}') as object)]),
        [
          ['auth/approle/login', ['role_id', 'secret_id']],
          ['cubbyhole/x%3Ay%20z', ['a']],
          ['auth/token/revoke-self', []],
        ],
      );
    } finally {
      await active.stop();
    }
  });

  test('an active node that steps down, and one that cannot be reached any more', async () => {
    const second = await startStandIn({
      target: app.server.address,
      answer: ({ path }, nth) => (path === 'secret/data/a' && nth === 1 ? 'drop' : 'forward'),
    });
    const toSecond = standby(() => second.address);
    const first = await startStandIn({
      target: app.server.address,
      answer: (request, nth) => (request.path.includes('login') ? 'forward' : toSecond(request, nth)),
    });
    try {
      const own = { ...config, secrets: { a: { path: 'secret/a', engine: 'kv2' } }, outputs: [] };
      const { result, standIn: server } = await through(
        (request, nth) =>
          request.path.includes('login')
            ? standby(() => first.address)(request, nth)
            : toSecond(request, nth),
        [],
        own,
      );
      assert.equal(result.code, 0, result.stderr);
      const paths = (one: StandIn): string[] => one.seen.map(({ path }) => path);
      assert.deepEqual(paths(first), ['auth/approle/login', 'secret/data/a']);
      assert.deepEqual(
        paths(server),
        ['auth/approle/login', 'secret/data/a'],
        'asked again after the second was lost',
      );
      assert.deepEqual(paths(second), ['secret/data/a', 'secret/data/a', 'auth/token/revoke-self']);
    } finally {
      await first.stop();
      await second.stop();
    }
  });

  test('no other redirect is followed: not in circles, to another path, to another status, with a password', async () => {
    const elsewhere = await startStandIn({ answer: () => ({ status: 200, body: {} }) });
    const { port } = new URL(elsewhere.address);
    for (const [status, location] of [
      [307, `${elsewhere.address}/v1/secret/data/other`],
      [307, `${elsewhere.address}/login`],
      [307, `http://u:p@127.0.0.1:${port}/v1/secret/data/a`],
      [307, `https://127.0.0.1:${port}/v1/secret/data/a`],
      [307, '/v1/secret/data/a'],
      [302, `${elsewhere.address}/v1/secret/data/a`],
      [308, `${elsewhere.address}/v1/secret/data/a`],
    ] as const) {
      const { result, standIn: server } = await through(({ path }) =>
        path === 'secret/data/a' ? { status, headers: { Location: location } } : 'forward',
      );
      assert.equal(result.code, 9, location);
      assert.match(failuresOf(result)[0]?.message ?? '', /redirects/);
      assert.doesNotMatch(result.stderr, /u:p@/);
      await server.stop();
    }
    assert.equal(elsewhere.connections(), 0);
    await elsewhere.stop();
    const { result, standIn: server } = await through((request) =>
      request.path === 'secret/data/a' ? standby(() => standIn?.address ?? '')(request, 1) : 'forward',
    );
    assert.equal(result.code, 9);
    assert.match(failuresOf(result)[0]?.hint ?? '', /circles/);
    assert.equal(server.seen.filter(({ path }) => path === 'secret/data/a').length, 4);
  });

  test('https is never left for http, nor the certificate of another host taken on trust', async () => {
    const plain = await startStandIn({ answer: () => ({ status: 200, body: {} }) });
    const { certificates, tlsAddress } = app.server;
    const tls = { cert: readFileSync(certificates.certFile), key: readFileSync(certificates.keyFile) };
    const env = { VAULT_CACERT: certificates.caFile };
    const at = async (active: string): Promise<CliResult> => {
      standIn = await startStandIn({ tls, answer: standby(() => active) });
      const result = await app.render(config, ['--address', standIn.address], { env });
      await standIn.stop();
      return result;
    };
    assert.equal((await at(plain.address)).code, 9);
    assert.equal(plain.connections(), 0);
    await plain.stop();
    const followed = await at(tlsAddress);
    assert.equal(followed.code, 0, followed.stderr);
    mkdirSync(app.workspace.path('other'));
    const untrusted = await createCertificates(app.workspace.path('other'));
    const other = await startStandIn({
      tls: { cert: readFileSync(untrusted.certFile), key: readFileSync(untrusted.keyFile) },
      answer: () => ({ status: 200, body: {} }),
    });
    const refused = await at(other.address);
    assert.match(failuresOf(refused)[0]?.message ?? '', /not trusted/);
    assert.equal(other.seen.length, 0);
    await other.stop();
  });

  test('an answer that is not from a Vault server', async () => {
    const page = { status: 200, text: '<html>please log in</html>' };
    const { result, standIn: server } = await through(() => page);
    assert.equal(result.code, 9);
    assert.equal(server.seen.length, 1);
    assert.doesNotMatch(result.stderr, /please log in/);
  });

  test('nothing listens; a socket that is not there, also for what mints; a name that does not resolve', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const refused = await app.render(config, [
      '--address',
      `http://127.0.0.1:${String(port)}`,
      '--timeout',
      '1s',
    ]);
    assert.equal(refused.code, 9);
    assert.match(failuresOf(refused)[0]?.message ?? '', /refused the connection/);
    const noSocket = [
      '--address',
      `unix://${app.workspace.path('none.sock')}`,
      '--set',
      'vault.max_retries=1',
    ];
    const missing = await app.render(config, noSocket);
    assert.equal(missing.code, 9);
    const [failure] = failuresOf(missing);
    assert.match(failure?.message ?? '', /there is no socket at unix:\S+ \(after 2 attempts\)$/);
    assert.match(failure?.hint ?? '', /^is the server or agent up/);
    const unknown = await app.render(config, ['--address', 'http://vault.invalid:8200', '--timeout', '1s']);
    assert.ok([9, 124].includes(unknown.code ?? 0), unknown.stderr);
  });

  test('TLS: a CA file, bytes and a directory; a wrong CA, a wrong name, skip_verify, http and https mixed up', async () => {
    const { tlsAddress, address, certificates } = app.server;
    const at = (url: string, env: Record<string, string> = {}, tls: object = {}): Promise<CliResult> =>
      app.render({ ...config, vault: { address: url, tls } }, ['--timeout', '5s'], { env });
    assert.equal((await at(tlsAddress, { VAULT_CACERT: certificates.caFile })).code, 0);
    assert.equal(
      (await at(tlsAddress, {}, { ca_cert_bytes: readFileSync(certificates.caFile, 'utf8') })).code,
      0,
    );
    app.workspace.write('cas/ca.pem', readFileSync(certificates.caFile));
    assert.equal((await at(tlsAddress, { BAO_CAPATH: app.workspace.path('cas') })).code, 0);
    const named = { VAULT_CACERT: certificates.caFile, VAULT_TLS_SERVER_NAME: 'vault.internal' };
    assert.equal((await at(tlsAddress, named)).code, 0);

    for (const env of [{}, { VAULT_CACERT: certificates.otherCaFile }]) {
      const wrong = await at(tlsAddress, env);
      assert.equal(wrong.code, 9);
      assert.match(failuresOf(wrong)[0]?.hint ?? '', /ca_cert/);
      assert.ok(!logLines(wrong).some(({ event }) => event === 'retrying'), 'told at once');
    }
    const wrongName = await at(tlsAddress, { ...named, VAULT_TLS_SERVER_NAME: 'vault.example.com' });
    assert.equal(wrongName.code, 9);
    assert.match(failuresOf(wrongName)[0]?.hint ?? '', /server_name/);

    const skipped = await at(tlsAddress, { VAULT_SKIP_VERIFY: 'true' });
    assert.equal(skipped.code, 0);
    assert.equal(logLines(skipped)[0]?.event, 'insecure');
    const inspected = await runCli(
      ['check', '--online', '-c', app.config({ ...config, vault: { address: tlsAddress } })],
      { env: { VAULT_SKIP_VERIFY: 'true' } },
    );
    assert.equal(logLines(inspected)[0]?.event, 'insecure');
    assert.equal((await at(tlsAddress, { VAULT_SKIP_VERIFY: 'false' })).code, 9);
    assert.equal((await at(tlsAddress, { VAULT_SKIP_VERIFY: 'maybe' })).code, 3);

    const plainToTls = await at(tlsAddress.replace('https', 'http'));
    assert.equal(plainToTls.code, 9);
    assert.match(failuresOf(plainToTls)[0]?.hint ?? '', /https:\/\//);
    const tlsToPlain = await at(address.replace('http', 'https'));
    assert.equal(tlsToPlain.code, 9);
    assert.match(failuresOf(tlsToPlain)[0]?.hint ?? '', /http:\/\//);

    app.server.takeAudit();
    const noFile = await at(tlsAddress, { VAULT_CACERT: '/nonexistent.pem' });
    assert.equal(noFile.code, 3);
    const noPem = await at(tlsAddress, { VAULT_CACERT: app.workspace.write('not.pem', 'hello') });
    assert.equal(noPem.code, 3);
    const half = await at(tlsAddress, { VAULT_CLIENT_CERT: certificates.certFile });
    assert.equal(half.code, 3);
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('headers: X-Vault-Request, User-Agent, X-Vault-Index replayed', async () => {
    const { result, standIn: server } = await through(({ path }) => {
      if (path.includes('login'))
        return {
          status: 200,
          body: { auth: { client_token: 's.x', policies: [] } },
          headers: { 'X-Vault-Index': 'state-1' },
        };
      if (path.includes('mounts'))
        return {
          status: 200,
          body: { data: { secret: { 'secret/': { type: 'kv', options: { version: '1' } } } } },
        };
      return { status: 200, body: { request_id: 'r', data: { key: 'v' } } };
    });
    assert.equal(result.code, 0, result.stderr);
    for (const { headers } of server.seen) {
      assert.equal(headers['x-vault-request'], 'true');
      assert.match(headers['user-agent'] ?? '', /^vaultonce\/\d/);
    }
    assert.equal(server.seen[0]?.headers['x-vault-index'], undefined);
    for (const { headers } of server.seen.slice(1)) assert.equal(headers['x-vault-index'], 'state-1');
  });

  const six: TestConfig = {
    secrets: Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [name, `secret/${name < 'c' ? name : `more/${name}`}`]),
    ),
    outputs: [{ path: 'six.txt', contents: '{{a.key}} {{b.key}} {{c.key}} {{d.key}} {{e.key}} {{f.key}}' }],
  };
  const putMore = async (): Promise<void> => {
    for (const name of ['c', 'd', 'e', 'f']) await app.putKv2(`more/${name}`, { key: name });
  };
  const overTls = (address: string, caFile = app.server.certificates.caFile, own = six): Promise<CliResult> =>
    app.render({ ...own, vault: { address, max_retries: 1 } }, [], { env: { VAULT_CACERT: caFile } });

  test('HTTP/2: one connection for all; failures of its handshake; a server of HTTP/1.1 only', async () => {
    const { tlsAddress, address, certificates } = app.server;
    await putMore();
    app.server.takeAudit();
    const result = await overTls(tlsAddress);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(new Set(app.server.takeAudit().map(({ remotePort }) => remotePort)).size, 1);

    const untrusted = await overTls(tlsAddress, certificates.otherCaFile);
    assert.equal(untrusted.code, 9);
    assert.match(failuresOf(untrusted)[0]?.message ?? '', /not trusted/);
    const plain = await overTls(address.replace('http', 'https'));
    assert.equal(plain.code, 9);
    assert.match(failuresOf(plain)[0]?.hint ?? '', /http:\/\//);
    const nobody = await overTls('https://127.0.0.1:1');
    assert.equal(nobody.code, 9);
    assert.match(failuresOf(nobody)[0]?.message ?? '', /refused the connection \(after 2 attempts\)/);

    const tls = { cert: readFileSync(certificates.certFile), key: readFileSync(certificates.keyFile) };
    standIn = await startStandIn({ target: address, tls, answer: () => 'forward' });
    const older = await overTls(standIn.address);
    assert.equal(older.code, 0, older.stderr);
    assert.equal(standIn.seen.length, 9);
    // Node goes on with the connection that found it out; Bun has ended that with its handshake. On a busy machine Node may
    // hear of an answer before it knows that its request has left, and takes another connection for the next one.
    const fewest = IS_STANDALONE ? 2 : 1;
    const costs: number[] = [];
    while (costs.length < 12 && costs.at(-1) !== fewest) {
      const before = standIn.connections();
      const single = await overTls(standIn.address, certificates.caFile, {
        secrets: { a: 'secret/a' },
        outputs: [],
      });
      assert.equal(single.code, 0, single.stderr);
      costs.push(standIn.connections() - before);
    }
    assert.equal(Math.min(...costs), fewest);
  });

  test('HTTP/2: a connection that breaks takes no run with it', async () => {
    await putMore();
    app.server.takeAudit();
    let broken = false;
    const proxy = createServer((client) => {
      const server = connect(Number(new URL(app.server.tlsAddress).port), '127.0.0.1');
      client.on('error', () => undefined).on('close', () => server.destroy());
      server.on('error', () => undefined).on('close', () => client.destroy());
      server.pipe(client);
      client.on('data', (chunk) => {
        const asked = broken ? [] : app.server.takeAudit();
        broken ||= asked.some(({ path }) => path === 'sys/internal/ui/mounts');
        if (broken && asked.length > 0) client.destroy();
        else server.write(chunk);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const result = await overTls(`https://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`);
    proxy.close();
    assert.equal(result.code, 0, result.stderr);
    assert.ok(broken);
    assert.equal(app.workspace.read('out/six.txt'), 'one two c d e f');
  });

  test('a connection that is begun early is not heard of when the config is wrong or no server is needed', async () => {
    const tls = {
      cert: readFileSync(app.server.certificates.certFile),
      key: readFileSync(app.server.certificates.keyFile),
    };
    standIn = await startStandIn({ target: app.server.address, tls, answer: () => 'forward' });
    for (const address of [standIn.address, 'https://127.0.0.1:1']) {
      const wrong = { ...six, outputs: [{ path: 'f.txt', contents: '{{nobody.key}}' }] };
      const result = await overTls(address, undefined, wrong);
      assert.equal(result.code, 3, result.stderr);
      assert.deepEqual(
        logLines(result).map(({ event }) => event),
        ['failed', 'run_failed'],
      );
    }
    assert.deepEqual(standIn.seen, []);
    const before = standIn.connections();
    const offline = app.config({ ...six, vault: { address: standIn.address } });
    assert.equal((await runCli(['check', '-c', offline, '--quiet'])).code, 0);
    assert.equal(standIn.connections(), before);
  });

  test('a proxy of the environment is used, except for this machine and for NO_PROXY', async () => {
    standIn = await startStandIn({ answer: () => UNAVAILABLE });
    const env = { HTTP_PROXY: standIn.address };
    const args = ['--timeout', '2s'];
    assert.equal((await app.render(config, args, { env })).code, 0, 'loopback goes directly');
    const remote = { ...config, vault: { address: 'http://vault.invalid:8200', max_retries: 0 } };
    const proxied = await app.render(remote, args, { env });
    assert.equal(proxied.code, 9);
    assert.equal(standIn.seen.length, 1, proxied.stderr);
    const excluded = await app.render(remote, args, { env: { ...env, NO_PROXY: 'vault.invalid' } });
    assert.ok([9, 124].includes(excluded.code ?? 0));
    assert.equal(standIn.seen.length, 1);
    const declared = await app.render(remote, args, {
      env: { VAULT_PROXY_ADDR: standIn.address, NO_PROXY: '*' },
    });
    assert.equal(declared.code, 9);
    assert.equal(standIn.seen.length, 2);
  });

  test('rate_limit spaces the requests', async () => {
    const startMs = performance.now();
    const { result, standIn: server } = await through(() => 'forward', [], {
      ...config,
      vault: { rate_limit: '10:1' },
    });
    assert.equal(result.code, 0, result.stderr);
    // A busy machine can only make it later: measured from before the start, the last request keeps its distance.
    const lastMs = server.seen.at(-1)?.atMs ?? 0;
    assert.ok(lastMs - startMs >= (server.seen.length - 1) * 100, String(lastMs - startMs));
  });

  for (const command of ['render', 'watch']) {
    test(`${command}, SIGTERM: the token is revoked, however long the rate limit would hold that back`, async () => {
      standIn = await startStandIn({ target: app.server.address, answer: () => 'forward' });
      app.server.takeAudit();
      const limited = app.config({ ...config, vault: { rate_limit: '0.05:2' } });
      const running = startCli([command, '-c', limited, '--address', standIn.address]);
      // The reads come after the login and the mounts, and wait for their turns.
      await until('the mounts are read', () => (standIn?.seen.length ?? 0) > 1);
      running.child.kill('SIGTERM');
      const result = await running.done;
      assert.equal(result.code, 143, result.stderr);
      assert.equal(requestsOf(app.server).at(-1), 'update auth/token/revoke-self');
    });
  }

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    test(`${signal} during login, during fetch, while waiting for a retry: ${String(code)} within 2 s, nothing left`, async () => {
      for (const [part, answer] of [
        ['login', 'hang'],
        ['secret/data', 'hang'],
        ['secret/data', 'sealed'],
      ] as const) {
        standIn = await startStandIn({
          target: app.server.address,
          answer: ({ path }) =>
            path.includes(part) ? (answer === 'hang' ? 'hang' : UNAVAILABLE) : 'forward',
        });
        const before = app.workspace.snapshot();
        const running = startCli(['render', '-c', app.config(config), '--address', standIn.address]);
        while (!standIn.seen.some(({ path }) => path.includes(part))) await delay(5);
        const since = performance.now();
        running.child.kill(signal);
        const result = await running.done;
        assert.equal(result.code, code, result.stderr);
        assert.ok(performance.now() - since < 2000, 'within 2 s');
        assert.match(failuresOf(result)[0]?.message ?? '', new RegExp(signal));
        assert.deepEqual(Object.keys(app.workspace.snapshot()), Object.keys(before));
        assert.equal(await app.server.tokensLeft(), 0, 'the token is revoked');
        await standIn.stop();
      }
    });
  }

  test('a login that is answered just after SIGTERM still gets its token revoked', async () => {
    standIn = await startStandIn({
      target: app.server.address,
      answer: ({ path }) => (path.includes('login') ? 'late' : 'forward'),
    });
    app.server.takeAudit();
    const running = startCli(['render', '-c', app.config(config), '--address', standIn.address]);
    while (standIn.seen.length === 0) await delay(1);
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 143, result.stderr);
    assert.deepEqual(requestsOf(app.server), ['update auth/approle/login', 'update auth/token/revoke-self']);
  });
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, type CliOptions, type CliResult } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';
import { startStandIn } from '../support/stand-in.ts';

const cert = await needsPlugins('auth/cert');

describe('more logins, and ways to the server', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'value' });
  });
  after(() => app.stop());

  const job = (more: TestConfig): TestConfig => ({
    secrets: { a: 'secret/a' },
    outputs: [{ path: 'a.txt', contents: '{{a.key}}' }],
    ...more,
  });
  const run = (more: TestConfig, options: CliOptions = {}): Promise<CliResult> =>
    app.render(job(more), [], options);

  test('ldap, radius, okta, github, custom: what is posted, where; nothing that was sent comes back', async () => {
    const { auth: made } = await app.server.api.post('auth/token/create', { policies: ['app'] });
    const password_file = app.workspace.write('password', 'correct horse\n');
    const payload_file = app.workspace.write('payload.json', '{"id": 12345678901234567890}');
    const cases: [TestConfig, string, unknown][] = [
      [
        { method: 'ldap', username: 'al ice', password: 'correct horse' },
        'ldap/login/al%20ice',
        { password: 'correct horse' },
      ],
      [
        { method: 'radius', mount: 'r', username: 'alice', password_file },
        'r/login/alice',
        { password: 'correct horse' },
      ],
      [
        { method: 'okta', username: 'alice@example.com', password_file },
        'okta/login/alice%40example.com',
        { password: 'correct horse' },
      ],
      [{ method: 'github', token: 'correct horse' }, 'github/login', { token: 'correct horse' }],
      [{ method: 'github', token_env: 'GH' }, 'github/login', { token: 'correct horse' }],
      [
        {
          method: 'custom',
          path: 'auth/corp/v2/login',
          payload: { user: 'u', deep: { key: 'correct horse' } },
        },
        'corp/v2/login',
        { user: 'u', deep: { key: 'correct horse' } },
      ],
      [{ method: 'custom', path: 'corp/login', payload_file }, 'corp/login', undefined],
      [{ method: 'custom', path: 'corp/login' }, 'corp/login', {}],
    ];
    for (const [auth, path, body] of cases) {
      let refuses = false;
      const server = await startStandIn({
        target: app.server.address,
        answer: (request) => {
          if (!request.path.startsWith('auth/') || request.path.startsWith('auth/token/')) return 'forward';
          return refuses
            ? { status: 400, body: { errors: [`bad: ${request.body}`] } }
            : { status: 200, body: { auth: { client_token: made?.client_token, token_type: 'service' } } };
        },
      });
      try {
        const config = { vault: { address: server.address }, auth, revoke: 'never' };
        const result = await run(config, { env: { GH: 'correct horse' } });
        assert.equal(result.code, 0, result.stderr);
        const [request] = server.seen;
        assert.equal(request?.method, 'POST');
        assert.equal(request.path, `auth/${path}`);
        if (body !== undefined) assert.deepEqual(JSON.parse(request.body), body);
        else assert.equal(request.body, '{"id":12345678901234567890}', 'digits are kept');
        refuses = true;
        const refused = await run(config, { env: { GH: 'correct horse' } });
        assert.equal(refused.code, 4, refused.stderr);
        assert.doesNotMatch(refused.stderr, /correct horse/);
        const posts = server.seen.filter(
          ({ path: seen }) => seen.startsWith('auth/') && !seen.startsWith('auth/token'),
        );
        assert.equal(posts.length, 2, 'a refusal is not tried again');
      } finally {
        await server.stop();
      }
    }
    await app.server.revokeTokens();
  });

  test('custom: a payload that is no JSON object', async () => {
    for (const text of ['[1]', 'token: s.123', '"x"']) {
      const payload_file = app.workspace.write('payload.json', text);
      const result = await run({ auth: { method: 'custom', path: 'x/login', payload_file } });
      assert.equal(result.code, 3);
      assert.doesNotMatch(result.stderr, /s\.123/);
    }
  });

  test('cert: its own, that of vault.tls, an encrypted key; none, another, plain HTTP', cert, async () => {
    const { caFile } = app.server.certificates;
    const directory = dirname(caFile);
    const openssl = (...args: string[]): void => {
      execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
    };
    const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    openssl('req', ...EC, '-nodes', '-subj', '/CN=web', '-keyout', 'client.key', '-out', 'client.csr');
    app.workspace.write('client.ext', 'extendedKeyUsage=clientAuth\n');
    openssl(
      'x509',
      '-req',
      '-in',
      'client.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-extfile',
      app.workspace.path('client.ext'),
      '-days',
      '2',
      '-out',
      'client.pem',
    );
    openssl('ec', '-in', 'client.key', '-aes256', '-passout', 'pass:open sesame', '-out', 'encrypted.key');
    const client_cert = join(directory, 'client.pem');
    const client_key = join(directory, 'client.key');
    await app.server.api.post('sys/auth/cert', { type: 'cert' });
    await app.server.api.post('auth/cert/certs/web', {
      certificate: readFileSync(caFile, 'utf8'),
      allowed_common_names: ['web'],
      token_policies: ['app'],
    });
    const address = app.server.tlsAddress;
    const tls = { ca_cert: caFile };
    const succeeds = async (more: TestConfig): Promise<void> => {
      const result = await run(more);
      assert.equal(result.code, 0, result.stderr);
    };
    await succeeds({
      vault: { address, tls },
      auth: { method: 'cert', name: 'web', client_cert, client_key },
    });
    await succeeds({
      vault: { address, tls: { ...tls, client_cert, client_key } },
      auth: { method: 'cert' },
    });
    const encrypted = { method: 'cert', client_cert, client_key: join(directory, 'encrypted.key') };
    const client_key_password_file = app.workspace.write('key-password', 'open sesame\n');
    await succeeds({
      vault: { address, tls: { ...tls, client_key_password: 'open sesame' } },
      auth: encrypted,
    });
    await succeeds({ vault: { address, tls: { ...tls, client_key_password_file } }, auth: encrypted });
    assert.equal(await app.server.tokensLeft(), 0);

    const fails = async (code: number, pattern: RegExp, more: TestConfig): Promise<void> => {
      const result = await run(more);
      assert.equal(result.code, code, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', pattern);
      assert.doesNotMatch(result.stderr, /sesame/);
    };
    await fails(3, /no client certificate to log in with/, {
      vault: { address, tls },
      auth: { method: 'cert' },
    });
    await fails(3, /needs TLS/, { auth: { method: 'cert', client_cert, client_key } });
    await fails(3, /cannot be read/, {
      vault: { address, tls },
      auth: { method: 'cert', client_cert: '/x', client_key: '/y' },
    });
    await fails(3, /needs both/, { vault: { address, tls }, auth: { method: 'cert', client_cert } });
    await fails(3, /TLS files cannot be used/, {
      vault: { address, tls: { ...tls, client_key_password: 'sesame?' } },
      auth: encrypted,
    });
    await fails(3, /TLS files cannot be used/, { vault: { address, tls }, auth: encrypted });
    const { otherCaFile } = app.server.certificates;
    const ofAnotherCa = { client_cert: otherCaFile, client_key: join(directory, 'other-ca.key') };
    for (const unknown of [{ name: 'nobody', client_cert, client_key }, ofAnotherCa]) {
      const result = await run({ vault: { address, tls }, auth: { method: 'cert', ...unknown } });
      assert.equal(result.code, 4, result.stderr);
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', /cert login was refused \(400\)/);
      assert.match(failure?.hint ?? '', /^the certificate reached the server, but no role knows its issuer/);
    }
    await fails(3, /exclude each other/, {
      vault: { address, tls: { ...tls, client_key_password: 'sesame', client_key_password_file } },
      auth: encrypted,
    });
  });

  test('CAs: those of the system, as SSL_CERT_FILE and SSL_CERT_DIR name them', async () => {
    const vault = { address: app.server.tlsAddress };
    const { caFile, otherCaFile } = app.server.certificates;
    const run1 = (tls: TestConfig, env: Record<string, string>): Promise<CliResult> =>
      run({ vault: { ...vault, tls }, timeout: '20s' }, { env });
    assert.equal((await run1({}, {})).code, 9);
    assert.equal((await run1({}, { SSL_CERT_FILE: caFile })).code, 0);
    assert.equal((await run1({ ca_cert: caFile }, { SSL_CERT_FILE: otherCaFile })).code, 0);
    assert.equal((await run1({}, { SSL_CERT_FILE: otherCaFile })).code, 9);
    assert.equal((await run1({ system_ca: true }, {})).code, 9);
    assert.equal((await run1({ system_ca: true }, { SSL_CERT_FILE: caFile })).code, 0);
    const directory = dirname(app.workspace.write('cas/ca.pem', readFileSync(caFile)));
    assert.equal((await run1({}, { SSL_CERT_DIR: directory })).code, 0);
    assert.equal((await run1({}, { SSL_CERT_DIR: `/nonexistent:${directory}` })).code, 0);
    assert.equal((await run1({}, { SSL_CERT_DIR: '/nonexistent:/neither' })).code, 3);
    assert.equal((await run1({}, { SSL_CERT_FILE: otherCaFile, SSL_CERT_DIR: directory })).code, 9);
  });

  test('a unix socket, and the address of an agent; one that is not there', async () => {
    const path = app.workspace.path('vault.sock');
    const { hostname, port } = new URL(app.server.address);
    const proxy = createServer((socket) => {
      const upstream = connect(Number(port), hostname);
      socket.on('error', () => upstream.destroy()).pipe(upstream);
      upstream.on('error', () => socket.destroy()).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(path, resolve));
    try {
      app.server.takeAudit();
      const result = await run(
        { vault: { address: `unix://${path}` } },
        { env: { HTTP_PROXY: 'http://127.0.0.1:1', VAULT_PROXY_ADDR: 'http://127.0.0.1:1' } },
      );
      assert.equal(result.code, 0, result.stderr);
      assert.equal(requestsOf(app.server).length, 4);
      const agent = { VAULT_AGENT_ADDR: `unix://${path}`, VAULT_ADDR: 'http://127.0.0.1:1' };
      assert.equal((await run({ vault: {} }, { env: agent })).code, 0);
    } finally {
      proxy.close();
    }
    const missing = await run({ vault: { address: 'unix:///nonexistent/x.sock', max_retries: 0 } });
    assert.equal(missing.code, 9);
    assert.match(failuresOf(missing)[0]?.message ?? '', /unix:\/\/\/nonexistent\/x\.sock/);
    assert.equal((await run({ vault: { address: 'unix://' } })).code, 3);
  });
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, type CliResult } from '../support/cli.ts';
import { PUBLIC_PEM, signJwt, soon } from '../support/jwt.ts';
import { needsNamespaces, needsPlugins } from '../support/needs.ts';

const userpass = await needsPlugins('auth/userpass');
const jwtLogin = await needsPlugins('auth/jwt');
const k8s = await needsPlugins('auth/kubernetes');
const namespaces = await needsNamespaces();

describe('logins', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'value' });
  });
  after(() => app.stop());

  const login = (
    auth: TestConfig,
    env: Record<string, string> = {},
    args: string[] = [],
  ): Promise<CliResult> =>
    app.render(
      { auth, secrets: { a: 'secret/a' }, outputs: [{ path: 'a.txt', contents: '{{a.key}}' }] },
      args,
      { env },
    );

  const succeeds = async (auth: TestConfig, env: Record<string, string> = {}): Promise<void> => {
    const before = await app.server.tokensLeft();
    const result = await login(auth, env);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), before, 'no token is left');
  };

  test('approle: values, files, environment; wrong secret_id is refused once and not tried again', async () => {
    const { role_id, secret_id } = app.auth;
    await succeeds(app.auth);
    const role_id_file = app.workspace.write('role_id', `${String(role_id)}\n`);
    const secret_id_file = app.workspace.write('secret_id', `  ${String(secret_id)}\n`);
    await succeeds({ method: 'approle', role_id_file, secret_id_file });
    await succeeds(
      { method: 'approle', role_id: '${ROLE}', secret_id: '${SECRET}' },
      { ROLE: String(role_id), SECRET: String(secret_id) },
    );
    app.server.takeAudit();
    const refused = await login({ ...app.auth, secret_id: 'wrong-secret-id' });
    assert.equal(refused.code, 4);
    assert.match(
      failuresOf(refused)[0]?.message ?? '',
      /approle login was refused \(400\): invalid role or secret ID/,
    );
    assert.doesNotMatch(refused.stderr, /wrong-secret-id/);
    assert.deepEqual(requestsOf(app.server), ['update auth/approle/login']);
  });

  test('approle: no secret_id where the role binds none; a mount of another name; a mount that is not there', async () => {
    await app.server.api.post('sys/auth/other-role', { type: 'approle' });
    await app.server.api.post('auth/other-role/role/open', {
      bind_secret_id: false,
      token_policies: ['app'],
      token_bound_cidrs: ['127.0.0.1/32'],
    });
    const { data } = await app.server.api.get('auth/other-role/role/open/role-id');
    await succeeds({ method: 'approle', mount: 'other-role', role_id: data?.['role_id'] });
    const missing = await login({ ...app.auth, mount: 'nowhere' });
    assert.equal(missing.code, 4);
  });

  test('userpass', userpass, async () => {
    await app.server.api.post('sys/auth/userpass', { type: 'userpass' });
    await app.server.api.post('auth/userpass/users/alice', {
      password: 'correct horse',
      token_policies: ['app'],
    });
    await succeeds({ method: 'userpass', username: 'alice', password: 'correct horse' });
    const password_file = app.workspace.write('password', 'correct horse\n');
    await succeeds({ method: 'userpass', username: 'alice', password_file });
    const refused = await login({ method: 'userpass', username: 'alice', password: 'battery staple' });
    assert.equal(refused.code, 4);
    assert.doesNotMatch(refused.stderr, /battery staple/);

    const users = app.server.api;
    await users.post('auth/userpass/users/blank', { password: '  two blanks ', token_policies: ['app'] });
    for (const [end, code] of [
      ['', 0],
      ['\n', 0],
      ['\r\n', 0],
      [' \n', 4],
      ['\n\n', 3],
    ] as const) {
      const file = app.workspace.write('password', `  two blanks ${end}`);
      const result = await login({ method: 'userpass', username: 'blank', password_file: file });
      assert.equal(result.code, code, `${JSON.stringify(end)} ${result.stderr}`);
    }
  });

  test('jwt: file, variable, value; a refusal shows the claims and never the token', jwtLogin, async () => {
    const { api } = app.server;
    await api.post('sys/auth/jwt', { type: 'jwt' });
    await api.post('auth/jwt/config', {
      jwt_validation_pubkeys: [PUBLIC_PEM],
      bound_issuer: 'https://ci.example.com',
    });
    await api.post('auth/jwt/role/ci', {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: ['vault'],
      token_policies: ['app'],
    });
    const claims = {
      iss: 'https://ci.example.com',
      aud: 'vault',
      sub: 'repo:app',
      exp: soon(),
      iat: soon() - 700,
    };
    const jwt = signJwt(claims);
    await succeeds({ method: 'jwt', role: 'ci', jwt });
    await succeeds({ method: 'jwt', role: 'ci', jwt_file: app.workspace.write('jwt', `${jwt}\n`) });
    await succeeds({ method: 'jwt', role: 'ci', jwt_env: 'CI_JWT' }, { CI_JWT: jwt });
    const wrong = signJwt({ ...claims, aud: 'elsewhere' });
    const refused = await login({ method: 'jwt', role: 'ci', jwt: wrong });
    assert.equal(refused.code, 4);
    const failure = failuresOf(refused)[0]!;
    const details = failure.details ?? [];
    assert.ok(details.includes('the token\'s aud: "elsewhere"'), refused.stderr);
    assert.ok(details.some((line) => line.startsWith("the token's exp: 20")));
    assert.match(failure.hint ?? '', /bound_audiences/);
    assert.ok(!refused.stderr.includes(wrong.split('.')[2] ?? ''));
    const unset = await login({ method: 'jwt', role: 'ci', jwt_env: 'NOT_SET' });
    assert.equal(unset.code, 3);
  });

  test('kubernetes: a token review, a wrong namespace, and a bare refusal that passes', k8s, async () => {
    const reviews: string[] = [];
    let clusterIsDown = false;
    const cluster = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const review = JSON.parse(body) as { spec: { token: string } };
        reviews.push(createHash('sha256').update(review.spec.token).digest('hex'));
        if (clusterIsDown) {
          clusterIsDown = false;
          response.writeHead(500).end();
          return;
        }
        response.setHeader('Content-Type', 'application/json');
        response.end(
          JSON.stringify({
            apiVersion: 'authentication.k8s.io/v1',
            kind: 'TokenReview',
            status: {
              authenticated: true,
              audiences: ['vault'],
              user: {
                username: 'system:serviceaccount:shop:web',
                uid: 'u1',
                groups: ['system:serviceaccounts'],
              },
            },
          }),
        );
      });
    });
    await new Promise<void>((resolve) => cluster.listen(0, '127.0.0.1', resolve));
    try {
      const { api } = app.server;
      await api.post('sys/auth/kubernetes', { type: 'kubernetes' });
      await api.post('auth/kubernetes/config', {
        kubernetes_host: `http://127.0.0.1:${String((cluster.address() as AddressInfo).port)}`,
        token_reviewer_jwt: signJwt({ sub: 'reviewer' }),
        pem_keys: [PUBLIC_PEM],
        disable_local_ca_jwt: true,
        kubernetes_ca_cert: readFileSync(app.server.certificates.caFile, 'utf8'),
      });
      await api.post('auth/kubernetes/role/web', {
        bound_service_account_names: ['web'],
        bound_service_account_namespaces: ['shop'],
        token_policies: ['app'],
      });
      const claims = {
        iss: 'https://kubernetes.default.svc',
        aud: ['vault'],
        sub: 'system:serviceaccount:shop:web',
        exp: soon(),
        iat: soon() - 700,
        'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'u1' } },
      };
      const token_file = app.workspace.write('sa-token', signJwt(claims));
      await succeeds({ method: 'kubernetes', role: 'web', token_file });
      assert.equal(reviews.length, 1);

      clusterIsDown = true;
      app.server.takeAudit();
      await succeeds({ method: 'kubernetes', role: 'web', token_file });
      const logins = requestsOf(app.server).filter((request) => request === 'update auth/kubernetes/login');
      assert.equal(logins.length, 2, 'the bare 403 is tried again');

      const wrong = {
        ...claims,
        sub: 'system:serviceaccount:prod:web',
        'kubernetes.io': { ...claims['kubernetes.io'], namespace: 'prod' },
      };
      const refused = await login({
        method: 'kubernetes',
        role: 'web',
        token_file: app.workspace.write('wrong', signJwt(wrong)),
      });
      assert.equal(refused.code, 4);
      assert.match(failuresOf(refused)[0]?.message ?? '', /namespace not authorized/);
      assert.ok(failuresOf(refused)[0]?.details?.some((line) => line.includes('serviceaccount:prod:web')));
      const unreadable = await login({ method: 'kubernetes', role: 'web', token_file: app.workspace.root });
      assert.equal(unreadable.code, 3);
      assert.match(failuresOf(unreadable)[0]?.message ?? '', /is a directory/);
    } finally {
      cluster.closeAllConnections();
      cluster.close();
    }
  });

  test('token: value, file, environment (BAO_ wins), ~/.vault-token; none at all', async () => {
    const created = await app.server.api.post('auth/token/create', { policies: ['app'], no_parent: true });
    const token = created.auth?.client_token ?? '';
    const auth = { method: 'token' };
    assert.equal((await login({ ...auth, token })).code, 0);
    assert.equal((await login({ ...auth, token_file: app.workspace.write('token', `${token}\n`) })).code, 0);
    assert.equal((await login(auth, { VAULT_TOKEN: token })).code, 0);
    assert.equal((await login(auth, { VAULT_TOKEN: 'wrong', BAO_TOKEN: token })).code, 0);
    app.workspace.write('home/.vault-token', token);
    assert.equal((await login(auth, { HOME: app.workspace.path('home') })).code, 0);
    const none = await login(auth, { HOME: app.workspace.path('nobody') });
    assert.equal(none.code, 3);
    assert.match(failuresOf(none)[0]?.hint ?? '', /\$VAULT_TOKEN/);
    const wrong = await login(auth, { VAULT_TOKEN: 's.wrong-token-value' });
    assert.equal(wrong.code, 4);
    assert.doesNotMatch(wrong.stderr, /wrong-token-value/);
  });

  test('credential files: missing, empty, with a line break inside', async () => {
    const files = {
      missing: '/nonexistent/secret_id',
      empty: app.workspace.write('empty', '\n'),
      torn: app.workspace.write('torn', 'a\nb'),
    };
    app.server.takeAudit();
    for (const [name, secret_id_file] of Object.entries(files)) {
      const result = await login({ method: 'approle', role_id: 'r', secret_id_file });
      assert.equal(result.code, 3, name);
      assert.equal(failuresOf(result)[0]?.where, secret_id_file);
    }
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('namespaces: for login and data, for data only, and one that does not exist', namespaces, async () => {
    const { api } = app.server;
    await api.post('sys/namespaces/team', {});
    await api.request('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } }, 'team');
    await api.request('POST', 'secret/data/a', { data: { key: 'team value' } }, 'team');
    await api.request(
      'POST',
      'sys/policies/acl/app',
      { policy: 'path "secret/*" { capabilities = ["read"] }' },
      'team',
    );
    await api.request('POST', 'sys/auth/userpass', { type: 'userpass' }, 'team');
    await api.request('POST', 'auth/userpass/users/bob', { password: 'pw', token_policies: ['app'] }, 'team');
    const auth = { method: 'userpass', username: 'bob', password: 'pw' };
    const inTeam = await login(auth, {}, ['--namespace', 'team']);
    assert.equal(inTeam.code, 0, inTeam.stderr);
    assert.equal(app.workspace.read('out/a.txt'), 'team value');
    const fromEnvironment = await login(auth, { VAULT_NAMESPACE: 'wrong', BAO_NAMESPACE: 'team/' });
    assert.equal(fromEnvironment.code, 0, fromEnvironment.stderr);
    const wrong = await login(auth, {}, ['--namespace', 'nobody']);
    assert.equal(wrong.code, 4);
    assert.match(failuresOf(wrong)[0]?.hint ?? '', /--namespace/);
    const token = app.server.rootToken;
    const data = await app.render({
      auth: { method: 'token', token },
      secrets: { a: { path: 'secret/a', namespace: 'team' } },
      outputs: [{ path: 'n.txt', contents: '{{a.key}}' }],
    });
    assert.equal(data.code, 0, data.stderr);
    assert.equal(app.workspace.read('out/n.txt'), 'team value');
    const dataWrong = await app.render({
      auth: { method: 'token', token },
      secrets: { a: { path: 'secret/a', namespace: 'nobody' } },
    });
    assert.equal(dataWrong.code, 6);
  });
});

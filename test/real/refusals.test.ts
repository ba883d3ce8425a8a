import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, runCli, type CliResult, type LogLine } from '../support/cli.ts';
import { PUBLIC_PEM, signJwt, soon } from '../support/jwt.ts';
import { needsNamespaces, needsPlugins } from '../support/needs.ts';

const jwtLogin = await needsPlugins('auth/jwt');
const k8s = await needsPlugins('auth/kubernetes');
const userpass = await needsPlugins('auth/userpass');
const namespaces = await needsNamespaces();

/** Each refusal says what to look at, by the server's own text. */
describe('refused logins', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp({ tls: true });
    await app.putKv2('a', { key: 'value' });
    await app.putKv2('b', { key: 'value' });
  });
  after(() => app.stop());

  const login = (
    auth: TestConfig | undefined,
    env: Record<string, string> = {},
    secrets: object = { a: 'secret/a' },
  ): Promise<CliResult> => app.render({ auth, secrets, environment: {}, outputs: [] }, [], { env });

  const refused = async (auth: TestConfig, text: RegExp, hint: RegExp): Promise<LogLine> => {
    const result = await login(auth);
    assert.equal(result.code, 4, result.stderr);
    const [failure] = failuresOf(result);
    assert.match(failure?.message ?? '', text);
    assert.match(failure?.hint ?? '', hint, failure?.message);
    return failure!;
  };

  test('jwt', jwtLogin, async () => {
    const { api } = app.server;
    await api.post('sys/auth/jwt', { type: 'jwt' });
    await api.post('auth/jwt/config', {
      jwt_validation_pubkeys: [PUBLIC_PEM],
      bound_issuer: 'https://ci.example.com',
    });
    const role = { role_type: 'jwt', user_claim: 'sub', bound_audiences: ['vault'], token_policies: ['app'] };
    const roles = {
      ci: role,
      sub: { ...role, bound_subject: 'repo:other' },
      claims: { ...role, bound_claims: { ref: 'main' } },
      open: { ...role, bound_audiences: [], bound_subject: 'repo:app' },
      cidr: { ...role, token_bound_cidrs: ['10.1.2.3/32'] },
      user: { ...role, user_claim: 'email' },
      people: { ...role, role_type: 'oidc', allowed_redirect_uris: ['http://localhost'] },
    };
    for (const [name, own] of Object.entries(roles)) await api.post(`auth/jwt/role/${name}`, own);
    const claims = {
      iss: 'https://ci.example.com',
      aud: 'vault',
      sub: 'repo:app',
      exp: soon(),
      iat: soon() - 700,
    };
    const as = (name: string | undefined, own: object = {}): TestConfig => ({
      method: 'jwt',
      ...(name === undefined ? {} : { role: name }),
      jwt: signJwt({ ...claims, ...own }),
    });
    assert.equal((await login(as('ci'))).code, 0);
    const unknown = await refused(
      as('nope'),
      /could not be found/,
      /no such role at this mount: check role, mount/,
    );
    assert.doesNotMatch(unknown.hint ?? '', /bound_|claims/);
    await refused(as(undefined), /missing role/, /no default role: name one, in auth\.role/);
    await refused(as('ci', { aud: 'x' }), /invalid audience/, /bound_audiences of the role/);
    await refused(as('open'), /no audiences bound/, /set bound_audiences to the aud/);
    await refused(as('ci', { iss: 'x' }), /invalid issuer/, /bound_issuer of the mount/);
    await refused(as('sub'), /invalid subject/, /bound_subject of the role/);
    await refused(as('claims'), /claim "ref" is missing/, /bound_claims of the role/);
    await refused(as('claims', { ref: 'x' }), /does not match/, /bound_claims of the role/);
    await refused(as('user'), /claim "email" not found/, /user_claim/);
    await refused(as('people'), /role_type is not allowed/, /`role_type: jwt`/);
    await refused(as('ci', { exp: soon() - 5000, iat: soon() - 9000 }), /expired/, /the token has expired/);
    await refused({ ...as('ci'), jwt: 'garbage' }, /three parts/, /is not a JWT/);
    await refused(
      { ...as('ci'), jwt: `${signJwt(claims).slice(0, -8)}AAAAAAAA` },
      /no known key/,
      /jwks_url/,
    );
    for (const [start, name] of [
      [{ nbf: soon() + 1000, exp: soon() + 5000 }, 'nbf'],
      [{ iat: soon() + 1000, exp: soon() + 5000 }, 'iat'],
    ] as const) {
      const early = await refused(
        as('ci', start),
        /not yet valid/,
        /not valid yet by the clock of the server/,
      );
      const line = early.details?.find((one) => one.startsWith(`the token's ${name}: `)) ?? '';
      const seconds = Number(/, (\d+) s after the clock of the server \(20/.exec(line)?.[1]);
      assert.ok(seconds > 1500 && seconds <= 1601, line);
    }
    await refused(as('cidr'), /\(403\): permission denied$/, /bao auth list/);
    await refused(
      { ...as('ci'), mount: 'nowhere' },
      /\(403\): permission denied$/,
      /mounted there, in this namespace/,
    );
  });

  test('approle', async () => {
    await refused({ ...app.auth, secret_id: undefined }, /missing secret_id/, /set auth\.secret_id_file/);
    await refused(
      { ...app.auth, secret_id: 'x' },
      /invalid role or secret ID/,
      /may have expired or be used up/,
    );
    await refused(
      { ...app.auth, mount: 'nowhere' },
      /permission denied$/,
      /mounted there.*token_bound_cidrs.*lockout_duration/,
    );
    const elsewhere = await createRole(app.server, 'elsewhere', { secret_id_bound_cidrs: ['10.1.2.3/32'] });
    await refused(elsewhere, /CIDR restrictions/, /secret_id_bound_cidrs of the role/);
    const bound = await createRole(app.server, 'bound', { token_bound_cidrs: ['10.1.2.3/32'] });
    await refused(bound, /does not accept the token for /, /token_bound_cidrs contain the address/);
    const { api } = app.server;
    await api.post('sys/auth/locker', { type: 'approle' });
    const lock = { lockout_threshold: '1', lockout_duration: '5m', lockout_counter_reset: '5m' };
    await api.post('sys/auth/locker/tune', { user_lockout_config: lock });
    await api.post('auth/locker/role/web', { token_policies: ['app'] });
    const { data } = await api.get('auth/locker/role/web/role-id');
    const locked = { method: 'approle', mount: 'locker', role_id: data?.['role_id'], secret_id: 'x' };
    await refused(locked, /invalid role or secret ID/, /five refusals lock the role/);
    await refused(
      locked,
      /\(403\): permission denied$/,
      /locked the role or user for a while \(lockout_duration\)/,
    );
  });

  test('userpass', userpass, async () => {
    const { api } = app.server;
    await api.post('sys/auth/userpass', { type: 'userpass' });
    await api.post('auth/userpass/users/bound', {
      password: 'correct horse',
      token_bound_cidrs: ['10.1.2.3/32'],
    });
    const as = (username: string): TestConfig => ({
      method: 'userpass',
      username,
      password: 'correct horse',
    });
    await refused(as('nobody'), /invalid username or password/, /check user name and password/);
    await refused(as('bound'), /permission denied$/, /token_bound_cidrs/);
  });

  describe('kubernetes', k8s, () => {
    let cluster: Server;
    before(async () => {
      const user = { username: 'system:serviceaccount:shop:web', uid: 'u1', groups: [] };
      const review = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        status: { authenticated: true, audiences: ['vault'], user },
      };
      cluster = createServer((request, response) => {
        request.resume().on('end', () => {
          response.setHeader('Content-Type', 'application/json').end(JSON.stringify(review));
        });
      });
      await new Promise<void>((resolve) => cluster.listen(0, '127.0.0.1', resolve));
      const { api } = app.server;
      await api.post('sys/auth/kubernetes', { type: 'kubernetes' });
      await api.post('auth/kubernetes/config', {
        kubernetes_host: `http://127.0.0.1:${String((cluster.address() as AddressInfo).port)}`,
        token_reviewer_jwt: signJwt({ sub: 'reviewer' }),
        pem_keys: [PUBLIC_PEM],
        disable_local_ca_jwt: true,
        kubernetes_ca_cert: readFileSync(app.server.certificates.caFile, 'utf8'),
      });
      const role = { bound_service_account_names: ['web'], bound_service_account_namespaces: ['shop'] };
      await api.post('auth/kubernetes/role/web', { ...role, token_policies: ['app'] });
      await api.post('auth/kubernetes/role/audience', { ...role, audience: 'other' });
      await api.post('auth/kubernetes/role/name', { ...role, bound_service_account_names: ['x'] });
      await api.post('auth/kubernetes/role/namespace', { ...role, bound_service_account_namespaces: ['x'] });
    });
    after(() => {
      cluster.closeAllConnections();
      cluster.close();
    });

    const as = (role: string, own: object = {}): TestConfig => {
      const claims = {
        iss: 'https://kubernetes.default.svc',
        aud: ['vault'],
        sub: 'system:serviceaccount:shop:web',
        exp: soon(),
        iat: soon() - 700,
        'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'web', uid: 'u1' } },
      };
      const token_file = app.workspace.write('sa-token', signJwt({ ...claims, ...own }));
      return { method: 'kubernetes', role, token_file };
    };

    test('each text has its hint', async () => {
      const unknown = await refused(as('nope'), /invalid role name "nope"/, /no such role at this mount/);
      assert.doesNotMatch(unknown.hint ?? '', /claims|bound_service_account/);
      await refused(as('audience'), /invalid audience/, /`audience` with kubernetes/);
      await refused(as('name'), /name not authorized/, /bound_service_account_names of the role/);
      await refused(
        as('namespace'),
        /namespace not authorized/,
        /bound_service_account_namespaces of the role/,
      );
      await refused(as('web', { exp: soon() - 5000 }), /expired/, /the token has expired/);
      await refused(
        as('web', { nbf: soon() + 1000, exp: soon() + 5000 }),
        /not yet valid/,
        /clock of the server/,
      );
    });

    test('the mount may be written as agents and the server do', async () => {
      for (const mount of ['auth/kubernetes', '/auth/kubernetes/', 'kubernetes/', '/v1/auth/kubernetes']) {
        const result = await login({ ...as('web'), mount });
        assert.equal(result.code, 0, `${mount} ${result.stderr}`);
      }
      const config = app.config({ auth: as('web'), secrets: { a: 'secret/a' } });
      const flag = await runCli(['render', '-c', config, '--auth-mount', 'auth/kubernetes']);
      assert.equal(flag.code, 0, flag.stderr);
    });
  });

  test('a namespace that does not exist, and the root namespace by its name', namespaces, async () => {
    await refused(
      { ...app.auth, namespace: 'nobody' },
      /namespace not found/,
      /the root namespace is called `root`/,
    );
    const empty = await login({ ...app.auth, namespace: '' });
    assert.equal(empty.code, 3);
    assert.match(failuresOf(empty)[0]?.hint ?? '', /the root namespace is called `root`/);
    assert.equal((await login({ ...app.auth, namespace: 'root' })).code, 0);
    await app.server.api.post('sys/namespaces/team', {});
    const config = app.config({
      auth: { ...app.auth, namespace: 'root' },
      secrets: { a: { path: 'secret/a', namespace: 'root' } },
    });
    const result = await runCli(['render', '-c', config, '--namespace', 'team']);
    assert.equal(result.code, 0, result.stderr);
  });

  test('a token that is not accepted is named by where it came from', async () => {
    const token = 's.unknown';
    const token_file = app.workspace.write('token', token);
    app.workspace.write('home/.vault-token', token);
    const HOME = app.workspace.path('home');
    const cases: readonly (readonly [from: string, auth: TestConfig, env?: Record<string, string>])[] = [
      ['$BAO_TOKEN', { method: 'token' }, { BAO_TOKEN: token, VAULT_TOKEN: 'other' }],
      ['$VAULT_TOKEN', { method: 'token' }, { VAULT_TOKEN: token }],
      ['$APP_TOKEN', { method: 'token', token_env: 'APP_TOKEN' }, { APP_TOKEN: token }],
      [token_file, { method: 'token', token_file }],
      ['auth.token', { method: 'token', token }],
      ['~/.vault-token', { method: 'token' }, { HOME }],
    ];
    for (const [from, auth, env] of cases) {
      for (const secret of ['secret/a', { path: 'secret/data/a', engine: 'raw' }]) {
        const result = await login(auth, env, { a: secret });
        assert.equal(result.code, 4, result.stderr);
        const message = failuresOf(result)[0]?.message ?? '';
        assert.ok(message.startsWith(`the server does not accept the token from ${from} for s`), message);
      }
    }
  });

  test('a wrapping token that is used as it is', async () => {
    const wrapping = async (): Promise<string> => {
      const response = await fetch(`${app.server.address}/v1/sys/wrapping/wrap`, {
        method: 'POST',
        headers: { 'X-Vault-Token': app.server.rootToken, 'X-Vault-Wrap-TTL': '60s' },
        body: JSON.stringify({ token: 'inside' }),
      });
      return ((await response.json()) as { wrap_info: { token: string } }).wrap_info.token;
    };
    for (const secrets of [{ a: 'secret/a' }, { a: 'secret/a', b: 'secret/b' }]) {
      const result = await login({ method: 'token', token: await wrapping() }, {}, secrets);
      const hints = failuresOf(result).map(({ hint = '' }) => hint);
      assert.ok(
        hints.some((hint) => hint.includes('set `wrapped: true` in auth')),
        result.stderr,
      );
      assert.ok(!hints.some((hint) => hint.includes('capabilities')), result.stderr);
    }
    const config = app.config({
      auth: { method: 'token', token: await wrapping() },
      secrets: { a: 'secret/a' },
    });
    const online = await runCli(['check', '--online', '-c', config]);
    assert.match(failuresOf(online)[0]?.hint ?? '', /set `wrapped: true` in auth/);

    const { auth } = await app.server.api.post('auth/token/create', { policies: ['default'] });
    const denied = await login({ method: 'token', token: auth?.client_token });
    assert.equal(denied.code, 5, denied.stderr);
    assert.match(
      failuresOf(denied)[0]?.hint ?? '',
      /no policy of the token allows anything there, or nothing is mounted/,
    );
    await app.server.revokeTokens();
  });
});

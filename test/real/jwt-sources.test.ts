import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, type CliResult } from '../support/cli.ts';
import { jobToken, trustJobs } from '../support/job.ts';
import { needsPlugins } from '../support/needs.ts';
import { startStandIn, type Answer, type StandIn } from '../support/stand-in.ts';

/** Identity tokens of CI systems, which a real server checks. */
describe('jwt from a CI system', await needsPlugins('auth/jwt'), () => {
  let app: TestApp;
  const jwt = jobToken();

  before(async () => {
    app = await startApp();
    await app.putKv2('a', { key: 'value' });
    await trustJobs(app);
  });
  after(() => app.stop());

  const render = (
    auth: TestConfig | readonly TestConfig[],
    env: Record<string, string> = {},
  ): Promise<CliResult> =>
    app.render(
      { auth, secrets: { a: 'secret/a' }, outputs: [{ path: 'a.txt', contents: '{{a.key}}' }] },
      ['--log-level', 'debug'],
      { env },
    );

  const succeeds = async (auth: TestConfig, env: Record<string, string>): Promise<void> => {
    const result = await render(auth, env);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  };

  const withService = async (
    answer: (nth: number) => Answer,
    work: (service: StandIn) => Promise<void>,
  ): Promise<void> => {
    const service = await startStandIn({ answer: (_request, nth) => answer(nth) });
    try {
      await work(service);
    } finally {
      await service.stop();
    }
  };

  const github = (service: StandIn): Record<string, string> => ({
    GITHUB_ACTIONS: 'true',
    ACTIONS_ID_TOKEN_REQUEST_URL: `${service.address}/token?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-token',
  });

  test('GitHub Actions: audience and bearer are sent; a service that is down for a moment is asked again', async () => {
    await withService(
      (nth) => (nth === 1 ? { status: 503 } : { status: 200, body: { value: jwt } }),
      async (service) => {
        await succeeds(
          { method: 'jwt', role: 'ci', source: 'github-actions', audience: 'https://a b' },
          github(service),
        );
        assert.equal(service.seen.length, 2);
        const [, { path, headers, method } = service.seen[0]!] = service.seen;
        assert.equal(method, 'GET');
        assert.match(path, /\?api-version=2\.0&audience=https%3A%2F%2Fa%20b$/);
        assert.equal(headers['authorization'], 'bearer runner-token');
        assert.equal(headers['x-vault-token'], undefined);
      },
    );
  });

  test('GitHub Actions: no permission, a refusal, no token, junk, a service that is not there', async () => {
    const auth = { method: 'jwt', role: 'ci', source: 'github-actions' };
    const forbidden = await render(auth, { GITHUB_ACTIONS: 'true' });
    assert.equal(forbidden.code, 3);
    assert.match(failuresOf(forbidden)[0]?.hint ?? '', /id-token: write/);
    for (const answer of [
      { status: 403, body: { message: 'no' } },
      { status: 200, body: {} },
      { status: 200, text: '<html>' },
    ]) {
      await withService(
        () => answer,
        async (service) => {
          const result = await render(auth, github(service));
          assert.equal(result.code, 4, result.stderr);
          assert.equal(service.seen.length, 1, 'it is not asked again');
          assert.doesNotMatch(result.stderr, /runner-token/);
        },
      );
    }
    const down = await render(auth, {
      GITHUB_ACTIONS: 'true',
      ACTIONS_ID_TOKEN_REQUEST_URL: 'http://127.0.0.1:1/?x',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'runner-token',
    });
    assert.equal(down.code, 9);
    assert.match(failuresOf(down)[0]?.message ?? '', /token service cannot be reached \(ECONNREFUSED\)/);
  });

  test('Azure Pipelines: a POST with the API version and the service connection', async () => {
    await withService(
      () => ({ status: 200, body: { oidcToken: jwt } }),
      async (service) => {
        const auth = { method: 'jwt', role: 'ci', source: 'azure-pipelines', service_connection_id: 'c 1' };
        const url = { SYSTEM_OIDCREQUESTURI: `${service.address}/oidctoken` };
        await succeeds(auth, { ...url, SYSTEM_ACCESSTOKEN: 'job-token' });
        const [{ method, path, headers } = service.seen[0]!] = service.seen;
        assert.equal(method, 'POST');
        assert.match(path, /oidctoken\?api-version=7\.1-preview\.1&serviceConnectionId=c\+1$/);
        assert.equal(headers['authorization'], 'bearer job-token');
        const unmapped = await render(auth, url);
        assert.equal(unmapped.code, 3);
        assert.match(failuresOf(unmapped)[0]?.hint ?? '', /System\.AccessToken/);
      },
    );
  });

  test('GitLab, CircleCI and Bitbucket: their variables', async () => {
    const auth = (source: string): TestConfig => ({ method: 'jwt', role: 'ci', source });
    await succeeds(auth('gitlab'), { VAULT_ID_TOKEN: jwt });
    const ofGitlab = {
      VAULT_ID_TOKEN: jwt,
      VAULT_SERVER_URL: app.server.address,
      VAULT_AUTH_ROLE: 'ci',
      VAULT_AUTH_PATH: 'jwt',
    };
    const elsewhere = { method: 'jwt', role: 'other', mount: 'other', source: 'gitlab' };
    const inGitlab = await app.render(
      { vault: {}, auth: elsewhere, secrets: { a: 'secret/a' }, outputs: [{ path: 'a', value: 'a#key' }] },
      [],
      { env: ofGitlab },
    );
    assert.equal(inGitlab.code, 0, inGitlab.stderr);
    await succeeds(auth('circleci'), { CIRCLE_OIDC_TOKEN: 'older', CIRCLE_OIDC_TOKEN_V2: jwt });
    await succeeds(auth('circleci'), { CIRCLE_OIDC_TOKEN: jwt, CIRCLE_OIDC_TOKEN_V2: '' });
    await succeeds(auth('bitbucket'), { BITBUCKET_STEP_OIDC_TOKEN: jwt });
    const unset = await render(auth('gitlab'));
    assert.equal(unset.code, 3);
    assert.match(failuresOf(unset)[0]?.hint ?? '', /id_tokens/);
    const ofFork = await render(auth('circleci'));
    assert.equal(ofFork.code, 3);
    assert.match(failuresOf(ofFork)[0]?.hint ?? '', /a build of a fork/);
  });

  test('Buildkite: the agent is asked, with the audience', async () => {
    const calls = app.workspace.path('agent-calls');
    const agent = app.workspace.write(
      'bin/buildkite-agent',
      `#!/bin/sh\necho "$@" >> ${calls}\n[ -z "$AGENT_FAILS" ] || { echo secret-of-the-agent >&2; exit 7; }\necho ${jwt}\n`,
      0o755,
    );
    const env = {
      BUILDKITE: 'true',
      PATH: `${agent.replace('/buildkite-agent', '')}:${process.env['PATH'] ?? ''}`,
    };
    const auth = { method: 'jwt', role: 'ci', source: 'buildkite' };
    await succeeds(auth, env);
    await succeeds({ ...auth, audience: 'own' }, env);
    assert.equal(
      app.workspace.read('agent-calls'),
      'oidc request-token --audience vault\noidc request-token --audience own\n',
    );
    const failed = await render(auth, { ...env, AGENT_FAILS: 'yes' });
    assert.equal(failed.code, 4);
    assert.match(failuresOf(failed)[0]?.message ?? '', /status 7/);
    assert.doesNotMatch(failed.stderr, /secret-of-the-agent/);
    assert.equal((await render(auth, { BUILDKITE: 'true', PATH: '/nonexistent' })).code, 4);
  });

  test('an option that the system has no place for is refused', async () => {
    for (const wrong of [
      { source: 'gitlab', audience: 'x' },
      { source: 'github-actions', service_connection_id: 'x' },
      { jwt_env: 'JWT', audience: 'x' },
      { source: 'github-actions', jwt_env: 'JWT' },
      { source: 'travis' },
    ]) {
      assert.equal((await render({ method: 'jwt', role: 'ci', ...wrong })).code, 3, JSON.stringify(wrong));
    }
  });

  test('a list: the first method whose credentials are here; a refusal is final', async () => {
    const list = [
      { method: 'kubernetes', role: 'web', token_file: app.workspace.path('no-service-account') },
      { method: 'jwt', role: 'ci', source: 'github-actions' },
      { method: 'jwt', role: 'ci', source: 'gitlab' },
      app.auth,
    ];
    const methodOf = ({ stderr }: CliResult): unknown =>
      stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { event: string; method?: string })
        .find(({ event }) => event === 'logged_in')?.method;
    const onLaptop = await render(list);
    assert.equal(onLaptop.code, 0, onLaptop.stderr);
    assert.equal(methodOf(onLaptop), 'approle');
    const inGitlab = await render(list, { VAULT_ID_TOKEN: jwt });
    assert.equal(inGitlab.code, 0, inGitlab.stderr);
    assert.equal(methodOf(inGitlab), 'jwt');
    assert.equal((await render(list, { VAULT_ID_TOKEN: 'not.a.jwt' })).code, 4, 'a refusal is final');
    assert.equal((await render(list, { VAULT_ID_TOKEN: '' })).code, 3, 'an empty variable is a mistake');

    const nowhere = await render(list.slice(0, 3));
    assert.equal(nowhere.code, 3);
    assert.equal(failuresOf(nowhere).length, 3, 'what each of them lacks');
    assert.equal((await render([])).code, 3);
    const misspelt = await render([{ method: 'kubernets', role: 'web' }]);
    assert.equal(misspelt.code, 3);
    assert.match(failuresOf(misspelt)[0]?.message ?? '', /auth\[0\]\.method/);
  });
});

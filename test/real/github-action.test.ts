import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { load } from 'js-yaml';
import { thisMachine } from '../../.config/targets.ts';
import { startApp, type TestApp } from '../support/app.ts';
import type { Variables } from '../support/ci-readers.ts';
import { ACTION, releaseAction, type ReleasedAction } from '../support/github-action.ts';
import { runSteps, type JobOptions, type Step, type WorkflowResult } from '../support/github-runner.ts';
import { createJob, jobToken, trustJobs, type Job } from '../support/job.ts';
import { tableRows } from '../support/markdown.ts';
import { needsPlugins } from '../support/needs.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const CANARY = 'canary';
const PASSWORD = `${CANARY}'s "$HOME" 50%\nghadelimiter\n`;
const TARGET = thisMachine();
const SECRETS = 'secret/data/ci/registry username | USER ;\nsecret/data/ci/registry password';

/** The action as its tag has it, run as the runner runs it: against a real server, and a release that is downloaded. */
describe('the GitHub Action', await needsPlugins('auth/jwt'), () => {
  let app: TestApp;
  let secure: TestApp;
  let tokens: StandIn;
  let workspace: Workspace;
  let published: Workspace;
  let action: ReleasedAction;
  let job: Job;
  before(async () => {
    app = await startApp();
    secure = await startApp({ tls: true });
    for (const one of [app, secure]) {
      await trustJobs(one);
      await one.putKv2('ci/registry', { username: 'publisher', password: PASSWORD });
    }
    tokens = await startStandIn({ answer: () => ({ status: 200, body: { value: jobToken() } }) });
    workspace = createWorkspace();
    published = createWorkspace();
  });
  beforeEach(async () => {
    action = await releaseAction(published);
    job = createJob(workspace, 'ci/github-action', '.');
  });
  afterEach(() => action.stop());
  after(async () => {
    for (const one of [workspace, published]) one.remove();
    await tokens.stop();
    await secure.stop();
    await app.stop();
  });

  const options = (): JobOptions => ({
    env: {},
    identity: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${tokens.address}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
    },
    actions: action.actions,
  });
  const JWT = { role: 'ci', jwtGithubAudience: 'vault' };
  const run = (
    inputs: Variables,
    more: Partial<JobOptions> = {},
    ...then: readonly Step[]
  ): Promise<WorkflowResult> =>
    runSteps(job, [{ id: 'secrets', uses: ACTION, with: { url: app.server.address, ...inputs } }, ...then], {
      ...options(),
      ...more,
    });
  const fetch = (inputs: Variables = {}, ...then: readonly Step[]): Promise<WorkflowResult> =>
    run({ ...JWT, secrets: SECRETS, ...inputs }, {}, ...then);
  const succeeds = ({ code, log }: WorkflowResult): void => {
    assert.equal(code, 0, log);
    assert.ok(!log.includes(CANARY), 'the log shows the password');
  };
  /** One annotation says why, and nothing was set. */
  const fails = ({ code, log, raw, env }: WorkflowResult, expected: number, reason: RegExp): void => {
    assert.equal(code, expected, log);
    const annotations = raw.match(/^::error .*$/gm) ?? [];
    assert.equal(annotations.length, 1, raw);
    assert.match(raw, reason);
    assert.ok(!raw.includes(CANARY), raw);
    assert.deepEqual(env, {});
  };

  test('masks, then sets variables and outputs, and leaves no token', async () => {
    const publish = {
      run: 'printf "%s|%s" "$USER" "$PASSWORD" > published; printf "%s|%s" "$OUT_USER" "$OUT" >> published; echo "$PASSWORD"',
      // Names of outputs ignore case: vault-action has them as the keys are written.
      env: {
        OUT_USER: '${{ steps.secrets.outputs.USER }}',
        OUT: '${{ steps.secrets.outputs.password }}',
      },
    };
    const result = await fetch({}, publish);
    succeeds(result);
    assert.deepEqual(result.env, { USER: 'publisher', PASSWORD });
    assert.equal(job.workspace.read('repository/published'), `publisher|${PASSWORD}`.repeat(2));
    const masks = result.raw.lastIndexOf('::add-mask::');
    assert.ok(
      masks >= 0 && masks < result.raw.indexOf('2 variables for $GITHUB_ENV and $GITHUB_OUTPUT'),
      result.raw,
    );
    assert.equal(await app.server.tokensLeft(), 0);
    assert.equal(new URL(`http://x${tokens.seen.at(-1)?.path ?? ''}`).searchParams.get('audience'), 'vault');
  });

  test('exportEnv: false sets outputs alone; any other word is refused', async () => {
    const result = await fetch(
      { exportEnv: 'false' },
      { run: 'test "$A" = publisher', env: { A: '${{ steps.secrets.outputs.USER }}' } },
    );
    succeeds(result);
    assert.deepEqual(result.env, {});
    fails(await fetch({ exportEnv: 'yes' }), 2, /the input `exportEnv` is neither true nor false/);
  });

  test('a config by its path or as its text, with `secrets` beside it, and its own login', async () => {
    const text = [
      'auth: { method: jwt, role: ci, source: github-actions, audience: vault }',
      'environment: { NAME: secret/ci/registry#username }',
    ].join('\n');
    const file = job.workspace.write('repository/ci.yaml', text);
    for (const config of [
      text,
      file,
      JSON.stringify({ environment: { NAME: 'secret/ci/registry#username' } }),
    ]) {
      const login: Variables = config.startsWith('{') ? JWT : {};
      const result = await run({ config, secrets: 'ALSO=secret/ci/registry#username', ...login });
      succeeds(result);
      assert.deepEqual(result.env, { NAME: 'publisher', ALSO: 'publisher' });
    }
  });

  test('logs in with approle and with a token, which are masked, and never flags', async () => {
    const { role_id: roleId = '', secret_id: secretId = '' } = app.auth as Record<string, string>;
    const byRole = await run({ method: 'approle', roleId, secretId, secrets: SECRETS });
    succeeds(byRole);
    assert.ok(byRole.raw.startsWith(`::add-mask::${secretId}\n`));
    const { rootToken: token } = app.server;
    const byToken = await run({ token, secrets: SECRETS });
    succeeds(byToken);
    assert.ok(byToken.raw.startsWith(`::add-mask::${token}\n`));
    // What it starts is given the names of variables.
    const shows = job.workspace.write('shows', '#!/bin/sh\necho "$@"\n', 0o755);
    const { raw } = await run({ token, secrets: SECRETS, command: shows });
    assert.match(raw, /--auth token --set auth\.token_env=INPUT_TOKEN/);
  });

  test('a CA as PEM or as the base64 of it; neither is refused', async () => {
    const pem = readFileSync(secure.server.certificates.caFile, 'utf8');
    const url = secure.server.tlsAddress;
    for (const caCertificate of [pem, Buffer.from(pem).toString('base64')])
      succeeds(await fetch({ url, caCertificate }));
    succeeds(await fetch({ url, tlsSkipVerify: 'true' }));
    assert.equal((await fetch({ url })).code, 9);
    fails(await fetch({ url, caCertificate: CANARY }), 2, /neither PEM nor the base64/);
  });

  describe('the program', () => {
    const kept = (): string => job.workspace.path(`tool-cache/vaultonce/0.0.1/${TARGET}/vaultonce`);

    test('is downloaded once, and downloaded again where what was kept is another one', async () => {
      succeeds(await fetch());
      const again = await fetch();
      succeeds(again);
      assert.deepEqual(action.asked, [`/v0.0.1/vaultonce-${TARGET}`]);
      assert.doesNotMatch(again.log, /downloaded/);
      writeFileSync(kept(), '#!/bin/sh\nexit 0\n');
      const replaced = await fetch();
      succeeds(replaced);
      assert.deepEqual(replaced.env, { USER: 'publisher', PASSWORD });
      assert.equal(action.asked.length, 2);
    });

    test('is kept in the temporary directory where there is no tool cache that can be written to', async () => {
      const RUNNER_TOOL_CACHE = job.workspace.write('file', '');
      succeeds(await run({ ...JWT, secrets: SECRETS }, { env: { RUNNER_TOOL_CACHE } }));
      assert.ok(job.workspace.list(`runner-temp/vaultonce/0.0.1/${TARGET}`).includes('vaultonce'));
      const nowhere = { RUNNER_TOOL_CACHE, RUNNER_TEMP: '' };
      fails(await run({ ...JWT, secrets: SECRETS }, { env: nowhere }), 8, /cannot be kept \(.*ENOTDIR\)/);
    });

    test('comes from where the release redirects to', async () => {
      action.instead = { status: 302, location: `/moved/vaultonce-${TARGET}` };
      succeeds(await fetch());
      action.instead = { status: 302, location: `/v0.0.1/vaultonce-${TARGET}` };
      rmSync(kept());
      fails(await fetch(), 9, /cannot be downloaded \(status 302\)/);
    });

    test('comes through the proxy that the environment names', async () => {
      const pin = join(action.directory, 'release.json');
      const { url } = JSON.parse(readFileSync(pin, 'utf8')) as { readonly url: string };
      const elsewhere = 'http://release.example.com/v0.0.1';
      writeFileSync(pin, readFileSync(pin, 'utf8').replace(url, elsewhere));
      const env = { HTTP_PROXY: new URL(url).origin, NO_PROXY: '127.0.0.1,localhost' };
      succeeds(await run({ ...JWT, secrets: SECRETS }, { env }));
      assert.deepEqual(action.asked, [`${elsewhere}/vaultonce-${TARGET}`]);
    });

    test('10: is not run with another checksum, and not kept', async () => {
      action.instead = { status: 200, body: '#!/bin/sh\ntouch ran\n' };
      fails(
        await fetch(),
        10,
        /is not what was released: its SHA-256 is [0-9a-f]{64}, not [0-9a-f]{64}; nothing/,
      );
      assert.ok(!job.workspace.list('repository').includes('ran'));
      assert.ok(!job.workspace.list('.').includes('tool-cache'));
    });

    test('9: is not there; an outage is tried again', async () => {
      action.instead = { status: 404 };
      fails(await fetch(), 9, /cannot be downloaded \(status 404\); `command` names an installed program/);
      assert.equal(action.asked.length, 1);
      action.instead = { status: 503 };
      fails(await fetch(), 9, /status 503/);
      assert.equal(action.asked.length, 4);
    });

    test('3: for another platform, or without a pin', async () => {
      const pin = join(action.directory, 'release.json');
      writeFileSync(pin, readFileSync(pin, 'utf8').replace(`"${TARGET}"`, '"plan9-x64"'));
      fails(await fetch(), 3, new RegExp(`there is no program for ${TARGET}, only for plan9-x64`));
      rmSync(pin);
      fails(await fetch(), 3, /this copy of the action pins no release: .*`vaultonce\/vaultonce@action-v0`/);
      assert.deepEqual(action.asked, []);
      // Whoever has it installed needs no pin.
      succeeds(await fetch({ command: 'vaultonce' }));
      fails(await fetch({ command: '/nonexistent/vaultonce' }), 127, /does not exist \(ENOENT\)/);
      fails(await fetch({ command: job.workspace.write('plain', '') }), 126, /cannot be executed \(EACCES\)/);
    });
  });

  test('what is wrong with inputs is said by name, and quotes nothing', async () => {
    const hidden = `hvs.${CANARY}`;
    fails(await run(JWT), 2, /`secrets` and `config` are both empty: there is nothing to fetch/);
    fails(
      await fetch({ secrets: `${SECRETS};\n\n${hidden}` }),
      2,
      /--env-lines, line 4: the text does not declare/,
    );
    fails(await run({ ...JWT, config: `just words ${hidden}` }), 3, /config/);
    fails(await run({ ...JWT, config: `[: ${hidden}\n` }), 3, /-:1: invalid YAML/);
    for (const name of ['authPayload', 'clientKey', 'exportToken', 'extraHeaders', 'ignoreNotFound'])
      fails(await fetch({ [name]: hidden }), 2, new RegExp(`the input \`${name}\` has no counterpart: \\w`));
    succeeds(await fetch({ exportToken: 'false' }));
  });

  test('the README has every input, and what differs from vault-action', async () => {
    const text = readFileSync(join(action.directory, 'README.md'), 'utf8');
    const inputs = tableRows(text.slice(0, text.indexOf('\n## Secrets'))).map(([names = '']) => names);
    const { inputs: declared } = load(readFileSync(join(action.directory, 'action.yml'), 'utf8')) as {
      readonly inputs: object;
    };
    assert.deepEqual(inputs.join(', ').match(/\w+/g), ['Input', ...Object.keys(declared)]);
    const others = tableRows(text.slice(text.indexOf('\n## From vault-action')))
      .flatMap(([names = '']) => (/^\w+(?:, \w+)*$/.test(names) ? names.split(', ') : []))
      .filter((name) => !(name in declared));
    assert.ok(others.length > 10);
    for (const name of others)
      fails(await fetch({ [name]: 'x' }), 2, new RegExp(`the input \`${name}\` has no counterpart`));
  });

  test('a failed run sets nothing, and the step has its exit code', async () => {
    fails(await fetch({ role: 'other' }), 4, /vaultonce has failed with exit code 4/);
    fails(await fetch({ secrets: 'secret/ci/registry none' }), 6, /has no key `none`/);
    const denied = await run({ ...JWT, secrets: SECRETS }, { identity: {} });
    fails(denied, 3, /id-token: write/);
  });

  test('a cancelled job is passed on to the program', async () => {
    const command = job.workspace.write(
      'waits',
      '#!/bin/sh\ntrap "echo told; exit 143" TERM\nkill -TERM $PPID\nwhile :; do sleep 0.1; done\n',
      0o755,
    );
    const result = await fetch({ command });
    assert.match(result.log, /^told$/m);
    fails(result, 143, /exit code 143/);
  });
});

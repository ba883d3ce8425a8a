import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { load } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { readAzureCommands, type Variables } from '../support/ci-readers.ts';
import { releaseAction, type ReleasedAction } from '../support/github-action.ts';
import { runWorkflow } from '../support/github-runner.ts';
import { createJob, jobToken, trustJobs, type Env, type Job, type StepResult } from '../support/job.ts';
import { needsPlugins } from '../support/needs.ts';
import { startStandIn, type StandIn } from '../support/stand-in.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const PASSWORD = `it's "$HOME" 50% \\n`;
/** What jobs run with the variables; it shows more than it should. */
const PUBLISH = '#!/bin/sh\nprintf "%s:%s" "$REGISTRY_USER" "$REGISTRY_PASSWORD" > published\n';
const SHOWS = `${PUBLISH}printf 'as %s with %s\\n' "$REGISTRY_USER" "$REGISTRY_PASSWORD"\n`;

/** The very files of `examples/`, run as their systems run them, with a real server. */
describe('the examples of CI systems', await needsPlugins('auth/jwt'), () => {
  let app: TestApp;
  let workspace: Workspace;
  before(async () => {
    app = await startApp();
    workspace = createWorkspace();
    await trustJobs(app);
    await app.putKv2('ci/registry', { username: 'publisher', password: PASSWORD });
    await app.putKv2('ci/signing', { key: 'Zmlyc3Q=' });
    await app.putKv2('ci/signing', { key: Buffer.from('signing key').toString('base64') });
  });
  beforeEach(() => {
    app.server.takeAudit();
  });
  after(() => {
    workspace.remove();
    return app.stop();
  });

  const parsed = (job: Job, file: string): unknown => load(readFileSync(join(job.directory, file), 'utf8'));
  const addProgram = (name: string, script: string): void => {
    workspace.write(`repository/${name}`, script, 0o755);
  };
  const published = (): string => workspace.read('repository/published');
  const server = (): Env => ({ VAULT_ADDR: app.server.address });
  const succeeds = ({ code, log }: StepResult): void => {
    assert.equal(code, 0, log);
  };
  /** The values have arrived, no log shows them, and no token is left. */
  const arrived = async (log: string): Promise<void> => {
    assert.equal(published(), `publisher:${PASSWORD}`);
    assert.ok(!log.includes(PASSWORD), 'the log shows the password');
    assert.equal(await app.server.tokensLeft(), 0);
  };

  /** A token service of a CI system; the last request it has seen is for the test to look at. */
  const withTokens = async (field: string, work: (service: StandIn) => Promise<void>): Promise<void> => {
    const service = await startStandIn({
      answer: ({ headers }) =>
        headers.authorization === 'bearer request-token'
          ? { status: 200, body: { [field]: jobToken() } }
          : { status: 401, body: {} },
    });
    try {
      await work(service);
    } finally {
      await service.stop();
    }
  };

  describe('GitHub Actions', () => {
    const identity = (service: StandIn): Env => ({
      ACTIONS_ID_TOKEN_REQUEST_URL: `${service.address}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-token',
    });
    const FILE = 'examples/ci/github-action/workflow.yml';
    let action: ReleasedAction;
    let published: Workspace;
    before(async () => {
      published = createWorkspace();
      action = await releaseAction(published);
    });
    after(async () => {
      await action.stop();
      published.remove();
    });
    const released = (): Pick<ReleasedAction, 'actions'> => ({ actions: action.actions });

    test('the action masks, and sets variables for later steps', () =>
      withTokens('value', async (service) => {
        const job = createJob(workspace, 'ci/github-action', 'examples/ci/github-action');
        addProgram('publish.sh', SHOWS);
        const options = {
          file: FILE,
          job: 'variables',
          env: server(),
          identity: identity(service),
          ...released(),
        };
        const result = await runWorkflow(job, options);
        assert.equal(result.code, 0, result.log);
        assert.deepEqual(result.env, { REGISTRY_USER: 'publisher', REGISTRY_PASSWORD: PASSWORD });
        assert.match(result.log, /^as \*\*\* with \*\*\*$/m);
        assert.equal(service.seen[0]?.path, '/token?api-version=2.0&audience=vault');
        await arrived(result.log);
      }));

    for (const name of ['outputs', 'without-action']) {
      test(`outputs reach the steps that ask for them: ${name}`, () =>
        withTokens('value', async (service) => {
          const job = createJob(workspace, 'ci/github-action', 'examples/ci/github-action');
          addProgram('publish.sh', SHOWS);
          const options = {
            file: FILE,
            job: name,
            env: server(),
            identity: identity(service),
            ...released(),
          };
          const result = await runWorkflow(job, options);
          assert.equal(result.code, 0, result.log);
          assert.deepEqual(result.env, {});
          await arrived(result.log);
        }));
    }

    test('without a token, or without the secret, the job ends there with nothing set', async () => {
      const job = createJob(workspace, 'ci/github-action', 'examples/ci/github-action');
      addProgram('publish.sh', PUBLISH);
      const options = { file: FILE, job: 'variables', env: server(), identity: {}, ...released() };
      const denied = await runWorkflow(job, options);
      assert.equal(denied.code, 3, denied.log);
      assert.match(denied.log, /id-token: write/);
      assert.deepEqual(denied.env, {});
      await withTokens('value', async (service) => {
        const text = job.workspace.read(`repository/${FILE}`).replace('password |', 'none |');
        job.workspace.write(`repository/${FILE}`, text);
        const missing = await runWorkflow(job, { ...options, identity: identity(service) });
        assert.equal(missing.code, 6, missing.log);
        assert.deepEqual(missing.env, {});
      });
      assert.ok(!workspace.list('repository').includes('published'));
    });

    test('templates are tested without a server', async () => {
      const job = createJob(workspace, 'templates', 'examples/templates');
      const file = 'examples/templates/workflow.yml';
      // The directory of the example, in a place of this test's own.
      const here = (text: string): string => text.replaceAll('/dev/shm/rendered', workspace.path('rendered'));
      workspace.write(`repository/${file}`, here(workspace.read(`repository/${file}`)));
      const run = (): ReturnType<typeof runWorkflow> =>
        runWorkflow(job, { file, job: 'templates', env: {}, identity: {} });
      const works = await run();
      assert.equal(works.code, 0, works.log);
      const template = workspace.read('repository/examples/templates/app.properties.mustache');
      workspace.write('repository/examples/templates/app.properties.mustache', `${template}more\n`);
      const differs = await run();
      assert.equal(differs.code, 1);
      assert.match(differs.log, /^> more$/m);
      workspace.write('repository/examples/templates/app.properties.mustache', '{{db.pasword}}\n');
      const broken = await run();
      assert.equal(broken.code, 6);
      assert.match(broken.log, /did you mean `password`/);
      assert.deepEqual(app.server.takeAudit(), []);
    });
  });

  test('GitLab: variables for the script, files in memory, a check without a server', async () => {
    interface Pipeline {
      readonly variables: Variables;
      readonly '.vault': { readonly id_tokens: Readonly<Record<string, { readonly aud: string }>> };
      readonly [job: string]: unknown;
    }
    const job = createJob(workspace, 'ci/gitlab', '.');
    addProgram('publish.sh', PUBLISH);
    addProgram('sign.sh', '#!/bin/sh\ncat "$1" > signed\n');
    const pipeline = parsed(job, 'gitlab-ci.yml') as Pipeline;
    const run = (name: string, more: Env = {}): Promise<StepResult> => {
      const { script, extends: base } = pipeline[name] as { script: string[]; extends?: string };
      const tokens = base === undefined ? {} : pipeline['.vault'].id_tokens;
      const identity = Object.entries(tokens).map(([variable, { aud }]) => [variable, jobToken(aud)]);
      const lines = script.map((line) => line.replaceAll('/dev/shm/ci', workspace.path('secrets')));
      return job.run(['sh', '-c', `set -e\n${lines.join('\n')}`], {
        ...job.env,
        ...pipeline.variables,
        ...server(),
        GITLAB_CI: 'true',
        SECRETS_DIRECTORY: workspace.path('secrets'),
        ...(Object.fromEntries(identity) as Env),
        ...more,
      });
    };
    const publish = await run('publish');
    succeeds(publish);
    await arrived(publish.log);
    succeeds(await run('sign'));
    assert.equal(workspace.read('repository/signed'), 'signing key');
    assert.ok(!workspace.read('repository/report.json').includes('signing key'));
    app.server.takeAudit();
    succeeds(await run('check'));
    assert.deepEqual(app.server.takeAudit(), []);
    // `eval` of a run that failed ends the job.
    workspace.write('repository/published', '');
    const refused = await run('publish', { VAULT_ID_TOKEN: jobToken('elsewhere') });
    assert.equal(refused.code, 4, refused.log);
    assert.equal(published(), '');
  });

  test('CircleCI: exports for later steps, and one command with its output redacted', async () => {
    interface Pipeline {
      readonly jobs: {
        readonly publish: {
          readonly environment: Variables;
          readonly steps: readonly (string | { readonly run: string | { readonly command: string } })[];
        };
      };
    }
    const job = createJob(workspace, 'ci/circleci', '.circleci');
    const { environment, steps } = (parsed(job, '.circleci/config.yml') as Pipeline).jobs.publish;
    const commands = steps.flatMap((step) => {
      if (typeof step === 'string') return [];
      return [typeof step.run === 'string' ? step.run : step.run.command];
    });
    assert.equal(commands.length, 3);
    const env = {
      ...job.env,
      ...environment,
      ...server(),
      CIRCLECI: 'true',
      CIRCLE_OIDC_TOKEN_V2: jobToken(),
      BASH_ENV: workspace.path('bash-env'),
    };
    for (const [index, command] of commands.entries()) {
      addProgram('publish.sh', index === 2 ? SHOWS : PUBLISH);
      workspace.write('repository/published', '');
      const result = await job.run(['bash', '-eo', 'pipefail', '-c', command], env);
      succeeds(result);
      if (index > 0) await arrived(result.log);
      // Only by itself: the variables of the first step are not what makes it work.
      if (index === 1) workspace.write('bash-env', '');
      if (index === 2) assert.match(result.log, /^as \*\*\* with \*\*\*$/m);
    }
  });

  test('Buildkite: the hook lets the agent redact, and sets variables for the command', async () => {
    interface Pipeline {
      readonly env: Variables;
      readonly steps: readonly { readonly command: string }[];
    }
    const job = createJob(workspace, 'ci/buildkite', '.buildkite');
    addProgram('publish.sh', PUBLISH);
    job.install(
      'buildkite-agent',
      `#!/bin/sh
      case "$*" in
        "oidc request-token --audience vault") printf '%s\\n' "$TOKEN_OF_AGENT" ;;
        "redactor add --format json") cat > "${workspace.path('redacted')}" ;;
        "env set --input-format=json -") cat > "${workspace.path('job-env')}" ;;
        *) exit 1 ;;
      esac`,
    );
    const pipeline = parsed(job, '.buildkite/pipeline.yml') as Pipeline;
    const env = {
      ...job.env,
      ...pipeline.env,
      ...server(),
      BUILDKITE: 'true',
      TOKEN_OF_AGENT: jobToken(),
    };
    const hook = await job.run([join(job.directory, '.buildkite/hooks/pre-command')], env);
    succeeds(hook);
    assert.ok(Object.values(JSON.parse(workspace.read('redacted')) as Variables).includes(PASSWORD));
    const set = JSON.parse(workspace.read('job-env')) as Variables;
    const command = await job.run(['bash', '-e', '-c', pipeline.steps[0]?.command ?? ''], { ...env, ...set });
    succeeds(command);
    await arrived(hook.log + command.log);
    const failed = await job.run([join(job.directory, '.buildkite/hooks/pre-command')], {
      ...env,
      TOKEN_OF_AGENT: jobToken('elsewhere'),
    });
    assert.equal(failed.code, 4, failed.log);
  });

  test('Azure Pipelines: secret variables, which a step gets that names them', () =>
    withTokens('oidcToken', async (service) => {
      interface Pipeline {
        readonly variables: Variables;
        readonly steps: readonly { readonly bash: string; readonly env: Variables }[];
      }
      const job = createJob(workspace, 'ci/azure-pipelines', '.');
      addProgram('publish.sh', PUBLISH);
      const pipeline = parsed(job, 'azure-pipelines.yml') as Pipeline;
      const secrets: Record<string, string> = { 'System.AccessToken': 'request-token' };
      const logs: string[] = [];
      for (const { bash, env } of pipeline.steps) {
        const own = Object.entries(env).map(([name, value]) => [
          name,
          value.replaceAll(/\$\(([\w.]+)\)/g, (macro, variable: string) => secrets[variable] ?? macro),
        ]);
        const result = await job.run(['bash', '--noprofile', '--norc', '-c', bash], {
          ...job.env,
          ...pipeline.variables,
          ...server(),
          TF_BUILD: 'True',
          SYSTEM_OIDCREQUESTURI: `${service.address}/oidctoken`,
          ...(Object.fromEntries(own) as Env),
        });
        succeeds(result);
        // The agent takes its commands out of the log.
        logs.push(result.log.replaceAll(/^##vso\[.*\n/gm, ''));
        Object.assign(secrets, readAzureCommands(result.log).env);
      }
      await arrived(logs.join(''));
    }));

  test('Jenkins: one command redacted, several with a file; a shell that traces shows nothing', async () => {
    const job = createJob(workspace, 'ci/jenkins', '.');
    addProgram('login.sh', '#!/bin/sh\ntest -n "$REGISTRY_PASSWORD"\n');
    const pipeline = workspace.read('repository/Jenkinsfile');
    const fixed = [...pipeline.matchAll(/^ +(\w+) = '(.*)'$/gm)].map(([, name, value]) => [name, value]);
    const [, bound = '', id] = /^ +(\w+) = credentials\('(.+)'\)$/m.exec(pipeline) ?? [];
    assert.equal(id, 'vaultonce-secret-id');
    const env = {
      ...job.env,
      ...(Object.fromEntries(fixed) as Env),
      ...server(),
      VAULTONCE_ROLE_ID: String(app.auth['role_id']),
      [bound]: String(app.auth['secret_id']),
      JENKINS_URL: 'https://jenkins.example.com/',
      BUILD_TAG: `vaultonce-test-${String(process.pid)}`,
    };
    const blocks = [...pipeline.matchAll(/\bsh (?:'''(.*?)'''|'(.*?)')/gs)].map(([, long, short]) =>
      (long ?? short ?? '').replaceAll('/dev/shm/', `${workspace.root}/`),
    );
    assert.equal(blocks.length, 3);
    for (const [index, block] of blocks.entries()) {
      addProgram('publish.sh', index === 0 ? SHOWS : PUBLISH);
      if (index < 2) workspace.write('repository/published', '');
      const result = await job.run(['sh', '-xe', workspace.write('script.sh', block)], env);
      succeeds(result);
      await arrived(result.log);
      if (index === 0) assert.match(result.log, /^as \*\*\* with \*\*\*$/m);
    }
    assert.ok(blocks[1]?.includes(`"${workspace.root}/$BUILD_TAG.env"`), 'it was in memory');
    assert.ok(!existsSync(workspace.path(`${env.BUILD_TAG}.env`)), 'the file is gone');
  });
});

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { runCli } from '../support/cli.ts';
import { parseCompose, placed, withRightsOf } from '../support/compose.ts';
import { installed } from '../support/format-readers.ts';
import { createJob, type Env, type StepResult } from '../support/job.ts';
import { needsRoot } from '../support/needs.ts';

const root = join(import.meta.dirname, '../..');
const example = (name: string): string => join(root, 'examples', name);

describe('the examples', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
  });
  after(() => app.stop());

  /** With the role_id of this server, where the example has one of its own. */
  const withRoleId = (config: string): string => {
    assert.match(config, /role_id: [0-9a-f-]{36}$/m);
    return config.replace(/(role_id: )[0-9a-f-]{36}/, `$1${String(app.auth['role_id'])}`);
  };

  test('the demo shows files, requests and no token left, and cleans up after itself', () => {
    const output = execFileSync(process.execPath, [example('demo/demo.ts')], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.match(output, /--- 0440 \S+\/app\.properties/);
    assert.match(output, /db\.password=it's a \\= secret/);
    assert.match(output, /audit log: 15\n/);
    assert.match(output, /Tokens left behind: 0\n$/);
    const directory = /--- 0440 (\S+)\/secrets\/app\.properties/.exec(output)?.[1] ?? '';
    assert.equal(spawnSync('ls', [directory]).status, 2, 'its directory is gone');
  });

  test('kubernetes: the config in the manifest is valid, and its output is below a memory volume', async () => {
    interface Manifest {
      readonly kind: string;
      readonly data?: Readonly<Record<string, string>>;
      readonly spec?: {
        readonly template: {
          readonly spec: { readonly volumes: readonly { emptyDir?: { medium: string } }[] };
        };
      };
    }
    const manifests = loadAll(readFileSync(example('kubernetes/deployment.yaml'), 'utf8')) as Manifest[];
    const data = manifests.find(({ kind }) => kind === 'ConfigMap')?.data ?? {};
    for (const [name, content] of Object.entries(data)) app.workspace.write(`kubernetes/${name}`, content);
    const result = await runCli(['check', '--json', '-c', app.workspace.path('kubernetes/vaultonce.yaml')]);
    assert.equal(result.code, 0, result.stderr);
    const plan = JSON.parse(result.stdout) as { outputs: { path: string }[] };
    for (const { path } of plan.outputs) assert.match(path, /^\/vault\/secrets\//);
    const deployment = manifests.find(({ kind }) => kind === 'Deployment');
    assert.ok(deployment?.spec?.template.spec.volumes.some(({ emptyDir }) => emptyDir?.medium === 'Memory'));
  });

  test('systemd: the unit is valid, and its commands start the application with its secrets', async () => {
    await app.putKv2('app/db', { username: 'app', password: 'db password' });
    const unit = readFileSync(example('systemd/app.service'), 'utf8');
    const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
    const job = createJob(app.workspace, 'systemd', '.');
    job.install('app', '#!/bin/sh\ntest "$1" = --settings && cat "$2"\n');
    const [id = '', source] = setting('LoadCredential').split(':');
    assert.equal(source, '/etc/app/secret_id');
    app.workspace.write(`credentials/${id}`, String(app.auth['secret_id']), 0o400);
    const config = app.workspace.read('repository/vaultonce.yaml');
    app.workspace.write('etc/vaultonce.yaml', withRoleId(config));
    mkdirSync(app.workspace.path('run', setting('RuntimeDirectory')), { recursive: true });
    const env = {
      ...job.env,
      VAULT_ADDR: app.server.address,
      CREDENTIALS_DIRECTORY: app.workspace.path('credentials'),
      RUNTIME_DIRECTORY: app.workspace.path('run', setting('RuntimeDirectory')),
    };
    assert.match(setting('Environment'), /^VAULT_ADDR=https:/);
    /** As systemd runs a line: without a shell, with its variables. */
    const run = (name: string, more: Env = {}): Promise<StepResult> => {
      const line = placed(setting(name), {
        '/usr/bin': app.workspace.path('bin'),
        '/etc/app': app.workspace.path('etc'),
      });
      const all: Env = { ...env, ...more };
      const [program = '', ...args] = line
        .split(' ')
        .map((word) => word.replaceAll(/\$\{(\w+)\}/g, (_match, variable: string) => all[variable] ?? ''));
      return job.run([program, ...args], all);
    };
    const failed = await run('ExecStartPre', { CREDENTIALS_DIRECTORY: app.workspace.root });
    assert.equal(failed.code, 3, failed.log);
    assert.equal((await run('ExecStartPre')).code, 0);
    const started = await run('ExecStart');
    assert.deepEqual(JSON.parse(started.log), { username: 'app', password: 'db password' });
    assert.equal(await app.server.tokensLeft(), 0);
    for (const analyze of installed('systemd-analyze')) {
      const here = placed(unit, { '/usr/bin': app.workspace.path('bin') });
      const { stderr, error } = spawnSync(analyze, ['verify', app.workspace.write('app.service', here)], {
        encoding: 'utf8',
      });
      assert.equal(error, undefined);
      assert.doesNotMatch(stderr, /app\.service/);
    }
  });

  test('docker compose: the first service writes what the second mounts, with the rights that it has', async () => {
    const job = createJob(app.workspace, 'docker-compose', '.');
    const { services, configs } = parseCompose<'secrets'>(app.workspace.read('repository/compose.yaml'));
    const { secrets: init, app: main } = services;
    assert.deepEqual(main.depends_on, { secrets: { condition: 'service_completed_successfully' } });
    assert.equal(main.volumes[0].source, init.volumes[0].source);
    assert.match(init.volumes[0].source, /^\/run\//);
    assert.equal(init.volumes[0].bind?.create_host_path, true, 'nothing below /run is there after a restart');
    assert.equal(init.user, '0:0');
    const [appUid = ''] = main.user.split(':');
    assert.equal(appUid, init.environment['APP_UID']);
    // Where a container has a path, this machine has a directory.
    const mounts: Record<string, string> = {
      [init.volumes[0].target]: app.workspace.path('shared'),
      '/run/secrets': app.workspace.path('secrets'),
    };
    mkdirSync(app.workspace.path('shared'));
    for (const name of init.secrets) {
      app.workspace.write(`secrets/${name}`, String(app.auth['secret_id']), 0o400);
    }
    for (const { source, target } of init.configs) {
      const config = app.workspace.read(`repository/${configs[source]?.file ?? ''}`);
      mounts[target] = app.workspace.write(`configs/${source}`, placed(withRoleId(config), mounts));
    }
    // Only root can give files to others.
    const owner = needsRoot().skip === false ? appUid : String(process.geteuid?.());
    const env = { ...job.env, ...init.environment, VAULT_ADDR: app.server.address, APP_UID: owner };
    const command = [
      app.workspace.path('bin/vaultonce'),
      ...init.command.map((word) => placed(word, mounts)),
    ];
    // A second time, as `docker compose up` does it after a change: over the files of the application's user.
    for (const password of ['first', 'second']) {
      await app.putKv2('app/db', { password });
      const { code, log } = await job.run(withRightsOf(init, command), env);
      assert.equal(code, 0, log);
      assert.equal(app.workspace.read('shared/app.env'), `DB_PASSWORD=${password}\n`);
      assert.equal(String(statSync(app.workspace.path('shared/app.env')).uid), owner);
      assert.equal(app.workspace.mode('shared/app.env'), '0400');
    }
  });

  test('shell: the application starts with its secrets, or not at all', async () => {
    const password = `it's $HOME "quoted"`;
    await app.putKv2('app/db', { username: 'app', password });
    const job = createJob(app.workspace, 'shell', '.');
    const env = {
      ...job.env,
      VAULT_ADDR: app.server.address,
      VAULT_TOKEN: app.server.rootToken,
      RUNTIME_DIRECTORY: app.workspace.path('run'),
    };
    const start = (more: object = {}): ReturnType<typeof spawnSync> =>
      spawnSync(example('shell/start.sh'), ['sh', '-c', 'printf "%s" "$DB_PASSWORD"'], {
        env: { ...env, ...more },
        encoding: 'utf8',
      });
    const started = start();
    assert.equal(started.status, 0, String(started.stderr));
    assert.equal(started.stdout, password);
    const failed = start({ VAULT_TOKEN: 'wrong' });
    assert.equal(failed.status, 4);
    assert.equal(failed.stdout, '');
  });
});

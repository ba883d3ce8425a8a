import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { BIN, runCli } from '../support/cli.ts';

const root = join(import.meta.dirname, '../..');
const example = (name: string): string => join(root, 'examples', name);

describe('the examples', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
  });
  after(() => app.stop());

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

  test('ci: the config is valid', async () => {
    const result = await runCli(['check', '-c', example('ci/vaultonce.yaml')], {
      env: { VAULT_ADDR: app.server.address },
    });
    assert.equal(result.code, 0, result.stderr);
  });

  test('shell: the application starts with its secrets, or not at all', async () => {
    const password = `it's $HOME "quoted"`;
    await app.putKv2('app/db', { username: 'app', password });
    // The package's command, as npm installs it.
    const command = app.workspace.path('bin/vaultonce');
    app.workspace.write('bin/.keep', '');
    symlinkSync(BIN, command);
    chmodSync(BIN, 0o755);
    const env = {
      PATH: `${dirname(command)}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
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

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const NOBODY = { VAULT_ADDR: 'http://127.0.0.1:1' };
/** Each of them would be a failure. */
const CONFIGS = { ...NOBODY, VAULTONCE_CONFIG: 'nowhere.yaml', VAULTONCE_CONFIG_INLINE: '{' };

describe('without a config', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
    workspace.write('vaultonce.yaml', 'secrets: [\n');
    workspace.write('fixtures.yaml', 'a: { k: value }\n');
  });
  after(() => {
    workspace.remove();
  });

  const run = (args: readonly string[], env: Record<string, string> = CONFIGS): Promise<CliResult> =>
    runCli(args, { cwd: workspace.root, env });

  test('0: --no-config leaves out the variables and ./vaultonce.yaml', async () => {
    const checked = await run(['check', '--no-config', '--json', '--secret', 'a=secret/a']);
    assert.equal(checked.code, 0, checked.stderr);
    const plan = JSON.parse(checked.stdout) as { readonly config: unknown; readonly secrets: unknown[] };
    assert.deepEqual(plan.config, ['flags']);
    assert.equal(plan.secrets.length, 1);
    const flags = ['--secret', 'a=secret/a', '--out', 'f=a#k', '--fixtures', 'fixtures.yaml', '--allow-disk'];
    const rendered = await run(['render', '--no-config', ...flags]);
    assert.equal(rendered.code, 0, rendered.stderr);
    assert.equal(workspace.read('f'), 'value');
  });

  test('each command that reads a config takes it', async () => {
    for (const [code, args] of [
      [0, ['check']],
      [0, ['policy', '--secret', 'a=secret/a', '--set', 'secrets.a.engine=kv2']],
      [3, ['render']],
      [3, ['env']],
      [3, ['exec', 'true']],
      [3, ['read', 'secret/a#b']],
    ] as const) {
      const [command, ...others] = args;
      const result = await run([command, '--no-config', ...others]);
      assert.equal(result.code, code, `${command}: ${result.stderr}`);
      assert.doesNotMatch(result.stderr, /vaultonce\.yaml|nowhere|CONFIG/);
    }
  });

  test('2: with -c, in either order', async () => {
    for (const args of [
      ['check', '--no-config', '-c', 'a.yaml'],
      ['check', '--config=a.yaml', '--no-config'],
    ]) {
      const result = await run(args, NOBODY);
      assert.equal(result.code, 2, result.stderr);
      assert.match(result.stderr, /'--no-config' cannot be used with option '-c, --config <file>'/);
    }
  });
});

/** Of what a config says wrongly, and of files that it names in vain. */
describe('an error names the config and the line that it comes from', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
  });
  after(() => {
    workspace.remove();
  });

  const wherever = async (
    config: string,
    args: readonly string[],
    env: Record<string, string> = NOBODY,
  ): Promise<readonly (string | undefined)[]> => {
    workspace.write('vaultonce.yaml', config);
    const result = await runCli(args, { cwd: workspace.root, env });
    assert.equal(result.code, 3, result.stderr);
    return failuresOf(result).map(({ where }) => where);
  };

  test('3: in what is checked', async () => {
    for (const [config, where] of [
      ['\nstartup_jitter: 2m\n', 'vaultonce.yaml:2, startup_jitter'],
      ['\nenvironment:\n  A: [a/b#c]\n', 'vaultonce.yaml:3, environment.A'],
      ['\nenvironment:\n  "*":\n    - { template: x }\n', 'vaultonce.yaml:4, environment.*[0]'],
      ['environment:\n  A: x#y\n', 'vaultonce.yaml:2, environment.A'],
      ['environment:\n  A: { template: "{{x.y}}" }\n', 'vaultonce.yaml:2, environment.A, template:1'],
      ['secrets:\n  a: { path: a/b, reuse: true, max_age: 1h }\n', 'vaultonce.yaml:2, secrets.a'],
      ['vault:\n  address: vault\n', 'vaultonce.yaml:2, vault.address'],
      ['vault:\n  address: http://a\n  tls: { client_cert: a }\n', 'vaultonce.yaml:3, vault.tls'],
    ] as const)
      assert.deepEqual(
        await wherever(config, ['check'], config.startsWith('vault:') ? {} : NOBODY),
        [where],
        config,
      );
  });

  test('3: of a variable, or a flag, what overrides it', async () => {
    const config = 'vault:\n  address: http://a\n';
    assert.deepEqual(await wherever(config, ['check'], { VAULT_ADDR: 'vault' }), ['$VAULT_ADDR']);
    assert.deepEqual(await wherever(config, ['check', '--address', 'vault']), ['--address']);
    const reads = ['read', 'a/b#c', '--auth', 'jwt', '--set', 'auth.jwt_env=NOT_THERE'];
    assert.deepEqual(await wherever(config, reads), ['--set auth.jwt_env']);
  });

  test('3: in what the login needs, with its place in a list', async () => {
    const outputs = 'secrets: { a: a/b }\noutputs: [{ path: f, secret: a, key: k }]\n';
    const render = ['render', '--allow-disk'];
    assert.deepEqual(await wherever(`${outputs}auth:\n  method: jwt\n  jwt_env: NOT_THERE\n`, render), [
      'vaultonce.yaml:5, auth.jwt_env',
    ]);
    const list =
      'auth:\n  - { method: approle, role_id_env: NOT_THERE }\n  - method: github\n    token_env: NEITHER\n  - { method: cert }\n';
    assert.deepEqual(await wherever(`${outputs}${list}`, render), [
      'vaultonce.yaml:4, auth[0].role_id_env',
      'vaultonce.yaml:6, auth[1].token_env',
      'vaultonce.yaml:7, auth[2]',
    ]);
    const tls = 'vault: { address: "https://127.0.0.1:1", tls: { ca_cert: missing } }\n';
    assert.deepEqual(await wherever(`${outputs}auth: { method: token, token: x }\n${tls}`, render, {}), [
      'vaultonce.yaml:4, vault.tls.ca_cert',
    ]);
  });
});

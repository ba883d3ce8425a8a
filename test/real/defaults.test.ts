import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { dump } from 'js-yaml';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, logLines, runCli, type CliOptions, type CliResult } from '../support/cli.ts';

/** A layer below the config, as a platform team mounts it or bakes it into an image. */
describe('defaults', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('app', { user: 'app', password: 'canary-of-the-app' });
    await app.putKv2('other', { password: 'other' });
  });
  beforeEach(() => {
    app.workspace.clear();
    app.server.takeAudit();
  });
  after(() => app.stop());

  /** Everything about the platform, nothing about the application. */
  const platform = (more: TestConfig = {}): TestConfig => ({
    vault: { address: app.server.address },
    auth: app.auth,
    output: { directory: app.workspace.path('out') },
    ...more,
  });
  const file = (name: string, config: TestConfig): string => app.workspace.write(name, dump(config));
  const run = (
    command: string,
    config: TestConfig | undefined,
    args: readonly string[] = [],
    options: CliOptions = {},
  ): Promise<CliResult> =>
    runCli([command, ...(config === undefined ? [] : ['-c', file('app.yaml', config)]), ...args], {
      cwd: app.workspace.root,
      ...options,
    });
  const own: TestConfig = {
    secrets: { app: 'secret/app' },
    outputs: [{ path: 'password', value: 'app#password' }],
    environment: { PASSWORD: 'app#password' },
  };
  const planOf = async (
    config: TestConfig,
    defaults: TestConfig,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Readonly<Record<string, unknown>>> => {
    const flags = ['--defaults', file('platform.yaml', defaults), '--json', ...args];
    const result = await run('check', config, flags, { env });
    assert.equal(result.code, 0, result.stderr);
    return JSON.parse(result.stdout) as Record<string, unknown>;
  };
  const originsOf = (plan: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
    Object.fromEntries(
      (plan['origins'] as readonly { key: string; from: string }[]).map(({ key, from }) => [
        key,
        from.replace(`${app.workspace.root}/`, ''),
      ]),
    );

  test('every command that takes a config fills it in, by flag, variable and inline', async () => {
    const path = file('platform.yaml', platform());
    const env = { VAULTONCE_DEFAULTS: path };
    const rendered = await run('render', own, ['--defaults', path]);
    assert.equal(rendered.code, 0, rendered.stderr);
    assert.equal(app.workspace.read('out/password'), 'canary-of-the-app');
    for (const [command, args, stdout] of [
      ['render', ['--report', '-'], /"changed": false/],
      ['env', ['--format', 'json'], /"PASSWORD":\s*"canary/],
      ['exec', ['--', 'sh', '-c', 'echo $PASSWORD'], /^canary-of-the-app\n$/],
      ['read', ['app#user'], /^app$/],
      ['check', ['--online'], /server +http/],
      ['policy', [], /path "secret\/data\/app"/],
    ] as const) {
      const result = await run(command, own, args, { env });
      assert.equal(result.code, 0, `${command}: ${result.stderr}`);
      assert.match(result.stdout, stdout, command);
    }
    const inline = await run('read', undefined, ['secret/app#user'], {
      env: { VAULTONCE_DEFAULTS_INLINE: JSON.stringify(platform()) },
    });
    assert.equal(inline.stdout, 'app', inline.stderr);
    // The flag takes the place of both variables; an empty variable is none.
    const flag = await run('read', undefined, ['secret/app#user', '--defaults', path], {
      env: { VAULTONCE_DEFAULTS: '/none', VAULTONCE_DEFAULTS_INLINE: '{' },
    });
    assert.equal(flag.stdout, 'app', flag.stderr);
    const unset = await run('render', own, [], { env: { VAULTONCE_DEFAULTS: '' } });
    assert.match(failuresOf(unset)[0]?.message ?? '', /no server address is configured/);
    const debug = await run('render', own, ['--log-level', 'debug'], { env });
    assert.match(
      logLines(debug)[0]?.message ?? '',
      /^config from \S+app\.yaml, defaults from \S+platform\.yaml$/,
    );
  });

  test('what a config says goes first, key by key; then the environment, then flags', async () => {
    const defaults = platform({
      vault: { address: 'http://defaults:1', namespace: 'team', tls: { server_name: 'vault.internal' } },
      timeout: '90s',
      concurrency: 4,
      output: { directory: '/run/defaults', mode: '0440' },
    });
    const config = {
      ...own,
      vault: { address: 'http://config:1' },
      output: { directory: '/run/config' },
    };
    const plan = await planOf(config, defaults);
    assert.equal(plan['address'], 'http://config:1');
    assert.equal(plan['timeout_ms'], 90_000);
    assert.equal((plan['login'] as TestConfig)['namespace'], 'team');
    const [output] = plan['outputs'] as TestConfig[];
    assert.deepEqual([output?.['path'], output?.['mode']], ['/run/config/password', '0440']);
    const origins = originsOf(plan);
    assert.equal(origins['vault.address'], 'app.yaml:9');
    assert.equal(origins['vault.tls.server_name'], 'platform.yaml:5');
    assert.equal(origins['timeout'], 'platform.yaml:13');
    assert.equal(origins['output.directory'], 'app.yaml:11');
    assert.equal(origins['output.mode'], 'platform.yaml:12');
    assert.equal(origins['secrets.app'], 'app.yaml:2');
    assert.equal(origins['outputs[0]'], 'app.yaml:4');
    const above = await planOf(config, defaults, ['--timeout', '7s', '--set', 'concurrency=2'], {
      VAULT_ADDR: 'http://environment:1',
    });
    assert.equal(above['address'], 'http://environment:1');
    assert.equal(above['timeout_ms'], 7000);
    const from = originsOf(above);
    assert.deepEqual(
      [from['vault.address'], from['timeout'], from['concurrency']],
      ['$VAULT_ADDR', '--timeout', '--set concurrency'],
    );
    assert.doesNotMatch(JSON.stringify(above), new RegExp(String(app.auth['secret_id'])));
    const text = await run('check', config, ['--defaults', file('platform.yaml', defaults)]);
    assert.match(text.stdout, /^defaults \S+platform\.yaml$/m);
    assert.match(text.stdout, /^KEY +FROM$/m);
    assert.match(text.stdout, /^vault\.namespace +\S+platform\.yaml:3$/m);
    const alone = await run('check', { ...config, auth: { method: 'token' } });
    assert.doesNotMatch(alone.stdout, /FROM/, 'one file needs no table');
  });

  test('secrets and variables are one thing each; outputs follow those of the config', async () => {
    const defaults = platform({
      secrets: { app: { path: 'secret/other', version: 1 }, ca: 'secret/other' },
      outputs: [{ path: 'ca', value: 'ca#password' }],
      environment: { PASSWORD: { template: 'x{{ca.password}}' }, CA: 'ca#password' },
    });
    const long = {
      ...own,
      secrets: { app: { path: 'secret/app' } },
      environment: { PASSWORD: { value: 'app#password' } },
    };
    const result = await run('render', long, ['--defaults', file('platform.yaml', defaults)]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/password'), 'canary-of-the-app');
    assert.equal(app.workspace.read('out/ca'), 'other');
    const env = await run('env', long, [
      '--format',
      'json',
      '--defaults',
      app.workspace.path('platform.yaml'),
    ]);
    assert.deepEqual(JSON.parse(env.stdout), { PASSWORD: 'canary-of-the-app', CA: 'other' });
    const plan = await planOf(own, defaults);
    const outputs = plan['outputs'] as TestConfig[];
    assert.deepEqual(
      outputs.map(({ path }) => String(path).slice(-9)),
      ['/password', String(outputs[1]?.['path']).slice(-9)],
    );
    assert.match(originsOf(plan)['outputs[1]'] ?? '', /^platform\.yaml:/);
    // A flag changes a key of what only the defaults have.
    const set = await planOf(own, defaults, ['--set', 'secrets.ca.version=3']);
    const secrets = set['secrets'] as TestConfig[];
    assert.deepEqual(
      secrets.map(({ name, version }) => [name, version]),
      [
        ['app', null],
        ['ca', 3],
      ],
    );
  });

  test('a login of another method takes nothing of theirs, one of the same the rest', async () => {
    const kubernetes = { method: 'kubernetes', mount: 'k8s-prod', token_file: '/token', role: 'default' };
    const defaults = platform({ auth: kubernetes });
    const loginOf = async (auth: TestConfig | undefined, args: readonly string[] = []): Promise<unknown> =>
      ((await planOf({ ...own, ...(auth && { auth }) }, defaults, args))['login'] as TestConfig)['mount'];
    assert.equal(await loginOf(undefined), 'k8s-prod');
    assert.equal(await loginOf({ role: 'web' }), 'k8s-prod');
    assert.equal(await loginOf({ method: 'kubernetes', role: 'web' }), 'k8s-prod');
    assert.equal(await loginOf({ method: 'jwt', jwt_env: 'JWT' }), 'jwt');
    assert.equal(await loginOf({ method: 'token' }, ['--auth', 'kubernetes', '--role', 'web']), 'k8s-prod');
    assert.equal(await loginOf(undefined, ['--role', 'web', '--auth-mount', 'flag']), 'flag');
    assert.equal(await loginOf(undefined, ['--auth', 'token']), null);
    const several = await planOf(
      { ...own, auth: [{ method: 'token' }, { method: 'jwt', jwt_env: 'A' }] },
      defaults,
    );
    assert.equal((several['login_alternatives'] as unknown[]).length, 1);
  });

  test('one way to say a credential or a CA takes the place of any other', async () => {
    const accepted = async (auth: TestConfig, below: TestConfig): Promise<void> => {
      await planOf({ ...own, auth }, platform({ auth: below }));
    };
    await accepted(
      { method: 'jwt', jwt_file: '/jwt' },
      { method: 'jwt', source: 'github-actions', audience: undefined },
    );
    await accepted({ method: 'jwt', jwt_env: 'JWT' }, { method: 'jwt', jwt_file: '/jwt' });
    await accepted({ method: 'token', token: 'x' }, { method: 'token', token_file: '/token' });
    await accepted(
      { method: 'approle', role_id: 'x', secret_id_env: 'ID' },
      { method: 'approle', role_id_file: '/role', secret_id_file: '/id' },
    );
    // The CA of the config is used, although one of bytes goes before a file within a layer.
    const tls = { ca_cert_bytes: 'no PEM' };
    const ca = app.workspace.path('none.pem');
    const result = await run('render', { ...own, vault: { tls: { ca_cert: ca } } }, [
      '--defaults',
      file('platform.yaml', platform({ vault: { address: 'https://127.0.0.1:1', tls } })),
    ]);
    assert.equal(result.code, 3, result.stderr);
    assert.match(failuresOf(result)[0]?.where ?? '', /app\.yaml.*vault\.tls\.ca_cert.*none\.pem|none\.pem/);
  });

  test('mistakes name file and line of the defaults', async () => {
    for (const [defaults, where, message] of [
      ['vault:\n  adress: x\n', /platform\.yaml:2$/, /`vault\.adress`/],
      ['timeout: soon\n', /platform\.yaml:1$/, /`timeout` is not a duration/],
      ['vault:\n  address: "${NOT_SET}"\n', /platform\.yaml:2$/, /needs the variable `NOT_SET`/],
      ['vault: [\n', /platform\.yaml:\d/, /./],
      ['# nothing\n', /platform\.yaml$/, /the defaults file is empty/],
      ['- a\n', /platform\.yaml$/, /the defaults file is not a map of keys/],
      ['vault {\n  address = "x"\n}\n', /platform\.yaml:1$/, /looks like HCL/],
      ['outputs: [{ path: a, template: none.mustache }]\n', /platform\.yaml:1, outputs\[1\]/, /ENOENT/],
      ['outputs:\n- path: password\n  value: app#user\n', /platform\.yaml|app\.yaml/, /password/],
    ] as const) {
      const path = app.workspace.write('platform.yaml', defaults);
      const config = { ...platform(), ...own };
      const result = await run('check', config, ['--defaults', path]);
      assert.equal(result.code, 3, `${defaults}${result.stderr}`);
      const [failure] = failuresOf(result);
      assert.match(failure?.where ?? '', where, result.stderr);
      assert.match(failure?.message ?? '', message);
    }
    // Of the config and of the defaults, all at once.
    const both = await run('check', undefined, ['-c', 'none.yaml', '--defaults', '/none/platform.yaml']);
    assert.equal(both.code, 3);
    assert.deepEqual(
      failuresOf(both).map(({ message, where }) => [message, where]),
      [
        ['the config cannot be read (ENOENT)', 'none.yaml'],
        ['the defaults file cannot be read (ENOENT)', '/none/platform.yaml'],
      ],
    );
    const variable = await run('check', own, [], { env: { VAULTONCE_DEFAULTS: '/none/platform.yaml' } });
    assert.equal(variable.code, 3);
    const stdin = await run('check', own, ['--defaults', '-']);
    assert.equal(stdin.code, 3);
    assert.match(stdin.stderr, /not read from stdin.*VAULTONCE_DEFAULTS_INLINE/);
    const contradiction = await run('check', own, [], {
      env: {
        VAULTONCE_DEFAULTS: file('platform.yaml', { timeout: '5s' }),
        VAULTONCE_DEFAULTS_INLINE: 'timeout: 6s',
      },
    });
    assert.equal(contradiction.code, 3);
    assert.match(contradiction.stderr, /`timeout` conflicts with \S+platform\.yaml:1/);
    const kubelet = await run('check', own, [], { env: { VAULTONCE_DEFAULTS_INLINE: 'timeout: ${X' } });
    assert.match(failuresOf(kubelet)[0]?.hint ?? '', /\$\$\$\$\{/);
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('they are no config, whatever they declare; --no-config leaves them in force', async () => {
    const path = file('platform.yaml', platform());
    const full = file('full.yaml', platform(own));
    for (const defaults of [path, full]) {
      const none = await run('render', undefined, ['--defaults', defaults]);
      assert.equal(none.code, 3);
      assert.equal(failuresOf(none)[0]?.message, 'no config found');
    }
    const nothing = await run('render', { timeout: '9s' }, ['--defaults', path]);
    assert.equal(nothing.code, 3);
    assert.equal(failuresOf(nothing)[0]?.message, 'nothing to do: nothing is declared');
    const args = ['--no-config', '--defaults', path, '--secret', 'app=secret/app', '--out', 'f=app#user'];
    const flags = await run('render', undefined, args);
    assert.equal(flags.code, 0, flags.stderr);
    assert.equal(app.workspace.read('out/f'), 'app');
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { COMMAND, failuresOf, IS_STANDALONE, logLines, runCli } from '../support/cli.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const workspace = createWorkspace();
after(() => {
  workspace.remove();
});

describe('the command line', () => {
  test('--help of every command exits 0, has an example and goes to stdout', async () => {
    for (const args of [
      ['--help'],
      ['help'],
      ['help', 'render'],
      ['render', '--help'],
      ['check', '-h'],
      ['schema', '--help'],
      ['completion', '--help'],
    ]) {
      const { code, stdout, stderr } = await runCli(args);
      assert.equal(code, 0, args.join(' '));
      assert.equal(stderr, '');
      assert.match(stdout, /^Usage: vaultonce/);
      assert.match(stdout, /Examples:/);
    }
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    assert.equal((await runCli(['--version'])).stdout, `${version}\n`);
  });

  test('2: no command, an unknown one, unknown flags, wrong and missing values, superfluous arguments', async () => {
    const wrong = [
      [],
      ['redner'],
      ['render', '--tiemout', '3s'],
      ['render', '--log-level', 'loud'],
      ['render', '--timeout'],
      ['render', 'extra'],
      ['check', '--report', 'x'],
      ['schema', '--json'],
    ];
    for (const args of wrong) {
      const result = await runCli(args);
      assert.equal(result.code, 2, `${args.join(' ')}: ${result.stderr}`);
      assert.equal(result.stdout, '');
      const [failure] = failuresOf(result);
      assert.ok(failure?.message, args.join(' '));
      assert.match(failure.hint ?? '', /--help/);
    }
    const near = await runCli(['redner']);
    assert.match(near.stderr, /Did you mean render/);
    const [filled] = failuresOf(await runCli(['render', '--allow-disk=canary']));
    assert.deepEqual(filled?.message, "option '--allow-disk' takes no value");
  });

  test('2: a flag whose value is checked later; 3: a variable likewise', async () => {
    const config = workspace.write('ok.yaml', 'vault: {address: "http://127.0.0.1:1"}\n');
    assert.equal((await runCli(['check', '-c', config, '--timeout', 'soon'])).code, 2);
    assert.equal((await runCli(['check', '-c', config], { env: { VAULTONCE_TIMEOUT: 'soon' } })).code, 3);
    assert.equal((await runCli(['check', '-c', config], { env: { VAULTONCE_LOG_LEVEL: 'loud' } })).code, 3);
    assert.equal((await runCli(['check', '-c', config], { env: { VAULT_MAX_RETRIES: 'many' } })).code, 3);
  });

  test('a usage error on a terminal is text with what to do next', async () => {
    const { stdout, code } = await runCli(['render', '--xyzzy'], { terminal: true, env: { NO_COLOR: '1' } });
    assert.equal(code, 2);
    assert.match(stdout, /vaultonce: error: unknown option '--xyzzy'\r\n {2}→ see `vaultonce render --help`/);
  });

  test('what is wrong with a flag is answered with the help of its command', async () => {
    for (const [args, page] of [
      [['check', '--report', 'x'], 'check --help'],
      [['read'], 'read --help'],
      [['--xyzzy', 'render'], 'render --help'],
      [['--xyzzy'], '--help'],
      [['rendr'], '--help'],
      [['s.credential', '--xyzzy'], '--help'],
    ] as const) {
      const result = await runCli(args);
      assert.equal(result.code, 2);
      assert.equal(failuresOf(result)[0]?.hint, `see \`vaultonce ${page}\``, args.join(' '));
    }
  });

  test('a credential as a flag is answered with where it belongs', async () => {
    for (const flag of ['--token=x', '--password', '--secret-id=x', '--jwt']) {
      const result = await runCli(['render', flag, 'x']);
      assert.equal(result.code, 2);
      assert.match(
        failuresOf(result)[0]?.hint ?? '',
        /`--auth token --set auth\.token_file=FILE`, or for a token \$VAULT_TOKEN$/,
      );
    }
    const token = ['--auth', 'token', '--set', `auth.token_file=${workspace.write('token', 's.x')}`];
    const advised = await runCli([
      'check',
      '--secret',
      'a=kv1/a',
      '--address',
      'http://127.0.0.1:1',
      ...token,
    ]);
    assert.equal(advised.code, 0, advised.stderr);
  });

  test('the log is text for people, in CI jobs too, and each line of JSON has its message', async () => {
    const args = [
      'check',
      '-c',
      workspace.write('guessed.yaml', 'secrets: { web: { path: pki/issue/web, engine: raw } }\n'),
      '--address',
      'http://127.0.0.1:1',
      '--log-level',
      'debug',
    ];
    for (const [env, isText] of [
      [{}, false],
      [{ CI: 'true' }, true],
      [{ TF_BUILD: 'True' }, true],
      [{ JENKINS_URL: 'http://x' }, true],
      [{ CI: 'false' }, false],
      [{ CI: 'true', VAULTONCE_LOG_FORMAT: 'json' }, false],
    ] as const) {
      const { code, stderr } = await runCli(args, { env });
      assert.equal(code, 0, stderr);
      assert.equal(stderr.startsWith('{'), !isText, stderr);
      if (isText)
        assert.match(stderr, /^vaultonce: warn: pki\/issue\/web looks like .*\n {2}→ if so, add `write:/);
      for (const { message, hint } of isText ? [] : logLines({ code, stderr, stdout: '' })) {
        assert.match(message ?? '', /^pki\/issue\/web looks like an endpoint that takes data/);
        assert.match(hint ?? '', /^if so, add `write: \{ common_name/);
      }
    }
    const job = await runCli([...args, '--log-format', 'json'], { env: { CI: 'true' } });
    assert.ok(job.stderr.startsWith('{'));
  });

  test('what an endpoint of transit takes is named as the endpoint calls it', async () => {
    for (const [path, data] of [
      ['encrypt/app', 'plaintext'],
      ['rewrap/app', 'ciphertext'],
      ['hmac/app/sha2-256', 'input'],
      ['sign/app', 'input'],
      ['hash', 'input'],
      ['random/32', 'bytes'],
      ['datakey/plaintext/app', 'bits'],
    ] as const) {
      const args = ['check', '--address', 'http://127.0.0.1:1', '--secret', `a=transit/${path}`];
      const result = await runCli(args, { env: { VAULT_TOKEN: 'x' } });
      assert.equal(result.code, 0, result.stderr);
      assert.match(logLines(result)[0]?.hint ?? '', new RegExp(`add \`write: \\{ ${data}: `));
    }
  });

  test('a literal `${` in a manifest needs more dollars', async () => {
    const inline = 'vault: { address: "${NONE}" }';
    const { stderr } = await runCli(['check'], { env: { VAULTONCE_CONFIG_INLINE: inline } });
    assert.match(stderr, /write `\$\$\{`, and `\$\$\$\$\{` in `env:` of a Kubernetes manifest/);
    const file = await runCli(['check', '-c', workspace.write('literal.yaml', inline)]);
    assert.doesNotMatch(file.stderr, /Kubernetes/);
  });

  test('errors of the command line obey the flags and variables for the log, wherever they stand', async () => {
    const text = [
      ['--log-format', 'text'],
      ['--log-format=text'],
      ['bogus', '--log-format', 'text'],
      ['render', '--tiemout', '3s', '--log-format=text'],
      ['render', '--log-format', 'text', '--tiemout', '3s'],
      ['--log-format', 'text', 'render', 'extra'],
      ['render', 'extra', '-q', '--log-format', 'text'],
      ['render', '--log-format', 'json', 'extra', '--log-format', 'text'],
      ['render', '-qc', 'x', 'extra', '--log-format', 'text'],
      ['render', '--log-level', 'loud', '--log-format', 'text'],
      ['exec', '--log-format', 'text'],
      ['read', '--log-format', 'text'],
      ['schema', '--json', '--log-format', 'text'],
      ['completion', '--log-format', 'text'],
      ['help', 'bogus', '--log-format', 'text'],
    ];
    for (const args of text) {
      const { code, stderr } = await runCli(args);
      assert.equal(code, 2, args.join(' '));
      assert.match(stderr, /^vaultonce: error: /, args.join(' '));
    }
    const json = [
      ['render', '--log-format', 'xml'],
      ['render', 'extra', '--', '--log-format', 'text'],
      ['render', 'extra', '-c', '--log-format=text'],
      ['exec', '--bogus', 'ls', '--log-format', 'text'],
      ['exec', '--keep-env', 'A', '--bogus', 'ls', '--log-format', 'text'],
      ['exec', '--bogus', '--', 'ls', '--log-format', 'text'],
    ];
    for (const args of json) {
      const result = await runCli(args);
      assert.equal(result.code, 2, args.join(' '));
      assert.equal(failuresOf(result).length, 1, args.join(' '));
      assert.equal(failuresOf(result)[0]?.details, undefined, args.join(' '));
    }
    const env = { VAULTONCE_LOG_FORMAT: 'text' };
    assert.match((await runCli(['bogus'], { env })).stderr, /^vaultonce: /);
    assert.match((await runCli(['render', '--log-format', 'xml'], { env })).stderr, /^vaultonce: /);
    assert.equal(failuresOf(await runCli(['bogus', '--log-format', 'json'], { env })).length, 1);
    const wrong = { VAULTONCE_LOG_LEVEL: 'loud' };
    const variable = await runCli(['check', '--log-format', 'text'], { env: wrong });
    assert.equal(variable.code, 3);
    assert.match(variable.stderr, /^vaultonce: error: \$VAULTONCE_LOG_LEVEL is not valid/);
  });

  test('3: nothing to do, before anything is requested', async () => {
    const env = { VAULT_ADDR: 'http://127.0.0.1:1', VAULT_TOKEN: 'canary', VAULTONCE_CONFIG_INLINE: '{}' };
    for (const [args, missing] of [
      [['render'], /`outputs:` in the config, or use --out/],
      [['env'], /`environment:` in the config, or use --env/],
      [['exec', 'true'], /`environment:` or `outputs:` in the config, or use --env/],
    ] as const) {
      const result = await runCli(args, { env });
      assert.equal(result.code, 3, result.stderr);
      const [failure] = failuresOf(result);
      assert.equal(failure?.message, 'nothing to do: nothing is declared');
      assert.match(failure.hint ?? '', missing);
    }
  });

  test('errors of the command line quote no values: they may be credentials in the wrong place', async () => {
    for (const args of [
      ['render', '--token=canary'],
      ['render', '--token=can\nary'],
      ['render', '--auth', 'token', 'canary'],
      ['render', '--log-level', 'canary'],
      ['completion', 'canary'],
    ]) {
      const result = await runCli(args);
      assert.equal(result.code, 2);
      assert.equal(failuresOf(result).length, 1);
      assert.doesNotMatch(result.stderr, /can(?:\\n)?ary/, args.join(' '));
    }
  });

  test('env makes the shell fail when its command line is wrong, too', async () => {
    const failing = async (...args: string[]): Promise<string> => (await runCli(['env', ...args])).stdout;
    assert.equal(await failing('--bogus'), '(exit 2)\n');
    assert.equal(await failing('extra', '--format', 'shell'), '(exit 2)\n');
    assert.notEqual(await failing('extra', '--format', 'fish'), '(exit 2)\n');
    assert.equal(await failing('extra', '--format', 'json'), '');
    assert.equal(await failing('extra', '--out', 'x'), '');
    const env = { VAULTONCE_LOG_LEVEL: 'loud' };
    assert.equal((await runCli(['env'], { env })).stdout, '(exit 3)\n');
    assert.equal((await runCli(['render', '--bogus'])).stdout, '');
  });

  const CONFIG = `
vault: { address: https://vault.example.com:8200, namespace: team }
auth: { method: kubernetes, role: web }
secrets:
  db: secret/app/db
  same: secret/app/db
  tls: { path: pki/issue/web, write: { common_name: web } }
  flags: { path: secret/app/flags, optional: true, engine: kv2 }
outputs:
  - { path: app.properties, contents: "{{db.password}}" }
  - { path: tls.key, secret: tls, key: private_key, mode: "0440", owner: 1000 }
output: { directory: /vault/secrets }
environment: { DATABASE_PASSWORD: "secret/app/db#password" }
`;

  test('check prints each request and each output, offline', async () => {
    const config = workspace.write('check.yaml', CONFIG);
    const { code, stdout } = await runCli(['check', '-c', config]);
    assert.equal(code, 0);
    assert.match(stdout, /login {4}kubernetes at auth\/kubernetes in namespace team/);
    assert.match(stdout, /^db +GET +secret\/app\/db +by mount$/m);
    assert.match(stdout, /^tls +POST +pki\/issue\/web +raw$/m);
    assert.match(stdout, /^\/vault\/secrets\/tls\.key +raw +0440 +0750 +1000:- +tls$/m);
    assert.match(stdout, /^DATABASE_PASSWORD +secret\/app\/db +password$/m);
    assert.match(stdout, /at most 6: 1 login, 1 mount look-up, 3 secrets, 1 revoke/);
  });

  test('3: names of the files of vaultonce itself; 2: on the command line', async () => {
    for (const [path, prune] of [
      ['.vaultonce-1-00000000.new', false],
      ['.vaultonce-reuse.json', false],
      ['d/.vaultonce-manifest.json', true],
      ['.vaultonce-manifest.json', true],
      ['d/.vaultonce-x', false],
    ]) {
      const text = CONFIG.replace('app.properties', String(path)).replace(
        'secrets }',
        `secrets, prune: ${String(prune)} }`,
      );
      const result = await runCli(['check', '-c', workspace.write('check.yaml', text)]);
      assert.equal(result.code, 3, result.stderr);
      assert.deepEqual(
        failuresOf(result).map(({ message }) => message),
        ['names that start with `.vaultonce-` are for files of vaultonce itself'],
      );
    }
    const env = ['env', '--format', 'shell', '--out', 'x/.vaultonce-y', '--env', 'A=secret/a#b'];
    assert.equal((await runCli([...env, '--address', 'http://localhost:1'])).code, 2);
  });

  test('a working directory that is gone: what is absolute is read', () => {
    const gone = workspace.path('gone');
    const config = workspace.write('check.yaml', CONFIG);
    const [program = '', ...args] = COMMAND;
    const script = `mkdir ${gone}; cd ${gone}; rmdir ${gone}; exec "$@"`;
    const run = (...more: readonly string[]) =>
      spawnSync('sh', ['-c', script, 'sh', program, ...args, ...more], { encoding: 'utf8' });
    const found = run('check', '-c', config);
    if (IS_STANDALONE) {
      // Its runtime ends before the program begins.
      assert.match(found.stderr, /working directory was deleted/);
      assert.equal(found.status, 1);
      return;
    }
    assert.equal(found.status, 0, found.stderr);
    const relative = run('check', '-c', 'check.yaml');
    assert.equal(relative.status, 3, relative.stderr);
  });

  test('check --json is the same for machines', async () => {
    const { code, stdout } = await runCli(['check', '--json', '-c', workspace.write('check.yaml', CONFIG)]);
    assert.equal(code, 0);
    const plan = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(plan['address'], 'https://vault.example.com:8200');
    const counts = { login: 1, mounts: 1, secrets: 3, tokens: 0, revoke: 1, total: 6 };
    assert.deepEqual(plan['requests'], { bound: 'at most', ...counts });
    assert.equal((plan['secrets'] as unknown[]).length, 5, 'that of the variable included');
    assert.deepEqual((plan['outputs'] as { secrets: string[] }[])[0]?.secrets, ['db']);
    assert.deepEqual(plan['environment'], ['DATABASE_PASSWORD']);
    assert.deepEqual(plan['variables'], [
      { name: 'DATABASE_PASSWORD', kind: 'value', secret: 'secret/app/db', key: 'password' },
    ]);
  });

  test('config from stdin, from $VAULTONCE_CONFIG, inline, from ./vaultonce.yaml, as JSON, and several merged', async () => {
    const outputsOf = (stdout: string): number =>
      (JSON.parse(stdout) as { outputs: unknown[] }).outputs.length;
    const check = ['check', '--json'];
    assert.equal(outputsOf((await runCli([...check, '-c', '-'], { input: CONFIG })).stdout), 2);
    const path = workspace.write('vaultonce.yaml', CONFIG);
    assert.equal(outputsOf((await runCli(check, { env: { VAULTONCE_CONFIG: path } })).stdout), 2);
    assert.equal(outputsOf((await runCli(check, { env: { VAULTONCE_CONFIG_INLINE: CONFIG } })).stdout), 2);
    assert.equal(outputsOf((await runCli(check, { cwd: workspace.root })).stdout), 2);
    const json = workspace.write(
      'more.json',
      '{"outputs": [{"path": "x", "contents": "{{extra.key}}"}], "secrets": {"extra": "kv/x"}}',
    );
    assert.equal(outputsOf((await runCli([...check, '-c', path, '-c', json])).stdout), 3);
    const inline = {
      VAULTONCE_CONFIG: path,
      VAULTONCE_CONFIG_INLINE: '{"outputs": [{"path": "y", "contents": "y"}]}',
    };
    assert.equal(outputsOf((await runCli(check, { env: inline })).stdout), 3);
    const ignored = await runCli([...check, '-c', path], { env: { VAULTONCE_CONFIG: '/nonexistent' } });
    assert.equal(ignored.code, 0, '-c overrides the environment');
  });

  test('schema and its Markdown are the committed copies', async () => {
    const schema = await runCli(['schema']);
    assert.equal(
      schema.stdout,
      readFileSync(join(root, 'src/config/vaultonce.schema.json'), 'utf8'),
      'run `npm run schema`',
    );
    const markdown = await runCli(['schema', '--markdown']);
    assert.equal(
      markdown.stdout,
      readFileSync(join(root, 'CONFIGURATION.md'), 'utf8'),
      'run `npm run schema`',
    );
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { failuresOf, runCli, type CliOptions, type CliResult } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function signJwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: 'ES256', typ: 'JWT' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** Small runs say on the command line what a config file would say. */
describe('flags instead of a config file', await needsPlugins('auth/jwt'), () => {
  let app: TestApp;
  let jwt: string;
  before(async () => {
    app = await startApp();
    const { api } = app.server;
    await app.putKv2('db', { password: 'first', port: 1 });
    await app.putKv2('db', { password: 'second', port: 2 });
    await app.putKv1('legacy', { token: 'old' });
    await api.post('sys/auth/ci-jwt', { type: 'jwt' });
    await api.post('auth/ci-jwt/config', {
      jwt_validation_pubkeys: [publicKey.export({ type: 'spki', format: 'pem' })],
    });
    await api.post('auth/ci-jwt/role/ci', {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: ['vault'],
      token_policies: ['app'],
    });
    const now = Math.floor(Date.now() / 1000);
    jwt = signJwt({ iss: 'ci', aud: 'vault', sub: 'repo:app', exp: now + 600, iat: now });
  });
  beforeEach(() => {
    app.server.takeAudit();
  });
  after(() => app.stop());

  /** How a job without a file logs in. */
  const login = ['--auth', 'jwt', '--role', 'ci', '--auth-mount', 'ci-jwt', '--set', 'auth.jwt_env=CI_JWT'];
  const run = (args: readonly string[], options: CliOptions = {}): Promise<CliResult> =>
    runCli(args, { ...options, env: { VAULT_ADDR: app.server.address, CI_JWT: jwt, ...options.env } });
  const runWith = (config: object, args: readonly string[], options?: CliOptions): Promise<CliResult> => {
    const [command = '', ...rest] = args;
    return run([command, '-c', app.config({ ...config }), ...rest], options);
  };

  test('render: login, secrets and files by flags only; no token is left', async () => {
    const out = (name: string, ref: string): string[] => [
      '--out',
      `${app.workspace.path('flags', name)}=${ref}`,
    ];
    const result = await run([
      'render',
      ...login,
      ...['--secret', 'db=secret/db', '--set', 'secrets.db.version=1', '--set', 'output.mode=0440'],
      ...out('by-name', 'db#password'),
      ...out('by-path', 'secret/db#/port'),
      ...out('by-version', 'secret/db#password@1'),
      ...out('legacy', 'kv1/legacy#token'),
    ]);
    assert.equal(result.code, 0, result.stderr);
    const read = (name: string): string => app.workspace.read(`flags/${name}`);
    assert.deepEqual(['by-name', 'by-path', 'by-version', 'legacy'].map(read), [
      'first',
      '2',
      'first',
      'old',
    ]);
    assert.equal(app.workspace.mode('flags/by-name'), '0440');
    assert.deepEqual(requestsOf(app.server).sort(), [
      'read kv1/legacy',
      'read secret/data/db',
      'read secret/data/db',
      'read sys/internal/ui/mounts',
      'update auth/ci-jwt/login',
      'update auth/token/revoke-self',
    ]);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('two files whose names a message would not show have a value each', async () => {
    const names = ['deadbeef', '01234567'].map((part) => part.repeat(4));
    const [one = '', other = ''] = names.map((name) => app.workspace.path('hidden', name));
    const files = ['--out', `${one}=secret/db#password`, '--out', `${other}=kv1/legacy#token`];
    const result = await run(['render', ...login, ...files]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(
      names.map((name) => app.workspace.read(`hidden/${name}`)),
      ['second', 'old'],
    );
  });

  test('--secret is for exec, env, read and check, too', async () => {
    const flags = [...login, '--secret', 'db=secret/db'];
    assert.equal((await run(['read', ...flags, 'db#password'])).stdout, 'second');
    assert.equal(
      (await run(['env', ...flags, '--env', 'P=db#password', '--format', 'dotenv'])).stdout.trim(),
      'P=second',
    );
    const exec = await run(['exec', ...flags, '--env', 'P=db#password', '--', 'sh', '-c', 'printf %s "$P"']);
    assert.equal(exec.stdout, 'second', exec.stderr);
    const check = await run(['check', ...flags, '--out', '/dev/shm/x=db#password', '--json']);
    const plan = JSON.parse(check.stdout) as {
      config: string[];
      login: object;
      secrets: { name: string }[];
      outputs: { path: string; secrets: string[] }[];
    };
    assert.deepEqual(plan.config, ['flags']);
    assert.deepEqual(plan.login, { method: 'jwt', mount: 'ci-jwt', namespace: null });
    assert.deepEqual(
      plan.secrets.map(({ name }) => name),
      ['db'],
    );
    assert.deepEqual(
      plan.outputs.map(({ path, secrets }) => [path, secrets]),
      [['/dev/shm/x', ['db']]],
    );
  });

  test('flags add to files: explicit ones, and ./vaultonce.yaml where it is', async () => {
    const outputs = [{ path: 'from-file', value: 'db#port' }];
    const directory = app.workspace.path('out');
    const both = ['--secret', 'more=kv1/legacy', '--out', 'from-flag=more#token'];
    const result = await runWith({ secrets: { db: 'secret/db' }, outputs }, ['render', ...both]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(app.workspace.list('out').sort(), ['from-file', 'from-flag']);

    const cwd = app.workspace.path('here');
    app.workspace.write('here/vaultonce.yaml', `output: { directory: '${directory}' }\n`);
    const args = ['check', '--json', ...login, '--secret', 'db=secret/db', '--out', 'x=db#port'];
    const found = JSON.parse((await run(args, { cwd })).stdout) as {
      config: string[];
      outputs: { path: string }[];
    };
    assert.deepEqual(found.config, ['vaultonce.yaml', 'flags']);
    assert.equal(found.outputs[0]?.path, `${directory}/x`);
    const inline = { VAULTONCE_CONFIG_INLINE: '{"output": {"directory": "/dev/shm/inline"}}' };
    const merged = JSON.parse((await run(args, { env: inline })).stdout) as typeof found;
    assert.equal(merged.outputs[0]?.path, '/dev/shm/inline/x');
  });

  test('a name that a file declares otherwise is an error; the same declaration is none', async () => {
    const secrets = { db: 'secret/db' };
    assert.equal((await runWith({ secrets }, ['check', '--secret', 'db=secret/db'])).code, 0);
    const other = await runWith({ secrets }, ['check', '--secret', 'db=secret/other']);
    assert.equal(other.code, 3);
    const [failure] = failuresOf(other);
    assert.match(failure?.message ?? '', /^`secrets\.db` conflicts with .*vaultonce\.yaml:\d+$/);
    assert.match(failure?.hint ?? '', /--set secrets\.db=VALUE/);
    assert.equal((await runWith({ secrets }, ['check', '--set', 'secrets.db=secret/other'])).code, 0);
    const clash = await runWith({ outputs: [{ path: 'x', contents: 'x' }], secrets }, [
      'check',
      ...['--out', 'x=db#port', '--out', 'y=db#port', '--out', 'y=db#password'],
    ]);
    assert.equal(clash.code, 3);
    assert.deepEqual(
      failuresOf(clash).map(({ where }) => where),
      ['--out x', '--out y'],
    );
  });

  test('--auth replaces `auth`, --role and --auth-mount change it', async () => {
    const read = ['read', 'secret/db#password'];
    // The config of the tests logs in by approle.
    assert.equal((await runWith({}, [...read, ...login])).stdout, 'second');
    assert.ok(requestsOf(app.server).includes('update auth/ci-jwt/login'));
    const auth = { method: 'jwt', mount: 'nowhere', role: 'other', jwt_env: 'CI_JWT' };
    assert.equal((await runWith({ auth }, read)).code, 4);
    const changed = await runWith({ auth }, [...read, '--role', 'ci', '--auth-mount', 'ci-jwt']);
    assert.equal(changed.stdout, 'second', changed.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('approle by flags: the secret_id from a variable or a file', async () => {
    const out = `${app.workspace.path('approle')}=secret/db#password`;
    const { role_id, secret_id } = app.auth as { role_id: string; secret_id: string };
    const approle = ['render', '--auth', 'approle', '--set', `auth.role_id=${role_id}`, '--out', out];
    const env = { SECRET_ID: secret_id };
    const byVariable = await run([...approle, '--set', 'auth.secret_id_env=SECRET_ID'], { env });
    assert.equal(byVariable.code, 0, byVariable.stderr);
    assert.equal(app.workspace.read('approle'), 'second');
    const file = app.workspace.write('secret_id', secret_id);
    const byFile = await run([...approle, '--set', `auth.secret_id_file=${file}`]);
    assert.equal(byFile.code, 0, byFile.stderr);
    const { stdout } = await run(['render', '--help']);
    assert.match(stdout, /--auth approle --set auth\.role_id=ID --set auth\.secret_id_env=SECRET_ID/);
  });

  test('--role is for methods that have one', async () => {
    const without = ['token', 'approle', 'userpass', 'ldap', 'okta', 'radius', 'cert', 'github', 'custom'];
    for (const method of without) {
      const result = await runWith({}, ['check', '--auth', method, '--role', 'canary']);
      assert.equal(result.code, 2, `${method} ${result.stderr}`);
      assert.ok(
        failuresOf(result).some(
          ({ where, message }) => where === '--role' && /not a known key/.test(message ?? ''),
        ),
      );
      assert.doesNotMatch(result.stderr, /canary/);
    }
  });

  test('--set goes before the environment, and the environment before the file', async () => {
    const timeoutOf = async (args: readonly string[], env: Record<string, string>): Promise<unknown> => {
      const { stdout } = await runWith({ timeout: '1s' }, ['check', '--json', ...args], { env });
      return (JSON.parse(stdout) as { timeout_ms: unknown }).timeout_ms;
    };
    const variable = { VAULTONCE_TIMEOUT: '2s' };
    assert.equal(await timeoutOf([], {}), 1000);
    assert.equal(await timeoutOf([], variable), 2000);
    assert.equal(await timeoutOf(['--set', 'timeout=3s'], variable), 3000);
    assert.equal(await timeoutOf(['--set', 'timeout=3s', '--timeout', '4s'], variable), 4000);

    const ca = app.workspace.write('ca.pem', 'not a certificate');
    const tls = ['--set', `vault.tls.ca_cert=${ca}`, '--set', 'vault.max_retries=0'];
    const address = ['--set', 'vault.address=https://127.0.0.1:1'];
    const env = { VAULT_CACERT_BYTES: 'not one either', VAULT_ADDR: 'http://127.0.0.1:2' };
    const refused = await runWith({}, ['read', 'secret/db#password', ...tls, ...address], { env });
    assert.match(failuresOf(refused)[0]?.where ?? '', /ca\.pem/, refused.stderr);
  });

  test('`${VAR}` in a flag is what it says', async () => {
    const file = app.workspace.path('${HOME}');
    const result = await run(['render', ...login, '--out', `${file}=secret/db#password`]);
    assert.equal(result.code, 0, result.stderr);
    assert.ok(app.workspace.list().includes('${HOME}'));
  });

  test('2: what is written wrongly, each with its place and what to do, and without the value', async () => {
    const cases: readonly (readonly [args: readonly string[], where: string, hint: RegExp])[] = [
      [['--secret', 'canary'], '--secret', /NAME=PATH/],
      [['--secret', 'd.b=secret/canary'], '--secret d.b', /NAME=PATH/],
      [['--secret', '__proto__=secret/canary'], '--secret __proto__', /NAME=PATH/],
      [['--secret', 'db=secret//canary'], '--secret db', /NAME=PATH/],
      [['--secret', 'a=secret/a', '--secret', 'a=secret/canary'], '--secret a', /once/],
      [['--out', 'canary'], '--out', /PATH=REF/],
      [['--out', 'x=canary'], '--out x', /PATH=REF.*path#key/],
      [['--out', '=secret/db#canary'], '--out', /PATH=REF/],
      [['--set', 'canary'], '--set', /KEY=VALUE/],
      [['--set', 'a..b=canary'], '--set a..b', /KEY=VALUE/],
      [['--set', 'secrets.__proto__=canary'], '--set secrets.__proto__', /KEY=VALUE/],
      [['--set', 'vault.namspace=canary'], '--set vault.namspace', /did you mean `namespace`/],
      [['--set', 'timeout=canary'], '--set timeout', /90s/],
      [['--set', 'vault=canary'], '--set vault', /CONFIGURATION/],
      [['--set', 'timeout=3s', '--set', 'timeout=canary'], '--set timeout', /keep one/],
      [['--set', 'outputs.0.path=canary'], '--set outputs.0.path', /list/],
      [['--set', 'revoke=alwys'], '--set revoke', /did you mean `always`/],
      [['--auth', 'kubernets'], '--auth', /did you mean `kubernetes`/],
      [['--auth', 'kubernetes'], '--auth', /add --role ROLE.*--help/],
      [['--auth', 'userpass'], '--auth', /add --set auth\.username=VALUE/],
      [['--auth', 'approle'], '--auth', /add one as --set auth\.KEY=VALUE/],
      [['--auth', 'cert', '--role', 'canary'], '--role', /it is `name` here/],
      [['--auth', 'kubernetes', '--role', ''], '--role', /--help/],
      [['--auth', 'token', '--role', 'canary'], '--role', /names no role; known keys/],
      [['--role', 'canary', '--set', 'auth.role=canary'], '--set auth.role', /keep one/],
      [['--role', 'canary'], '--role', /add --auth METHOD.*--help/],
    ];
    const base = ['check', '--secret', 'db=secret/db', '--out', '/dev/shm/x=db#password'];
    await Promise.all(
      cases.map(async ([args, where, hint]) => {
        const result = await run([...base, ...args]);
        assert.equal(result.code, 2, `${args.join(' ')}: ${result.stderr}`);
        const [failure] = failuresOf(result);
        assert.equal(failure?.where, where);
        assert.match(failure.hint ?? '', hint, args.join(' '));
        assert.doesNotMatch(result.stderr, /canary/);
      }),
    );
    const read = await run(['check', '--secret', 'nonsense', '--out', 'nonsense', '--set', 'nonsense']);
    assert.equal(failuresOf(read).length, 3, 'all at once');
  });

  test('3: flags that do not suffice without a config; a name that nobody declares', async () => {
    for (const args of [[], ['--set', 'timeout=3s'], ['--role', 'ci']]) {
      const none = await run(['render', ...args]);
      assert.equal(none.code, 3, none.stderr);
      assert.match(failuresOf(none)[0]?.hint ?? '', /--out for files, --env for variables/);
    }
    const undeclared = await run(['render', '--out', '/dev/shm/x=db#password']);
    assert.equal(undeclared.code, 3);
    const [failure] = failuresOf(undeclared);
    assert.equal(failure?.where, '--out /dev/shm/x');
    assert.match(failure.hint ?? '', /--secret NAME=PATH/);
  });
});

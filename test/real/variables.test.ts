import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createRole, startApp, type TestApp } from '../support/app.ts';
import { readGithubFile } from '../support/ci-readers.ts';
import { failuresOf, logLines, runCli, type CliOptions, type CliResult } from '../support/cli.ts';

/** What `environment:` can hold besides references: all keys of a secret, templates, the token. */
describe('variables', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('db', { user: 'web-user', password: 'p@ss/word', port: 5432, 'pool.max-size': 7 });
    await app.putKv2('mail', { user: 'mailer', host: 'smtp.internal' });
    await app.putKv2('bad', { LD_PRELOAD: '/tmp/x.so', fine: 'x' });
    await app.putKv2('job', { GITHUB_TOKEN: 'tok-123', fine: 'xyzzy' });
    await app.putKv2('blank', { '': 'x', fine: 'y' });
    await app.putKv2('short', {
      one: '1',
      yes: 'true',
      off: 'False',
      none: '',
      long: 'long enough',
      pin: '123',
    });
    await app.putKv2('half', { json: '{"x": "\\ud800 half"}' });
    await app.putKv2('nested', { conf: { a: '1a1a', b: { c: 2 } }, text: '{"k": "v1v1"}' });
  });
  after(() => app.stop());

  const run = (
    command: string,
    config: object,
    args: readonly string[] = [],
    options?: CliOptions,
  ): Promise<CliResult> => runCli([command, '-c', app.config({ ...config }), ...args], options);

  const json = async (config: object, ...args: readonly string[]): Promise<unknown> => {
    const result = await run('env', config, ['--format', 'json', ...args]);
    assert.equal(result.code, 0, result.stderr);
    return JSON.parse(result.stdout) as unknown;
  };

  const keys = { sanitize: true, case: 'upper' };
  const all = { USER: 'web-user', PASSWORD: 'p@ss/word', PORT: '5432', POOL_MAX_SIZE: '7' };

  describe('all keys of a secret', () => {
    test('by path, by name, with `keys:`; what is named besides overrides them', async () => {
      const plain = { '*': { value: 'secret/db', keys: { exclude: ['pool*'] } } };
      assert.deepEqual(await json({ environment: plain }), {
        user: 'web-user',
        password: 'p@ss/word',
        port: '5432',
      });
      const secrets = { db: 'secret/db' };
      const named = { '*': { value: 'db', keys }, PORT: 'secret/mail#host', MORE: 'db#user' };
      assert.deepEqual(await json({ secrets, environment: named }), {
        ...all,
        PORT: 'smtp.internal',
        MORE: 'web-user',
      });
      assert.deepEqual(await json({ environment: { '*': 'secret/mail@1' } }), {
        user: 'mailer',
        host: 'smtp.internal',
      });
    });

    test('several secrets; one that is optional and absent gives none; an object in a value', async () => {
      const secrets = {
        gone: { path: 'secret/none', optional: true },
        n: { path: 'secret/nested', parse: 'json' },
      };
      const environment = {
        '*': [
          'secret/mail',
          'gone',
          { value: 'secret/db', keys: { ...keys, prefix: 'DB_' } },
          { value: 'n#conf', keys: { include: ['a'] } },
          'n#text',
        ],
      };
      assert.deepEqual(await json({ secrets, environment }), {
        user: 'mailer',
        host: 'smtp.internal',
        DB_USER: 'web-user',
        DB_PASSWORD: 'p@ss/word',
        DB_PORT: '5432',
        DB_POOL_MAX_SIZE: '7',
        a: '1a1a',
        k: 'v1v1',
      });
    });

    test('--env-from, for `exec`, without a config; a flag that names a variable wins', async () => {
      const args = ['--env-from', 'secret/mail', '--env', 'host=secret/db#user'];
      assert.deepEqual(await json({}, ...args), { user: 'mailer', host: 'web-user' });
      const result = await run('exec', {}, [...args, '--clear-env', '--', '/usr/bin/env']);
      assert.deepEqual(result.stdout.match(/^(user|host)=.*$/gm), ['user=mailer', 'host=web-user']);
    });

    test('8: names that no variable has, that two secrets share, that run code; what is named is taken', async () => {
      const cases = [
        [{ '*': 'secret/db' }, /key `pool\.max-size` is not a name/, /sanitize: true/],
        [
          { '*': ['secret/db', 'secret/mail'] },
          /`user` is in two secrets: \S+vaultonce\.yaml:\d+, environment\.\*\[0\] and/,
          /keys\.prefix/,
        ],
        [{ '*': 'secret/bad' }, /key `LD_PRELOAD` would be a variable that decides/, /keys\.exclude/],
        [{ '*': 'secret/db#user' }, /value of `user` is not an object/, /parse: json/],
      ] as const;
      for (const [environment, message, hint] of cases) {
        const result = await run('exec', { environment }, ['--', 'true']);
        assert.equal(result.code, 8, result.stderr);
        const failures = failuresOf(result);
        assert.ok(
          failures.some((failure) => message.test(failure.message ?? '')),
          result.stderr,
        );
        assert.ok(
          failures.some((failure) => hint.test(failure.hint ?? '')),
          result.stderr,
        );
        assert.doesNotMatch(result.stderr, /web-user|x\.so/);
      }
      const chosen = { value: 'secret/bad', keys: { rename: { LD_PRELOAD: 'LD_PRELOAD' } } };
      assert.deepEqual(await json({ environment: { '*': chosen } }), { LD_PRELOAD: '/tmp/x.so', fine: 'x' });
      // What is named by itself needs no name made of its key.
      const named = { '*': 'secret/bad', LD_PRELOAD: 'secret/bad#fine' };
      assert.deepEqual(await json({ environment: named }), { fine: 'x', LD_PRELOAD: 'x' });
      for (const list of ['include', 'exclude']) {
        const missing = { '*': { value: 'secret/mail', keys: { [list]: ['usr'] } } };
        const absent = await run('env', { environment: missing });
        assert.equal(absent.code, 6, list);
        assert.equal(failuresOf(absent)[0]?.message, 'the secret `secret/mail` has no key `usr`');
      }
      const env = { GITHUB_ACTIONS: 'true', GITHUB_ENV: app.workspace.write('github', '') };
      const job = await run('env', { environment: { '*': 'secret/job' } }, [], { env });
      assert.equal(job.code, 8);
      const [hijack] = failuresOf(job);
      assert.match(hijack?.message ?? '', /`GITHUB_TOKEN` would change how the later steps/);
      assert.match(hijack?.where ?? '', /vaultonce\.yaml:\d+, environment\.\*$/);
      assert.equal(app.workspace.read('github'), '');
    });

    test('8: a key without a name, which `keys.exclude` leaves out', async () => {
      const refused = await run('env', { environment: { '*': 'secret/blank' } });
      assert.equal(refused.code, 8);
      assert.match(failuresOf(refused)[0]?.hint ?? '', /leave it out with keys\.exclude/);
      const chosen = { value: 'secret/blank', keys: { exclude: [''] } };
      assert.deepEqual(await json({ environment: { '*': chosen } }), { fine: 'y' });
    });

    test('--env-lines, as vault-action has them, for `exec` too, without a config', async () => {
      const lines =
        'secret/data/db user | DB_USER ; secret/db "pool.max-size" | MAX\nHOST=secret/mail#host\n';
      const expected = { DB_USER: 'web-user', MAX: '7', HOST: 'smtp.internal' };
      assert.deepEqual(await json({}, '--env-lines', lines), expected);
      assert.deepEqual(await json({}, '--env-lines', 'secret/mail * | m_'), {
        M_USER: 'mailer',
        M_HOST: 'smtp.internal',
      });
      assert.deepEqual(await json({}, '--env-lines', 'secret/mail ** | m_'), {
        m_user: 'mailer',
        m_host: 'smtp.internal',
      });
      const args = ['--env-lines', lines, '--clear-env', '--', '/usr/bin/env'];
      const result = await run('exec', {}, args);
      assert.deepEqual(result.stdout.match(/^(DB_USER|MAX|HOST)=.*$/gm), [
        'DB_USER=web-user',
        'MAX=7',
        'HOST=smtp.internal',
      ]);
    });

    test('2: lines that declare nothing, or a name twice; all of them are reported', async () => {
      const wrong = await run('env', {}, [
        '--env-lines',
        'secret/db user\nsecret/db\n\nsecret/db user | 1st',
      ]);
      assert.equal(wrong.code, 2);
      assert.deepEqual(
        failuresOf(wrong).map(({ where }) => where),
        ['--env-lines, line 2', '--env-lines, line 4'],
      );
      const twice = await run('env', {}, ['--env', 'USER=secret/db#user', '--env-lines', 'secret/mail user']);
      assert.equal(twice.code, 2);
      assert.equal(failuresOf(twice)[0]?.message, 'the variable `USER` is named twice');
      const none = await run('env', { environment: { A: 'secret/db#user' } }, ['--env-lines', ' ']);
      assert.equal(none.code, 2);
    });

    test('--to both: variables and outputs of one run, or neither', async () => {
      const env = {
        GITHUB_ACTIONS: 'true',
        GITHUB_ENV: app.workspace.write('github', ''),
        GITHUB_OUTPUT: app.workspace.write('outputs', ''),
      };
      const args = ['--to', 'both', '--env', 'A=secret/db#user'];
      const result = await run('env', {}, args, { env });
      assert.equal(result.code, 0, result.stderr);
      for (const name of ['github', 'outputs'])
        assert.deepEqual(readGithubFile(app.workspace.read(name)), { A: 'web-user' });
      assert.match(result.stderr, /\$GITHUB_ENV and \$GITHUB_OUTPUT/);
      app.workspace.write('github', '');
      // Opens, and takes nothing.
      const full = await run('env', {}, args, { env: { ...env, GITHUB_OUTPUT: '/dev/full' } });
      assert.equal(full.code, 8, full.stderr);
      assert.match(full.stderr, /\$GITHUB_OUTPUT cannot be written to \(ENOSPC\)/);
      assert.equal(app.workspace.read('github'), '');
      const elsewhere = await run('env', {}, ['--format', 'gitlab', ...args]);
      assert.equal(elsewhere.code, 2);
      for (const [flag, where] of [
        [['--env', 'PATH=secret/db#user'], '--env PATH'],
        [['--env-lines', 'secret/db user | CI_X'], '--env-lines, line 1'],
        [['--env-from', 'secret/job'], '--env-from'],
      ] as const) {
        const hijack = await run('env', {}, ['--to', 'both', ...flag], { env });
        assert.equal(hijack.code, 8);
        assert.equal(failuresOf(hijack)[0]?.where, where);
      }
    });

    test('8 and 2: a flag has no `keys:`; its hints say what there is', async () => {
      const cases = [
        [['--env-from', 'secret/db'], 8, /is not a name/, /sanitize: true.*`environment:`.*--env NAME=REF/],
        [['--env-from', 'secret/bad'], 8, /decides which code/, /--env NAME=REF/],
        [['--env-from', 'secret/mail', '--env-from', 'secret/mail@1'], 8, /in two secrets/, /--env NAME=REF/],
        [['--env', 'A=secret/mail'], 2, /none of its keys/, /--env-from SECRET/],
        [['--env', 'A=mail'], 2, /none of its keys/, /--env-from SECRET/],
        [['--env', '*=secret/mail'], 2, /not the name of a variable/, /--env-from SECRET/],
        [['--format', 'env'], 2, /unknown --format `env`/, /`dotenv` here/],
        [['--format', 'github-actions'], 2, /unknown --format/, /`github` here/],
        [['--format', 'hvs.CAESICanaryCanaryCanaryCanary'], 2, /unknown --format/, /known formats/],
      ] as const;
      for (const [args, code, message, hint] of cases) {
        const result = await run('env', {}, args);
        assert.equal(result.code, code, result.stderr);
        const [failure] = failuresOf(result);
        assert.match(failure?.message ?? '', message);
        assert.match(failure?.hint ?? '', hint);
        assert.doesNotMatch(result.stderr, /keys\.|Canary/);
      }
    });

    test('3 and 2: a secret without a key for one variable, and what makes no sense together', async () => {
      const cases = [
        [{ A: 'secret/db' }, /none of its keys/],
        [{ A: 'db' }, /none of its keys/],
        [{ A: ['secret/db#user'] }, /only `\*` takes a list/],
        [{ A: { value: 'secret/db#user', keys: {} } }, /`keys` is for `\*` only/],
        [{ '*': { template: 'x' } }, /`\*` needs `value`/],
        [{ '*': { value: 'secret/db', mask: false } }, /`mask` is for a single variable/],
        [{ A: {} }, /exactly one of `value`, `template`, `token`/],
        [{ A: { template: 'x', token: true } }, /exactly one of/],
        [{ A: { template: 'x', min_ttl: '1h' } }, /`min_ttl` needs `token: true`/],
        [{ A: { template: 'x', keys: {} } }, /`keys` needs `value`/],
        [{ A: { template: '{{nobody.x}}' } }, /no secret is declared as `nobody`/],
        [{ 'A-B': 'secret/db#user' }, /not the name of a variable/],
      ] as const;
      for (const [environment, message] of cases) {
        const result = await run('env', { environment });
        assert.equal(result.code, 3, JSON.stringify(environment));
        assert.match(failuresOf(result)[0]?.message ?? '', message);
      }
      const flag = await run('env', {}, ['--env-from', 'secret/db/']);
      assert.equal(flag.code, 2);
      assert.match(
        failuresOf(flag)[0]?.message ?? '',
        /^the text does not name a secret: its path ends with/,
      );
    });

    test('`read --json` prints a secret, or several by reference', async () => {
      const one = await run('read', {}, ['secret/db', '--json']);
      assert.deepEqual(JSON.parse(one.stdout), {
        user: 'web-user',
        password: 'p@ss/word',
        port: 5432,
        'pool.max-size': 7,
      });
      const two = await run('read', {}, ['secret/mail', 'secret/db#port', '--json']);
      assert.deepEqual(JSON.parse(two.stdout), {
        'secret/mail': { user: 'mailer', host: 'smtp.internal' },
        'secret/db#port': 5432,
      });
      const plain = await run('read', {}, ['secret/db']);
      assert.equal(plain.code, 2);
      assert.match(failuresOf(plain)[0]?.hint ?? '', /--json/);
    });
  });

  describe('composed', () => {
    const secrets = { db: 'secret/db' };
    const environment = {
      DATABASE_URL: {
        template: 'postgres://{{db.user}}:{{#@url}}{{db.password}}{{/@url}}@db:{{db.port}}/web',
      },
    };
    const url = 'postgres://web-user:p%40ss%2Fword@db:5432/web';

    test('of a template, in every way that variables go', async () => {
      assert.deepEqual(await json({ secrets, environment }), { DATABASE_URL: url });
      const result = await run('exec', { secrets, environment }, [
        '--',
        '/bin/sh',
        '-c',
        'printf %s "$DATABASE_URL"',
      ]);
      assert.equal(result.stdout, url);
    });

    test('hidden as a whole and in parts, encoded ones included', async () => {
      const env = { GITHUB_ACTIONS: 'true', GITHUB_ENV: app.workspace.write('github', '') };
      const result = await run('env', { secrets, environment }, [], { env });
      assert.equal(result.code, 0, result.stderr);
      for (const mask of [url, 'web-user', 'p@ss/word', 'p%2540ss%252Fword', '5432'])
        assert.ok(
          result.stderr.includes(`::add-mask::${mask.replaceAll('%', '%25')}\n`) || mask.includes('%25'),
          mask,
        );
      assert.ok(result.stderr.includes('::add-mask::p%2540ss%252Fword\n'));
      assert.deepEqual(readGithubFile(app.workspace.read('github')), { DATABASE_URL: url });
      const script = 'echo "$DATABASE_URL"; echo web-user p@ss/word';
      const redacted = await run('exec', { secrets, environment }, [
        '--redact',
        '--',
        '/bin/sh',
        '-c',
        script,
      ]);
      assert.equal(redacted.stdout, '***\n*** ***\n');
    });

    test('6 and 7: a key that is missing, a template that does not parse', async () => {
      const missing = await run('env', { secrets, environment: { A: { template: '{{db.usr}}' } } });
      assert.equal(missing.code, 6);
      assert.match(failuresOf(missing)[0]?.where ?? '', /vaultonce\.yaml:\d+, environment\.A, template:1/);
      const broken = await run('exec', { secrets, environment: { A: { template: '{{#db}}' } } }, [
        '--',
        'true',
      ]);
      assert.equal(broken.code, 7);
      const go = await run('env', {
        secrets,
        environment: { A: { template: '{{ .Data.data.x | toJSON }}' } },
      });
      assert.match(failuresOf(go)[0]?.message ?? '', /^this looks like a Go template/);
    });
  });

  test('the token of the run: passed on, hidden, and not revoked', async () => {
    const environment = { VAULT_TOKEN: { token: true } };
    const env = { GITHUB_ACTIONS: 'true', GITHUB_OUTPUT: app.workspace.write('github', '') };
    const result = await run('env', { environment }, ['--to', 'output', '--log-level', 'debug'], { env });
    assert.equal(result.code, 0, result.stderr);
    const { VAULT_TOKEN: token = '' } = readGithubFile(app.workspace.read('github'));
    assert.match(token, /^\S{20,}$/);
    assert.ok(result.stderr.includes(`::add-mask::${token}\n`));
    assert.match(result.stderr, /"reason":"a variable holds it"/);
    assert.equal(await app.server.tokensLeft(), 1);
    await app.server.revokeTokens();
    const exec = await run('exec', { environment }, ['--', '/bin/sh', '-c', 'test -n "$VAULT_TOKEN"']);
    assert.equal(exec.code, 0, exec.stderr);
    assert.equal(await app.server.tokensLeft(), 1);
    await app.server.revokeTokens();
    const always = await run('env', { environment, revoke: 'always' });
    assert.equal(always.code, 3);
    assert.match(failuresOf(always)[0]?.where ?? '', /vaultonce\.yaml:\d+, environment\.VAULT_TOKEN$/);
    const auth = await createRole(app.server, 'brief', {
      token_policies: ['app'],
      token_ttl: '60s',
      token_max_ttl: '60s',
    });
    const ttl = await run('env', { auth, environment: { T: { token: true, min_ttl: '1h' } } });
    assert.equal(ttl.code, 10);
    assert.match(failuresOf(ttl)[0]?.message ?? '', /min_ttl of the variable/);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  describe('masks', () => {
    const named = (...names: readonly string[]): Record<string, string> =>
      Object.fromEntries(names.map((name) => [name, `secret/short#${name}`]));

    test('none for what every log has, with a warning that names the variables; `mask: false` is for others', async () => {
      const env = { GITHUB_ACTIONS: 'true', GITHUB_ENV: app.workspace.write('github', '') };
      const environment = {
        ...named('one', 'yes', 'off', 'none', 'long'),
        pin: { value: 'secret/short#pin', mask: false },
        open: { value: 'secret/db#user', mask: false },
      };
      const result = await run('env', { environment }, [], { env });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(
        result.stderr.match(/^::add-mask::.*$/gm)?.filter((line) => !/=|%/.test(line)),
        ['::add-mask::long enough'],
      );
      const log = result.stderr.split('\n').filter((line) => line.startsWith('{'));
      const warning = log
        .map((line) => JSON.parse(line) as { event: string })
        .find((one) => one.event === 'not_masked');
      assert.deepEqual(
        { ...warning, time: '' },
        {
          time: '',
          level: 'warn',
          event: 'not_masked',
          message:
            'not masked, because every log has such a text (fewer than 4 characters, true, false, null): one, yes, off; `mask: false` says that this is meant',
          names: ['one', 'yes', 'off'],
        },
      );
    });

    test('Azure sets them as plain variables', async () => {
      const { stdout } = await run('env', { environment: named('one', 'long') }, [], {
        env: { TF_BUILD: 'True' },
      });
      assert.match(stdout, /^##vso\[task\.setvariable variable=one;issecret=false\]1$/m);
      assert.match(stdout, /^##vso\[task\.setvariable variable=long;issecret=true\]long enough$/m);
    });

    test('exec --redact warns of what it leaves', async () => {
      const environment = { ...named('one', 'long'), open: { value: 'secret/db#user', mask: false } };
      const script = 'echo "$one $long $open"';
      const result = await run('exec', { environment }, ['--redact', '--', '/bin/sh', '-c', script]);
      assert.equal(result.stdout, '1 *** web-user\n');
      assert.deepEqual(logLines(result).find(({ event }) => event === 'not_masked')?.level, 'warn');
    });

    test('half of a surrogate pair in JSON is hidden as JSON shows it', async () => {
      const env = { GITHUB_ACTIONS: 'true', GITHUB_ENV: app.workspace.write('github', '') };
      const result = await run('env', { environment: { J: 'secret/half#json' } }, [], { env });
      assert.equal(result.code, 0, result.stderr);
      assert.ok(result.stderr.includes(String.raw`::add-mask::\ud800 half`));
      assert.doesNotMatch(result.stderr, /\ufffd/);
    });
  });

  test('a handover says where the variables went, unless it is to be quiet', async () => {
    const environment = { A: 'secret/db#user', B: 'secret/db#password' };
    const env = { CIRCLECI: 'true', BASH_ENV: app.workspace.write('bash-env', '') };
    const told = await run('env', { environment }, ['--log-format', 'text'], { env });
    assert.equal(told.stderr, 'vaultonce: 2 variables for $BASH_ENV\n');
    assert.equal((await run('env', { environment }, ['--quiet'], { env })).stderr, '');
    const azure = await run('env', { environment }, ['--to', 'output', '--log-format', 'text'], {
      env: { TF_BUILD: 'True' },
    });
    assert.match(azure.stderr, /^vaultonce: 2 variables for the outputs of this step$/m);
  });
});

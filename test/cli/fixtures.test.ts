import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** Outputs without a server, for previews and tests of templates. */
describe('fixtures', () => {
  let workspace: Workspace;
  before(() => {
    workspace = createWorkspace();
    workspace.write(
      'vaultonce.yaml',
      `auth: { method: approle, role_id: none }
secrets: { db: secret/db, gone: { path: secret/gone, optional: true }, flags: { path: secret/flags, default: { beta: 'off' } } }
outputs:
  - { path: app.txt, contents: '{{db.password}} {{db.port}} v{{db.@version}} {{flags.beta}}{{^gone}} alone{{/gone}}' }
  - { path: db.json, format: json, secret: db }
output: { directory: '${workspace.path('out')}' }
`,
    );
    workspace.write('fixtures.yaml', 'db: { password: "it\'s", port: 5432, "@version": 7 }\n');
  });
  after(() => {
    workspace.remove();
  });

  const run = (args: readonly string[]): Promise<CliResult> => runCli(args, { cwd: workspace.root });

  test('render writes the outputs without a server, an address or credentials', async () => {
    const result = await run(['render', '--fixtures', 'fixtures.yaml', '--report', '-']);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(workspace.read('out/app.txt'), "it's 5432 v7 off alone");
    assert.deepEqual(JSON.parse(workspace.read('out/db.json')), { password: "it's", port: 5432 });
    assert.equal((JSON.parse(result.stdout) as { requests: number }).requests, 0);
  });

  test('check proves that all keys are there, and writes nothing', async () => {
    const proved = await run(['check', '--fixtures', 'fixtures.yaml']);
    assert.equal(proved.code, 0);
    assert.match(proved.stdout, /^all outputs render \(2\)$/m);
    assert.doesNotMatch(proved.stdout, /not on tmpfs/);
    workspace.write('disk.yaml', "secrets: { db: secret/db }\noutputs: [{ path: /proc/x, contents: 'x' }]\n");
    const disk = await run(['check', '-c', 'disk.yaml', '--address', 'http://127.0.0.1:1']);
    assert.match(disk.stdout, /^not on tmpfs on this machine: \/proc\/x \(a file system of type 0x9fa0\)$/m);
    workspace.write('lacking.json', '{"db": {"port": 1}}');
    for (const command of ['check', 'render']) {
      const result = await run([command, '--fixtures', 'lacking.json']);
      assert.equal(result.code, 6);
      assert.match(failuresOf(result)[0]?.message ?? '', /password/);
    }
  });

  test('check proves the variables, too, and `render` takes the same file', async () => {
    const config = (environment: object): string =>
      JSON.stringify({
        secrets: { db: 'secret/db' },
        outputs: [{ path: workspace.path('out/p'), value: 'db#password' }],
        environment,
      });
    workspace.write(
      'all.yaml',
      'db: { password: pw, user: u }\nsecret/mail: { host: h, port: 1 }\nsecret/tls@2: { key: k }\n',
    );
    const proved = async (environment: object): Promise<CliResult> => {
      workspace.write('all.json', config(environment));
      return run(['check', '-c', 'all.json', '--fixtures', 'all.yaml']);
    };
    const good = {
      '*': { value: 'secret/mail', keys: { prefix: 'MAIL_', case: 'upper' } },
      KEY: 'secret/tls#key@2',
      URL: { template: 'https://{{db.user}}:{{db.password}}@x' },
      VAULT_TOKEN: { token: true },
      USER: 'secret/db#user',
    };
    const all = await proved(good);
    assert.equal(all.code, 0, all.stderr);
    assert.match(all.stdout, /^all outputs render \(1\)\nall variables render \(6\)$/m);
    assert.match(all.stdout, /^values {3}all\.yaml$/m);
    assert.match(all.stdout, /^URL +- +- +template$/m);
    assert.match(all.stdout, /^\* +secret\/mail +\*$/m);
    const rendered = await run(['render', '-c', 'all.json', '--fixtures', 'all.yaml']);
    assert.equal(rendered.code, 0, rendered.stderr);
    const cases = [
      [{ ...good, X: 'db#usr' }, 6, /has no key `usr`/],
      [{ ...good, X: { template: '{{db.usr}}' } }, 6, /has no key `usr`/],
      [{ ...good, X: { template: '{{#@base64decode}}{{db.user}}{{/@base64decode}}' } }, 7, /not base64/],
      [{ ...good, '*': ['secret/mail', 'db', 'secret/mail@1'] }, 3, /no secret `secret\/mail@1`/],
      [
        { ...good, '*': ['secret/mail', { value: 'db', keys: { rename: { user: 'A', password: 'A' } } }] },
        8,
        /named `A`/,
      ],
    ] as const;
    for (const [environment, code, message] of cases) {
      const result = await proved(environment);
      assert.equal(result.code, code, result.stderr);
      assert.ok(
        failuresOf(result).some((failure) => message.test(failure.message ?? '')),
        result.stderr,
      );
    }
  });

  test('a key that starts with @ is a key like any other, unless it is metadata; that has its type', async () => {
    workspace.write('at.yaml', 'db: { password: x, port: 1, "@id": 2, "@version": 3 }\n');
    assert.equal((await run(['render', '--fixtures', 'at.yaml'])).code, 0);
    assert.deepEqual(JSON.parse(workspace.read('out/db.json')), { '@id': 2, password: 'x', port: 1 });
    workspace.write('typed.yaml', 'db: { "@version": canary, "@lease_id": 1 }\n');
    const result = await run(['render', '--fixtures', 'typed.yaml']);
    assert.equal(result.code, 3);
    assert.deepEqual(
      failuresOf(result).map(({ message }) => message),
      [
        'the fixture of `db` has an @version that is not a number',
        'the fixture of `db` has an @lease_id that is not a text',
      ],
    );
    assert.doesNotMatch(result.stderr, /canary/);
  });

  test('check proves variables, too: composed ones and all keys, beside outputs or alone', async () => {
    const config = (name: string, environment: object, more: object = {}): string[] => {
      workspace.write(name, JSON.stringify({ secrets: { db: 'secret/db' }, environment, ...more }));
      return ['check', '-c', name, '--fixtures', 'fixtures.yaml', '--address', 'http://127.0.0.1:1'];
    };
    const good = {
      PORT: 'secret/db#port',
      URL: { template: 'pg://{{db.password}}:{{db.port}}' },
      '*': { value: 'db', keys: { include: ['p*'], prefix: 'DB_' } },
    };
    const outputs = [{ path: 'out/x', contents: '{{db.port}}' }];
    const alone = await runCli(config('alone.yaml', good), { cwd: workspace.root });
    assert.equal(alone.code, 0, alone.stderr);
    assert.match(alone.stdout, /^all variables render \(4\)$/m);
    assert.doesNotMatch(alone.stdout, /all outputs/);
    const both = await runCli([...config('both.yaml', good, { outputs }), '--json'], { cwd: workspace.root });
    assert.equal(both.code, 0, both.stderr);
    const { rendered, rendered_variables: variables } = JSON.parse(both.stdout) as Record<string, unknown>;
    assert.deepEqual([rendered, variables], [1, 4]);
    workspace.write('mail.yaml', 'db: { password: a, port: 1 }\nsecret/mail: { user: b }\n');
    const other = config('other.yaml', { USER: 'secret/mail#user' }, { outputs });
    const mailed = [...other.slice(0, -3), 'mail.yaml', ...other.slice(-2)];
    assert.equal((await runCli(mailed, { cwd: workspace.root })).code, 0);
    const rendering = ['render', '--allow-disk', ...mailed.slice(1, -2)];
    assert.equal((await runCli(rendering, { cwd: workspace.root })).code, 0);
    const lacking = await runCli(other, { cwd: workspace.root });
    assert.equal(lacking.code, 3);
    assert.equal(failuresOf(lacking)[0]?.message, 'the fixtures have no secret `secret/mail`');
    for (const [code, environment, said] of [
      [6, { A: { template: '{{db.usr}}' } }, /no key `usr`/],
      [6, { A: 'db#nope' }, /nope/],
      [3, { A: 'other#x' }, /no secret is declared as `other`/],
      [7, { A: { template: '{{#@base64decode}}{{db.password}}{{/@base64decode}}' } }, /base64/],
      [8, { '*': { value: 'db', keys: { rename: { port: 'no name' } } } }, /is not a name/],
    ] as const) {
      const broken = config('broken.yaml', environment, { outputs });
      const result = await runCli(broken, { cwd: workspace.root });
      assert.equal(result.code, code, result.stderr);
      const [failure, ...others] = failuresOf(result);
      assert.match(failure?.message ?? '', said);
      assert.match(failure?.where ?? '', /^broken\.yaml.*environment\./);
      assert.deepEqual(others, []);
    }
  });

  test('`parse: json` is for fixtures, too', async () => {
    workspace.write(
      'parse.yaml',
      `secrets: { db: { path: secret/db, parse: json } }
outputs: [{ path: p, contents: '{{db.conf.a}} {{db.conf}}' }]
output: { directory: '${workspace.path('out')}' }
`,
    );
    workspace.write('parsed.yaml', `db: { conf: '{"a": 1.10}' }\n`);
    const result = await run(['render', '-c', 'parse.yaml', '--fixtures', 'parsed.yaml']);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(workspace.read('out/p'), '1.10 {"a": 1.10}');
  });

  test('3: a secret that is missing, one that is not declared, one that is no map, and no file', async () => {
    workspace.write('wrong.yaml', 'bd: {}\nflags: text\n');
    const result = await run(['render', '--fixtures', 'wrong.yaml']);
    assert.equal(result.code, 3);
    assert.deepEqual(
      failuresOf(result).map(({ message }) => message),
      [
        'no secret is declared as `bd`',
        'the fixtures have no secret `db`',
        'the fixture of `flags` is not a map of keys',
      ],
    );
  });

  test('3: a fixtures file that cannot be used is called that, and is not taken for the config', async () => {
    workspace.write('empty.yaml', '');
    workspace.write('list.json', '[1]');
    workspace.write('two.yaml', '---\na: 1\n---\nb: 2\n');
    workspace.write('large.yaml', 'a'.repeat(10 * 1024 * 1024 + 1));
    for (const [file, expected] of [
      ['none.yaml', 'the fixtures file cannot be read (ENOENT)'],
      ['out', 'the fixtures file cannot be read (EISDIR)'],
      ['empty.yaml', 'the fixtures file is empty'],
      ['list.json', 'the fixtures file is not a map of keys'],
      ['two.yaml', 'the fixtures file must be a single YAML document'],
      ['large.yaml', 'the file is too large for a fixtures file'],
    ] as const) {
      for (const command of ['check', 'render']) {
        const result = await run([command, '--fixtures', file]);
        assert.equal(result.code, 3);
        const [failure, ...more] = failuresOf(result);
        assert.deepEqual(more, []);
        assert.equal(failure?.message, expected);
        assert.equal(failure.where, file);
        assert.doesNotMatch(failure.hint ?? '', /-c\b|config|outputs/);
      }
    }
  });

  test('3: a partial that cannot be read is not called a template', async () => {
    workspace.write('parts/app.mustache', '{{> part}}');
    mkdirSync(workspace.path('parts/part.mustache'));
    const config = workspace.write(
      'parts/vaultonce.yaml',
      'vault: { address: http://v }\nsecrets: { db: secret/db }\noutputs: [{ path: /dev/shm/x, template: app.mustache }]\n',
    );
    const result = await run(['check', '-c', config]);
    assert.equal(result.code, 3);
    const [failure] = failuresOf(result);
    assert.equal(failure?.message, 'the partial cannot be read (EISDIR)');
    assert.match(failure.where ?? '', /, part\.mustache$/);
  });
});

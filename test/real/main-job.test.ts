import assert from 'node:assert/strict';
import { statSync, symlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { VERSION } from '../../src/base/version.ts';
import { createRole, requestsOf, startApp, type TestApp } from '../support/app.ts';
import { failuresOf, logLines, runCli } from '../support/cli.ts';

describe('the main job', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    for (let index = 0; index < 12; index += 1) {
      await app.putKv2(`app/s${String(index)}`, {
        username: `user${String(index)}`,
        password: `pass-${String(index)}`,
      });
    }
    await app.putKv1('legacy', { data: { nested: 'yes' }, token: 'old' });
    app.server.takeAudit();
  });
  after(() => app.stop());

  const twelve = Object.fromEntries(
    Array.from({ length: 12 }, (_, index) => [`s${String(index)}`, `secret/app/s${String(index)}`]),
  );

  test('one login, one mount look-up, one read for each secret, one revoke; no token left', async () => {
    const result = await app.render({
      secrets: twelve,
      outputs: [
        { path: 'a.env', format: 'dotenv', secret: 's0', keys: { case: 'upper' } },
        { path: 'b/c.txt', contents: '{{s1.password}} {{s11.username}}\n' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(result.stdout, '');
    const requests = requestsOf(app.server);
    assert.equal(requests[0], 'update auth/approle/login');
    assert.equal(requests[1], 'read sys/internal/ui/mounts');
    assert.equal(requests.at(-1), 'update auth/token/revoke-self');
    const reads = requests.slice(2, -1);
    assert.deepEqual(
      reads.sort(),
      Object.keys(twelve)
        .map((name) => `read secret/data/app/${name}`)
        .sort(),
    );
    assert.equal(await app.server.tokensLeft(), 0);
    assert.equal(app.workspace.read('out/a.env'), 'PASSWORD=pass-0\nUSERNAME=user0\n');
    assert.equal(app.workspace.read('out/b/c.txt'), 'pass-1 user11\n');
    assert.equal(app.workspace.mode('out/a.env'), '0400');
    assert.equal(app.workspace.mode('out'), '0700');
    assert.equal(app.workspace.mode('out/b'), '0700');
  });

  test('no mount look-up when every engine is declared', async () => {
    app.server.takeAudit();
    const result = await app.render({
      secrets: { a: { path: 'secret/app/s0', engine: 'kv2' }, b: { path: 'kv1/legacy', engine: 'kv1' } },
      outputs: [{ path: 'declared.json', format: 'json', secret: ['a', 'b'] }],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(requestsOf(app.server).sort(), [
      'read kv1/legacy',
      'read secret/data/app/s0',
      'update auth/approle/login',
      'update auth/token/revoke-self',
    ]);
  });

  test('secrets that need the same request share one, however they are written', async () => {
    app.server.takeAudit();
    const result = await app.render({
      secrets: {
        a: 'secret/app/s0',
        b: 'secret/data/app/s0',
        c: '/v1/secret/app/s0',
        d: { path: 'secret/app/s0', version: 1 },
      },
      outputs: [
        { path: 'shared.txt', contents: '{{a.password}} {{b.password}} {{c.password}} {{d.password}}' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    const reads = requestsOf(app.server).filter((request) => request.startsWith('read secret/'));
    assert.equal(reads.length, 2, 'the latest version once, the pinned version once');
    assert.equal(app.workspace.read('out/shared.txt'), 'pass-0 pass-0 pass-0 pass-0');
  });

  test('one answer is read in two ways, if `engine` says so', async () => {
    app.server.takeAudit();
    const result = await app.render({
      secrets: {
        whole: { path: 'secret/data/app/s0', engine: 'raw' },
        logical: 'secret/app/s0',
      },
      outputs: [
        {
          path: 'ways.txt',
          contents: '{{whole.data.password}} {{whole.metadata.version}} {{logical.password}}',
        },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    const reads = requestsOf(app.server).filter((request) => request.startsWith('read secret/'));
    assert.equal(reads.length, 1);
    assert.equal(app.workspace.read('out/ways.txt'), 'pass-0 1 pass-0');
  });

  test('requests go over kept-alive connections, no more than concurrency allows', async () => {
    app.server.takeAudit();
    const result = await app.render({
      secrets: twelve,
      concurrency: 3,
      outputs: [{ path: 'x', contents: 'x' }],
    });
    assert.equal(result.code, 0, result.stderr);
    const ports = new Set(app.server.takeAudit().map(({ remotePort }) => remotePort));
    assert.ok(ports.size <= 3, `${String(ports.size)} connections`);
  });

  test('a kv1 secret with a key named `data` is read as it is', async () => {
    const result = await app.render({
      secrets: { legacy: 'kv1/legacy' },
      outputs: [
        { path: 'kv1.json', format: 'json', secret: 'legacy' },
        { path: 'kv1.txt', contents: '{{legacy.data.nested}} {{legacy.token}}' },
      ],
    });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(JSON.parse(app.workspace.read('out/kv1.json')), {
      data: { nested: 'yes' },
      token: 'old',
    });
    assert.equal(app.workspace.read('out/kv1.txt'), 'yes old');
  });

  test('check tells the mode that a directory gets from all outputs below it', async () => {
    const config = {
      secrets: { a: 'secret/app/s0' },
      outputs: [
        { path: 'modes/key', secret: 'a', key: 'password' },
        { path: 'modes/user', secret: 'a', key: 'username', mode: '0440' },
        { path: 'modes/below/all/', format: 'files', secret: 'a', mode: '0444' },
      ],
    };
    const { stdout } = await runCli(['check', '--json', '-c', app.config(config)]);
    const { outputs } = JSON.parse(stdout) as { outputs: { directory_mode: string }[] };
    const told = outputs.map(({ directory_mode: mode }) => mode);
    const result = await app.render(config);
    assert.equal(result.code, 0, result.stderr);
    const made = ['out/modes', 'out/modes', 'out/modes/below/all'].map((path) =>
      (statSync(app.workspace.path(path)).mode & 0o777).toString(8).padStart(4, '0'),
    );
    assert.deepEqual(told, made);
  });

  test('a second run with the same secrets touches no file', async () => {
    const config = {
      secrets: { a: 'secret/app/s0' },
      outputs: [
        { path: 'again.env', format: 'dotenv', secret: 'a' },
        { path: 'again/', format: 'files', secret: 'a' },
      ],
    };
    assert.equal((await app.render(config)).code, 0);
    const before = app.workspace.snapshot('out');
    const result = await app.render(config);
    assert.equal(result.code, 0);
    assert.deepEqual(app.workspace.snapshot('out'), before);
    assert.match(result.stderr, /"changed":0/);
  });

  test('the report tells stages, requests, secrets and outputs, and no value', async () => {
    const result = await app.render(
      {
        secrets: { a: 'secret/app/s0', gone: { path: 'secret/app/none', optional: true } },
        outputs: [{ path: 'r.env', format: 'dotenv', secret: 'a', mode: '0440' }],
      },
      ['--report', '-'],
    );
    assert.equal(result.code, 0, result.stderr);
    const report = JSON.parse(result.stdout) as Record<string, unknown>;
    assert.equal(report['status'], 'success');
    assert.equal(report['requests'], 5);
    assert.equal(report['retries'], 0);
    assert.ok(Number(report['bytes']) > 100);
    assert.deepEqual(Object.keys(report['stages_ms'] as object), [
      'config',
      'login',
      'fetch',
      'render',
      'write',
    ]);
    assert.deepEqual(report['secrets'], [
      { name: 'a', status: 'found', path: 'secret/data/app/s0', version: 1 },
      { name: 'gone', status: 'absent', path: 'secret/data/app/none' },
    ]);
    assert.deepEqual(report['outputs'], [
      { path: app.workspace.path('out/r.env'), mode: '0440', changed: true, bytes: 31 },
    ]);
    assert.deepEqual(report['session'], {
      method: 'approle',
      minted: true,
      token_type: 'service',
      revoked: true,
    });
    assert.doesNotMatch(result.stdout, /pass-0|user0/);
  });

  test('--report FILE is written in place, for a failed run too', async () => {
    const report = app.workspace.write('report.json', 'what was there before, and longer than nothing');
    const result = await app.render({ secrets: { a: 'secret/app/none' } }, ['--report', report]);
    assert.equal(result.code, 6);
    const written = JSON.parse(app.workspace.read('report.json')) as {
      exit_code: number;
      failures: { kind: string }[];
    };
    assert.equal(written.exit_code, 6);
    assert.deepEqual(
      written.failures.map(({ kind }) => kind),
      ['not_found'],
    );
  });

  test('the report goes where $VAULTONCE_REPORT says, unless the flag says otherwise', async () => {
    const config = { secrets: { a: 'secret/app/s0' } };
    const result = await app.render(config, [], { env: { VAULTONCE_REPORT: '-' } });
    assert.equal((JSON.parse(result.stdout) as { exit_code: number }).exit_code, 0);
    const other = app.workspace.path('flag.json');
    const flagged = await app.render(config, ['--report', other], { env: { VAULTONCE_REPORT: '-' } });
    assert.equal(flagged.stdout, '');
    assert.match(app.workspace.read('flag.json'), /"exit_code": 0/);
  });

  test('the termination message: in place, one line, within its limit, and never made where there is none', async () => {
    const message = app.workspace.write('termination-log', 'what an earlier try has left'.repeat(400));
    const env = { VAULTONCE_TERMINATION_LOG: message };
    const read = (): Record<string, unknown> =>
      JSON.parse(app.workspace.read('termination-log')) as Record<string, unknown>;
    await app.render({ secrets: { a: 'secret/app/s0' } }, [], { env });
    assert.deepEqual(
      { ...read(), duration_ms: 0 },
      {
        vaultonce: VERSION,
        exit_code: 0,
        failures: [],
        secrets: 1,
        outputs: 0,
        requests: 4,
        retries: 0,
        duration_ms: 0,
      },
    );

    const names = Array.from({ length: 100 }, (_, index) => `missing_${String(index)}`);
    const secrets = Object.fromEntries(names.map((name) => [name, `secret/none/${name}`]));
    const failed = await app.render({ secrets }, [], { env });
    assert.equal(failed.code, 6);
    assert.equal(failuresOf(failed).length, 100);
    assert.ok(Buffer.byteLength(app.workspace.read('termination-log')) <= 4096);
    const { exit_code, failures, more_failures } = read() as {
      exit_code: number;
      failures: { where: string }[];
      more_failures: number;
    };
    assert.equal(exit_code, 6);
    assert.match(failures[0]?.where ?? '', /secrets\.missing_0$/);
    assert.equal(failures.length + more_failures, 100);

    // What decides the code comes first.
    const many = { secrets: { none: 'secret/none', denied: 'forbidden/x', a: 'secret/app/s0' } };
    const mixed = await app.render({ ...many, outputs: [{ path: 'x', value: 'a#nothing' }] }, [], { env });
    assert.equal(mixed.code, 5, mixed.stderr);
    const shown = read() as { failures: { kind: string }[] };
    assert.deepEqual(
      shown.failures.map(({ kind }) => kind),
      ['denied', 'not_found', 'not_found'],
    );
    const none = app.workspace.path('no-such-log');
    await app.render({ secrets: {} }, [], { env: { VAULTONCE_TERMINATION_LOG: none } });
    assert.ok(!app.workspace.list().includes('no-such-log'));
  });

  test('a report in the place of an output is refused: neither is written', async () => {
    const config = {
      secrets: { a: 'secret/app/s0' },
      outputs: [
        { path: 'taken.txt', contents: '{{a.password}}', mode: '0600' },
        { path: 'all/', format: 'files', secret: 'a', mode: '0600' },
      ],
    };
    const refused = async (path: string, index: number): Promise<void> => {
      app.server.takeAudit();
      const before = app.workspace.snapshot('out');
      const result = await app.render(config, ['--report', app.workspace.path(path)]);
      assert.equal(result.code, 3, result.stderr);
      const [failure] = failuresOf(result);
      assert.equal(failure?.where, '--report');
      assert.match(
        failure.message ?? '',
        new RegExp(`would be written into .*outputs\\[${String(index)}\\]`),
      );
      assert.deepEqual(app.workspace.snapshot('out'), before);
      assert.deepEqual(requestsOf(app.server), []);
    };
    await refused('out/taken.txt', 0);
    assert.equal((await app.render(config)).code, 0);
    await refused('out/taken.txt', 0);
    await refused('out/all/password', 1);
    await refused('out/all/report.json', 1);
    symlinkSync(app.workspace.path('out/taken.txt'), app.workspace.path('linked.json'));
    await refused('linked.json', 0);
    assert.equal((await app.render(config, ['--report', app.workspace.path('out/report.json')])).code, 0);
  });

  test('an unwritable report is told before any request', async () => {
    app.server.takeAudit();
    const result = await app.render({ secrets: { a: 'secret/app/s0' } }, [
      '--report',
      '/nonexistent/report.json',
    ]);
    assert.equal(result.code, 8);
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('logs: JSON lines without a terminal, levels, --quiet, --log-format text', async () => {
    const config = { secrets: { a: 'secret/app/s0' }, outputs: [{ path: 'log.txt', contents: 'x' }] };
    const info = logLines(await app.render(config)).map(({ event }) => event);
    assert.deepEqual(info, ['finished']);
    const debug = logLines(await app.render(config, ['--log-level', 'debug'])).map(({ event }) => event);
    for (const event of [
      'config_loaded',
      'request',
      'logged_in',
      'secret_fetched',
      'token_revoked',
      'finished',
    ]) {
      assert.ok(debug.includes(event), event);
    }
    assert.equal((await app.render(config, ['--quiet'])).stderr, '');
    const text = await app.render(config, ['--log-format', 'text']);
    assert.match(text.stderr, /^vaultonce: 1 file complete \(0 changed\) from 1 secret, 4 requests, \d/);
    const fromEnvironment = await app.render(config, [], { env: { VAULTONCE_LOG_LEVEL: 'error' } });
    assert.equal(fromEnvironment.stderr, '');
  });

  test('on a terminal: a spinner with what is going on, text, colours; none with NO_COLOR', async () => {
    const config = { secrets: twelve, outputs: [{ path: 'tty.txt', contents: 'x' }] };
    const coloured = await app.render(config, [], { terminal: true, env: { TERM: 'xterm' } });
    assert.equal(coloured.code, 0, coloured.stdout);
    assert.match(coloured.stdout, /logging in|secrets|writing/);
    assert.match(coloured.stdout, /\u001b\[32mvaultonce: /);
    assert.match(coloured.stdout, /1 file complete/);
    const plain = await app.render(config, [], { terminal: true, env: { TERM: 'xterm', NO_COLOR: '1' } });
    assert.match(plain.stdout, /vaultonce: 1 file complete/);
    assert.doesNotMatch(plain.stdout, /\u001b\[3[0-9]m/);
  });

  test('revoke: never keeps the token; a batch token is left alone; a given token is not revoked', async () => {
    const config = { secrets: { a: 'secret/app/s0' }, outputs: [{ path: 'v.txt', contents: 'x' }] };
    assert.equal((await app.render({ ...config, revoke: 'never' })).code, 0);
    assert.equal(await app.server.tokensLeft(), 1);

    const batch = await createRole(app.server, 'batch', { token_policies: ['app'], token_type: 'batch' });
    app.server.takeAudit();
    assert.equal((await app.render({ ...config, auth: batch })).code, 0);
    assert.ok(!requestsOf(app.server).includes('update auth/token/revoke-self'));

    const created = await app.server.api.post('auth/token/create', { policies: ['app'] });
    const token = created.auth?.client_token ?? '';
    const given = { ...config, auth: { method: 'token', token } };
    assert.equal((await app.render(given)).code, 0);
    assert.equal((await app.render({ ...given, revoke: 'always' })).code, 0);
    const after = await app.render(given);
    assert.equal(after.code, 4, 'revoked by `always`');
    assert.match(failuresOf(after)[0]?.hint ?? '', /expired|unknown/);
  });
});

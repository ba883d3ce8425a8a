import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, rmSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, runCli, type CliResult } from '../support/cli.ts';
import { needsPlugins, needsRoot, OTHER_USER } from '../support/needs.ts';

const STATE = '.vaultonce-reuse.json';

/** What an earlier run has written and is still good is kept. */
describe('reuse', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const { api } = app.server;
    await api.post('sys/mounts/pki', { type: 'pki' });
    await api.post('pki/root/generate/internal', { common_name: 'test root', ttl: '24h' });
    await api.post('pki/roles/web', { allow_any_name: true, ttl: '2h', key_type: 'ec', key_bits: 256 });
    await app.putKv2('a', { key: 'value' });
  });
  beforeEach(() => {
    rmSync(app.workspace.path('out'), { recursive: true, force: true });
    app.server.takeAudit();
  });
  after(() => app.stop());

  const tls: TestConfig = {
    path: 'pki/issue/web',
    write: { common_name: 'web.example.com' },
    min_ttl: '1h',
    reuse: true,
  };
  const outputs: TestConfig[] = [
    { path: 'tls.pem', format: 'pem', secret: 'tls', keys: { include: ['certificate', 'ca_chain'] } },
    { path: 'tls.key', secret: 'tls', key: 'private_key' },
  ];
  const job = (more: TestConfig = {}): TestConfig => ({ secrets: { tls }, outputs, ...more });
  const run = async (more: TestConfig = {}, args: string[] = []): Promise<CliResult> => {
    const result = await app.render(job(more), args);
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  const serial = (): string => new X509Certificate(app.workspace.read('out/tls.pem')).serialNumber;
  const issued = (): number =>
    requestsOf(app.server).filter((request) => request === 'update pki/issue/web').length;
  /** Runs, and says whether a certificate was issued. */
  const mints = async (more: TestConfig = {}): Promise<boolean> => {
    app.server.takeAudit();
    await run(more);
    return issued() === 1;
  };

  test('a second run asks for nothing and touches nothing, not even the server', async () => {
    await run();
    const before = app.workspace.snapshot('out');
    app.server.takeAudit();
    const result = await run({ auth: { method: 'token', token_file: '/nonexistent' } }, ['--report', '-']);
    assert.deepEqual(requestsOf(app.server), []);
    assert.deepEqual(app.workspace.snapshot('out'), before);
    const report = JSON.parse(result.stdout) as {
      reused: { name: string; expires_at: number }[];
      outputs: { path: string; changed: boolean }[];
      session: unknown;
    };
    const [reused] = report.reused;
    assert.equal(reused?.name, 'tls');
    const left = reused.expires_at - Date.now() / 1000;
    assert.ok(left > 7000 && left < 7300, String(left));
    assert.deepEqual(
      report.outputs.map(({ changed }) => changed),
      [false, false],
    );
    assert.equal(report.session, null);
    assert.match(result.stderr, /"event":"secret_reused","name":"tls"/);
    assert.equal(app.workspace.mode(`out/${STATE}`), '0400');
    const key = app.workspace.read('out/tls.key').split('\n')[1] ?? '';
    assert.ok(key.length > 20 && !app.workspace.read(`out/${STATE}`).includes(key));
  });

  test('what else is declared is fetched as ever', async () => {
    const more = {
      secrets: { tls, a: 'secret/a' },
      outputs: [...outputs, { path: 'a.txt', contents: '{{a.key}}' }],
    };
    await run(more);
    const first = serial();
    await app.putKv2('a', { key: 'changed' });
    app.server.takeAudit();
    await run(more);
    assert.equal(app.workspace.read('out/a.txt'), 'changed');
    assert.equal(serial(), first);
    assert.deepEqual(requestsOf(app.server), [
      'update auth/approle/login',
      'read sys/internal/ui/mounts',
      'read secret/data/a',
      'update auth/token/revoke-self',
    ]);
  });

  test('what is gone, changed, made differently or ends too soon is minted anew, with all that belongs to it', async () => {
    await run();
    const first = serial();
    rmSync(app.workspace.path('out/tls.key'));
    assert.ok(await mints(), 'one file is gone');
    assert.notEqual(serial(), first, 'the certificate is that of the new key');
    rmSync(app.workspace.path('out/tls.key'));
    app.workspace.write('out/tls.key', 'something else');
    assert.ok(await mints(), 'one file is another');
    assert.ok(!(await mints()));
    const secrets = (fields: TestConfig): TestConfig => ({ secrets: { tls: { ...tls, ...fields } } });
    assert.ok(await mints(secrets({ write: { common_name: 'api.example.com' } })), 'another request');
    assert.ok(await mints(secrets({})), 'and back');
    assert.ok(!(await mints(secrets({ min_ttl: '90m' }))));
    const long = await app.render(job(secrets({ min_ttl: '5h' })));
    assert.equal(long.code, 10, 'it ends too soon, and so does a new one');
    const [pem, key] = outputs;
    assert.ok(await mints({ outputs: [{ ...pem, keys: { include: ['certificate'] } }, key ?? {}] }));
    assert.ok(
      await mints({ outputs: [...outputs, { path: 'more.key', secret: 'tls', key: 'private_key' }] }),
    );
    // What is written of it stays good; the output that nobody declares any more does not matter.
    assert.ok(!(await mints()));
  });

  test('a key store, until its password changes', async () => {
    const password_file = app.workspace.write('store-password', 'changeit');
    const store = { path: 'web.p12', format: 'pkcs12', secret: 'tls', password_file };
    assert.ok(await mints({ outputs: [store] }));
    assert.ok(!(await mints({ outputs: [store] })));
    app.workspace.write('store-password', 'changed');
    assert.ok(await mints({ outputs: [store] }));
    const literal = { path: 'web.p12', format: 'pkcs12', secret: 'tls', password: 'one' };
    assert.ok(await mints({ outputs: [literal] }));
    assert.ok(!(await mints({ outputs: [literal] })));
    assert.ok(await mints({ outputs: [{ ...literal, password: 'two' }] }));
  });

  describe('what has no end, for max_age', () => {
    const kv = (fields: TestConfig = {}): TestConfig => ({
      secrets: { a: { path: 'secret/a', reuse: true, max_age: '1h', ...fields } },
      outputs: [{ path: 'a.txt', value: 'a#key' }],
    });
    /** Runs, and says whether anything was asked. */
    const asks = async (config: TestConfig, args: string[] = []): Promise<boolean> => {
      app.server.takeAudit();
      const result = await app.render(config, args);
      assert.equal(result.code, 0, result.stderr);
      return requestsOf(app.server).length > 0;
    };
    /** As if everything had been read that many seconds earlier. */
    const age = (seconds: number): void => {
      const name = `out/${STATE}`;
      const text = app.workspace
        .read(name)
        .replace(/"read_at": (\d+)/g, (_, at: string) => `"read_at": ${String(Number(at) - seconds)}`);
      rmSync(app.workspace.path(name));
      app.workspace.write(name, text, 0o400);
    };

    test('it is kept without a login, however used up its credential is; then it is read again', async () => {
      await app.putKv2('a', { key: 'first' });
      assert.ok(await asks(kv()));
      await app.putKv2('a', { key: 'second' });
      const usedUp = { auth: { method: 'token', token_file: '/nonexistent' } };
      const again = await app.render({ ...kv(), ...usedUp }, ['--report', '-', '--log-format', 'text']);
      assert.equal(again.code, 0, again.stderr);
      const { reused } = JSON.parse(again.stdout) as { reused: { read_at: number; expires_at?: number }[] };
      assert.equal(reused[0]?.expires_at, undefined);
      assert.ok(Math.abs((reused[0]?.read_at ?? 0) - Date.now() / 1000) < 60);
      assert.match(again.stderr, /reused a from an earlier run: it was read at \d{4}-/);
      assert.equal(app.workspace.read('out/a.txt'), 'first');
      age(3590);
      assert.ok(!(await asks(kv())));
      assert.ok(await asks(kv({ max_age: '59m' })), 'a shorter one counts at once');
      assert.equal(app.workspace.read('out/a.txt'), 'second');
      age(3601);
      assert.ok(await asks(kv()));
      age(-3000);
      assert.ok(await asks(kv()), 'read in the future');
      assert.ok(!(await asks(kv())));
    });

    test('a secret that exists only by optional, and one beside a certificate', async () => {
      const optional = { b: { path: 'secret/none', optional: true, reuse: true, max_age: '1h' } };
      const absent = { secrets: optional, outputs: [{ path: 'b', format: 'json', secret: 'b' }] };
      assert.ok(await asks(absent));
      assert.ok(!(await asks(absent)));
      const both = {
        secrets: { ...(kv()['secrets'] as object), tls },
        outputs: [{ path: 'both', contents: '{{a.key}}{{tls.serial_number}}' }],
      };
      assert.ok(await asks(both));
      assert.ok(!(await asks(both)));
      age(3601);
      assert.ok(await asks(both));
      const aged = { secrets: { tls: { ...tls, max_age: '1m' } }, outputs };
      assert.ok(await asks(aged));
      assert.ok(!(await asks(aged)));
      age(61);
      assert.ok(await asks(aged), 'it has an end, but is too old');
    });

    test('without max_age it is never kept, and the error says to set it', async () => {
      const limited = await app.render({
        ...kv(),
        secrets: { a: { path: 'secret/a', reuse: true, min_ttl: '1h' } },
      });
      assert.equal(limited.code, 10, limited.stderr);
      assert.match(failuresOf(limited)[0]?.hint ?? '', /set `max_age` in place of min_ttl/);
      assert.ok(await asks(kv()));
      const pki = { secrets: { a: { path: 'secret/a', reuse: true, min_ttl: '1h' } } };
      const other = await app.render({ ...kv(), ...pki });
      assert.equal(other.code, 10, 'what was kept for max_age is not kept without it');
      const neither = await app.render(kv({ max_age: undefined, reuse: true }));
      assert.equal(neither.code, 3, neither.stderr);
      const alone = await app.render(kv({ reuse: false }));
      assert.match(failuresOf(alone)[0]?.message ?? '', /`max_age` needs `reuse: true`/);
    });
  });

  test('a state of somebody else does not count', async () => {
    await run();
    const state = app.workspace.path('out', STATE);
    chmodSync(state, 0o466);
    assert.ok(await mints(), 'others may write it');
    assert.ok(!(await mints()));
    const text = app.workspace.read(`out/${STATE}`);
    for (const junk of [
      text.replace(/"expires_at": \d+/, '"expires_at": "x"'),
      text.replace(/"expires_at": \d+,/, ''),
      text.replace(/"read_at": \d+/, '"read_at": "x"'),
      text.replace('"without_end": []', '"without_end": [1]'),
      '',
      '[]',
      '{"outputs": [null]}',
      '{"outputs": [{"path": 1}]}',
    ]) {
      assert.notEqual(junk, text);
      rmSync(state);
      app.workspace.write(`out/${STATE}`, junk, 0o400);
      assert.ok(await mints(), junk);
    }
  });

  test('a state that another user has written does not count', needsRoot(), async () => {
    await run();
    assert.ok(!(await mints()));
    chownSync(app.workspace.path('out', STATE), OTHER_USER, OTHER_USER);
    assert.ok(await mints());
  });

  test('a failed run keeps what there is', async () => {
    await run();
    const before = app.workspace.snapshot('out');
    const failed = await app.render(
      job({ secrets: { tls, gone: 'secret/gone' }, outputs: [...outputs, { path: 'x', value: 'gone#x' }] }),
    );
    assert.equal(failed.code, 6);
    assert.deepEqual(app.workspace.snapshot('out'), before);
    assert.equal(issued(), 1);
  });

  test('values are not remembered: who needs one has it minted, and the files with it', async () => {
    await run();
    const first = serial();
    const config = app.config(job({ environment: { SERIAL: 'tls#serial_number' } }));
    const result = await runCli(['exec', '-c', config, '--', 'sh', '-c', 'printf %s "$SERIAL"']);
    assert.equal(result.code, 0, result.stderr);
    const written = serial();
    assert.notEqual(written, first);
    assert.equal(result.stdout.replaceAll(':', '').toUpperCase(), written);
  });

  test('with prune, and with swap', async () => {
    for (const managed of ['prune', 'swap']) {
      rmSync(app.workspace.path('out'), { recursive: true, force: true });
      const output = { directory: app.workspace.path('out'), [managed]: true };
      assert.ok(await mints({ output }), managed);
      const first = serial();
      assert.ok(!(await mints({ output })), managed);
      const fewer = { output, outputs: outputs.slice(0, 1) };
      assert.ok(!(await mints(fewer)), managed);
      assert.equal(serial(), first);
      assert.throws(() => lstatSync(app.workspace.path('out/tls.key')), managed);
    }
  });

  test('rules', async () => {
    const withoutLimit = Object.fromEntries(Object.entries(tls).filter(([key]) => key !== 'min_ttl'));
    for (const [more, pattern] of [
      [{ secrets: { tls: withoutLimit } }, /`reuse` needs `min_ttl`/],
      [{ secrets: { tls: { ...tls, wrap_ttl: '5m' } } }, /exclude each other/],
      [{ output: {}, outputs: [{ ...outputs[1], path: '/dev/shm/x' }] }, /needs `output.directory`/],
      [
        {
          secrets: { tls, a: 'secret/a' },
          outputs: [{ path: 'x', contents: '{{tls.private_key}}{{a.key}}' }],
        },
        /holds secrets with `reuse` and others: a/,
      ],
    ] as const) {
      const result = await app.render(job(more));
      assert.equal(result.code, 3, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', pattern);
    }
    const check = await runCli(['check', '-c', app.config(job())]);
    assert.match(check.stdout, /tls .* reused/);
  });
});

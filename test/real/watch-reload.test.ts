import assert from 'node:assert/strict';
import { existsSync, lstatSync, statSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createRole, requestsOf, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { startLeasedApp } from '../support/leased.ts';
import { needsPlugins } from '../support/needs.ts';
import { untilWithin } from '../support/patience.ts';
import { startInterruptible } from '../support/stand-in.ts';

/** How long something may take that is due within a few seconds. */
const PATIENCE_MS = 30_000;

/** What another config changes, by SIGHUP. */
describe('a config that watch reads again', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  let auth: TestConfig;
  before(async () => {
    ({ app, auth } = await startLeasedApp());
  });
  beforeEach(async () => {
    app.workspace.clear();
    for (const name of ['a', 'b']) await app.putKv2(name, { key: 'one' });
    app.server.takeAudit();
  });
  after(() => app.stop());

  const KV = { a: { path: 'secret/a', engine: 'kv2' }, b: { path: 'secret/b', engine: 'kv2' } };
  const A = { path: 'a', contents: '{{a.key}}' };
  const B = { path: 'b', contents: '{{b.key}}' };
  const LEASED = { path: 'pki/issue/leased', write: { common_name: 'reload', ttl: '1h' } };
  const until = untilWithin(PATIENCE_MS);
  const out = (name: string): string => app.workspace.read(`out/${name}`);
  const write = (own: TestConfig): string =>
    app.config({ auth, secrets: KV, outputs: [A, B], watch: { refresh: '1h', settle: 0 }, ...own });
  const start = async (own: TestConfig): Promise<RunningCli> => {
    const running = startCli(['watch', '-c', write(own)], { killAfterMs: 55_000 });
    await running.stderrMatches(/"event":"watching"/);
    return running;
  };
  /** @param times so far */
  const reloaded = async (running: RunningCli, own: TestConfig, times = 1): Promise<void> => {
    write(own);
    running.child.kill('SIGHUP');
    await running.stderrMatches(new RegExp(`(?:"event":"config_reloaded"[^]*){${String(times)}}`));
  };
  const stopped = async (running: RunningCli): Promise<CliResult> => {
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0, result.stderr);
    return result;
  };
  const leases = async (): Promise<number> => {
    const { data } = await app.server.api
      .request('LIST', 'sys/leases/lookup/pki/issue/leased')
      .catch(() => ({ data: {} }));
    return ((data as { readonly keys?: readonly string[] } | undefined)?.keys ?? []).length;
  };

  test('a handler that is mended is run once, and what waited for it is ended', async () => {
    const log = app.workspace.path('log');
    const config = (command: string): TestConfig => ({
      secrets: { ...KV, leased: LEASED },
      outputs: [
        A,
        { path: 'pem', secret: 'leased', format: 'pem', on_change: { run: ['sh', '-c', command] } },
      ],
    });
    const running = await start(config('exit 3'));
    // Another output, so that its lease is replaced.
    const other = { ...LEASED, write: { ...LEASED.write, common_name: 'other' } };
    await reloaded(running, { ...config('exit 3'), secrets: { ...KV, leased: other } });
    await running.stderrMatches(/"event":"handler_failed"/);
    assert.equal(await leases(), 2, 'the old one may be in use');
    await reloaded(running, { ...config(`echo told >> ${log}`), secrets: { ...KV, leased: other } }, 2);
    await until('the handler', () => existsSync(log));
    await until('the end of the old lease', async () => (await leases()) === 1);
    const { stderr } = await stopped(running);
    assert.equal(app.workspace.read('log'), 'told\n', stderr);
  });

  test('a mode alone', async () => {
    const config = (mode: string, secret: string): TestConfig => ({
      outputs: [A, { ...B, mode, on_change: { run: ['touch', app.workspace.path(secret)] } }],
    });
    const modes = (): number[] =>
      ['a', 'b'].map((name) => statSync(app.workspace.path('out', name)).mode & 0o777);
    const running = await start(config('0400', 'mark'));
    const { ino } = statSync(app.workspace.path('out', 'a'));
    await reloaded(running, config('0440', 'mark'));
    assert.deepEqual(modes(), [0o400, 0o440]);
    assert.equal(statSync(app.workspace.path('out', 'a')).ino, ino, 'it is not written again');
    await until('the handler', () => existsSync(app.workspace.path('mark')));
    await stopped(running);
  });

  for (const kind of ['prune', 'swap'])
    test(`${kind}: what is declared no longer goes, and what holds the token stays`, async () => {
      const output = { directory: app.workspace.path('out'), [kind]: true };
      const token = { path: 'token', token: true };
      const running = await start({ output, outputs: [A, B, token] });
      const given = out('token');
      await reloaded(running, { output, outputs: [A, token] });
      assert.deepEqual([out('a'), out('token')], ['one', given]);
      assert.ok(!app.workspace.list('out').includes('b'));
      if (kind === 'swap') assert.deepEqual(app.workspace.list('out/..data'), ['a', 'token']);
      await app.putKv2('a', { key: 'two' });
      await reloaded(running, { output, outputs: [A, token] }, 2);
      await until('the change', () => out('a') === 'two');
      assert.equal(out('token'), given);
      const plain = { directory: app.workspace.path('out') };
      await reloaded(running, { output: plain, outputs: [A, token, { path: 'more', token: true }] }, 3);
      assert.ok(lstatSync(app.workspace.path('out', 'a')).isFile());
      assert.deepEqual([out('token'), out('more')], [given, given]);
      running.child.kill('SIGTERM');
      assert.equal((await running.done).code, 0);
      await app.server.revokeTokens();
    });

  test('a variable that holds the token has it whatever else changes', async () => {
    const seen = app.workspace.path('seen');
    const config = (more: object): string =>
      write({ environment: { TOKEN: { token: true }, A: 'a#key', ...more }, outputs: [] });
    const script = `trap "" HUP; echo "$TOKEN $A $B" > ${seen}.new && mv ${seen}.new ${seen}; while :; do sleep 0.1; done`;
    const running = startCli(['watch', '-c', config({}), '--', 'sh', '-c', script], { killAfterMs: 55_000 });
    const has = (text: string): boolean => existsSync(seen) && app.workspace.read('seen').endsWith(text);
    await until('the start', () => has(' one \n'));
    const [token = ''] = app.workspace.read('seen').split(' ');
    assert.notEqual(token, '');
    config({ B: 'b#key' });
    running.child.kill('SIGHUP');
    await until('the other variable', () => has(' one one\n'));
    assert.equal(app.workspace.read('seen'), `${token} one one\n`);
    await app.putKv2('a', { key: 'two' });
    running.child.kill('SIGHUP');
    await until('the change', () => has(' two one\n'));
    assert.equal(app.workspace.read('seen'), `${token} two one\n`);
    running.child.kill('SIGTERM');
    await running.done;
    await app.server.revokeTokens();
  });

  test('how often it reads, and when it replaces: a certificate and a token, too', async () => {
    const batch = await createRole(app.server, 'batch', {
      token_policies: ['app'],
      token_type: 'batch',
      token_ttl: '5m',
      secret_id_num_uses: 0,
    });
    const web = { path: 'pki/issue/web', write: { common_name: 'web', ttl: '5m' } };
    const config = (watch: object): TestConfig => ({
      auth: batch,
      secrets: { ...KV, web },
      outputs: [A, { path: 'pem', secret: 'web', format: 'pem' }],
      watch: { settle: 0, ...watch },
    });
    const running = await start(config({ refresh: '1h' }));
    const pem = out('pem');
    await reloaded(running, config({ refresh: '1s', rotate_at: '1%' }));
    await until('the certificate', () => out('pem') !== pem);
    await app.putKv2('a', { key: 'two' });
    await until('the change', () => out('a') === 'two');
    let logins = 0;
    await until('another login', () => {
      logins += requestsOf(app.server).filter((one) => one === 'update auth/approle/login').length;
      return logins >= 2;
    });
    running.child.kill('SIGTERM');
    assert.equal((await running.done).code, 0);
  });

  test('what was stale before it recovers, whichever config it recovers by', async () => {
    const recoveries = ({ stderr }: CliResult): number =>
      stderr.split('"event":"secret_recovered"').length - 1;
    const running = await start({ watch: { refresh: '1s', settle: 0 } });
    await app.server.api.request('DELETE', 'secret/metadata/b');
    await running.stderrMatches(/"event":"secret_stale"/);
    await reloaded(running, { watch: { refresh: '1h', settle: 0 } });
    await app.putKv2('b', { key: 'two' });
    await until('the change', () => out('b') === 'two');
    await running.stderrMatches(/"event":"secret_recovered"/);
    await app.server.api.request('DELETE', 'secret/metadata/b');
    await reloaded(running, { watch: { refresh: '1h', settle: 0 } }, 2);
    await running.stderrMatches(/(?:"event":"secret_stale"[^]*){2}/);
    await reloaded(running, { secrets: { ...KV, b: 'secret/a' } }, 3);
    assert.equal(out('b'), 'one');
    assert.equal(recoveries(await stopped(running)), 2);
  });

  test('a login that it takes: leases of the one before are replaced', async () => {
    const standIn = await startInterruptible(app.server.address);
    const short = await createRole(app.server, 'short', {
      token_policies: ['app', 'leases'],
      token_ttl: '4s',
      token_max_ttl: '1h',
      secret_id_num_uses: 0,
    });
    const running = await start({
      auth: short,
      vault: { address: standIn.address },
      secrets: { ...KV, leased: LEASED },
      outputs: [{ path: 'pem', secret: 'leased', format: 'pem' }],
      timeout: '10s',
    });
    const pem = out('pem');
    standIn.isAway = true;
    await running.stderrMatches(/"event":"token_not_replaced"/);
    await until('the end of the lease', async () => (await leases()) === 0);
    standIn.isAway = false;
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"config_reloaded"/);
    await until('another lease', () => out('pem') !== pem);
    await stopped(running);
    await standIn.stop();
  });
});

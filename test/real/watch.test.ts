import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type CliOptions, type CliResult, type RunningCli } from '../support/cli.ts';
import { allowLeases, mountPki } from '../support/leased.ts';
import { needsPlugins } from '../support/needs.ts';
import { untilWithin } from '../support/patience.ts';
import { startInterruptible, startStandIn } from '../support/stand-in.ts';

/** How long something may take that is due within a second or two. */
const PATIENCE_MS = 20_000;

describe('watch', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  let auth: TestConfig;

  before(async () => {
    app = await startApp();
    await mountPki(app.server);
    await allowLeases(app.server);
    auth = await roleOf('watch', {});
  });
  after(() => app.stop());

  const roleOf = (name: string, limits: object): Promise<TestConfig> =>
    createRole(app.server, name, {
      token_policies: ['app', 'leases'],
      secret_id_num_uses: 0,
      ...limits,
    });
  const start = (config: TestConfig, options: CliOptions & { readonly name?: string } = {}): RunningCli =>
    startCli(['watch', '-c', app.config({ auth, ...config }, options.name)], {
      killAfterMs: 120_000,
      ...options,
    });
  const until = untilWithin(PATIENCE_MS);
  /** What has failed is tried again within twice the time that it has failed for. */
  const untilAfter = (outageSinceMs: number): typeof until =>
    untilWithin(PATIENCE_MS + 2 * (performance.now() - outageSinceMs));
  const stopped = async (running: RunningCli, signal: NodeJS.Signals = 'SIGTERM'): Promise<CliResult> => {
    running.child.kill(signal);
    return running.done;
  };
  const leasesLeft = async (): Promise<number> => {
    const left = await app.server.api
      .request('LIST', 'sys/leases/lookup/pki/issue/leased')
      .catch(() => ({ data: {} }));
    return ((left.data as { keys?: readonly string[] } | undefined)?.keys ?? []).length;
  };
  const out = (name: string): string => app.workspace.read(`out/${name}`);
  const eventsOf = ({ stderr }: CliResult): string[] =>
    stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { readonly event: string }).event);

  test('a change in KV is written, once; what is the same is not; SIGTERM is the end of it', async () => {
    await app.putKv2('kv', { key: 'one' });
    app.server.takeAudit();
    const running = start({
      secrets: { kv: 'secret/kv' },
      outputs: [
        { path: 'kv.txt', contents: '{{kv.key}}' },
        { path: 'fixed.txt', contents: 'fixed' },
      ],
      watch: { refresh: '1s', settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    assert.equal(out('kv.txt'), 'one');
    const { ino } = statSync(app.workspace.path('out', 'kv.txt'));
    const fixed = statSync(app.workspace.path('out', 'fixed.txt'));
    await delay(2500);
    assert.equal(statSync(app.workspace.path('out', 'kv.txt')).ino, ino, 'it is not written again');
    await app.putKv2('kv', { key: 'two' });
    await until('the change', () => out('kv.txt') === 'two');
    assert.equal(statSync(app.workspace.path('out', 'fixed.txt')).ino, fixed.ino);
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(eventsOf(result).filter((event) => event === 'secret_replaced').length, 1);
    const requests = requestsOf(app.server);
    assert.equal(requests.filter((one) => one === 'update auth/approle/login').length, 1);
    // Once in the first run, and once after it.
    assert.equal(requests.filter((one) => one === 'read sys/internal/ui/mounts').length, 2);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a certificate is replaced by its own life, not because a token ends', async () => {
    const short = await roleOf('short', { token_ttl: '3s', token_max_ttl: '6s' });
    const running = start({
      auth: short,
      secrets: { web: { path: 'pki/issue/web', write: { common_name: 'web', ttl: '1h' } } },
      outputs: [{ path: 'web.pem', secret: 'web', format: 'pem' }],
      watch: { settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    const pem = out('web.pem');
    app.server.takeAudit();
    let logins = 0;
    await until('two logins', () => {
      logins += requestsOf(app.server).filter((one) => one === 'update auth/approle/login').length;
      return logins >= 2;
    });
    assert.equal(out('web.pem'), pem);
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a certificate is replaced before it ends, its key with it; leases move over to a new token', async () => {
    const short = await roleOf('short-leases', { token_ttl: '4s', token_max_ttl: '6s' });
    const running = start({
      auth: short,
      secrets: {
        soon: { path: 'pki/issue/web', write: { common_name: 'soon', ttl: '6s' } },
        leased: { path: 'pki/issue/leased', write: { common_name: 'leased', ttl: '1h' } },
      },
      outputs: [
        { path: 'soon.pem', secret: 'soon', format: 'pem' },
        { path: 'leased.pem', secret: 'leased', format: 'pem' },
      ],
      watch: { settle: 0, rotate_at: '50%' },
    });
    await running.stderrMatches(/"event":"watching"/);
    const [soon, leased] = [out('soon.pem'), out('leased.pem')];
    await until('the certificate', () => out('soon.pem') !== soon);
    await until('the lease', () => out('leased.pem') !== leased);
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
    await until('the leases', async () => (await leasesLeft()) === 0);
  });

  test('what comes wrapped is replaced before its wrapping token ends, and not each time that KV is read', async () => {
    await app.putKv2('wrapped', { key: 'one' });
    const config = (wrap_ttl: string, refresh: string): TestConfig => ({
      secrets: { wrapped: { path: 'secret/wrapped', wrap_ttl } },
      outputs: [{ path: 'wrapped.txt', contents: '{{wrapped.token}}' }],
      watch: { refresh, settle: 0 },
    });
    const long = start(config('1h', '1s'));
    await long.stderrMatches(/"event":"watching"/);
    await delay(2500);
    assert.ok(!eventsOf(await stopped(long)).includes('secret_replaced'));
    const running = start(config('5s', '1h'));
    await running.stderrMatches(/"event":"watching"/);
    const first = out('wrapped.txt');
    await until('another wrapping token', () => out('wrapped.txt') !== first);
    await app.server.api.post('sys/wrapping/lookup', { token: first });
    assert.equal((await stopped(running)).code, 0);
  });

  test('a token that was revoked is replaced at the first refusal, by one login', async () => {
    await app.putKv2('dead', { key: 'one' });
    const running = start({
      secrets: { dead: { path: 'secret/dead', engine: 'kv2' } },
      outputs: [{ path: 'dead.txt', contents: '{{dead.key}}' }],
      watch: { refresh: '1s', settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    app.server.takeAudit();
    await app.server.revokeTokens();
    await app.putKv2('dead', { key: 'two' });
    await until('the change', () => out('dead.txt') === 'two');
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(requestsOf(app.server).filter((one) => one === 'update auth/approle/login').length, 1);
    assert.deepEqual(
      eventsOf(result).filter((event) => ['token_lost', 'secret_stale'].includes(event)),
      ['token_lost'],
    );
  });

  test('one that vanishes, is denied or does not render stays as it was, and is told once; others go on', async () => {
    for (const name of ['gone', 'kept', 'odd']) await app.putKv2(name, { key: 'one' });
    const running = start({
      secrets: { gone: 'secret/gone', kept: 'secret/kept', odd: 'secret/odd' },
      outputs: ['gone', 'kept', 'odd'].map((name) => ({ path: `${name}.txt`, contents: `{{${name}.key}}` })),
      watch: { refresh: '1s', settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    await app.server.api.request('DELETE', 'secret/metadata/gone');
    await app.putKv2('odd', { other: 'two' });
    await running.stderrMatches(/"event":"secret_stale".*"gone"/);
    await running.stderrMatches(/"event":"secret_stale".*"odd"/);
    await app.putKv2('kept', { key: 'two' });
    await until('the other', () => out('kept.txt') === 'two');
    assert.deepEqual([out('gone.txt'), out('odd.txt')], ['one', 'one']);
    await app.putKv2('gone', { key: 'back' });
    await app.putKv2('odd', { key: 'back' });
    await until('both', () => out('gone.txt') === 'back' && out('odd.txt') === 'back');
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(eventsOf(result).filter((event) => event === 'secret_stale').length, 2, result.stderr);
    assert.ok(eventsOf(result).includes('secret_recovered'));
  });

  test('what is optional and does not exist is told once, until it does', async () => {
    await app.putKv2('there', { key: 'one' });
    const running = start({
      secrets: { there: 'secret/there', may: { path: 'secret/may', optional: true } },
      outputs: [
        { path: 'there.txt', contents: '{{there.key}}' },
        { path: 'may.json', secret: 'may', format: 'json' },
      ],
      watch: { refresh: '1s', settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    app.server.takeAudit();
    let reads = 0;
    await until('three reads', () => {
      reads += requestsOf(app.server).filter((one) => one === 'read secret/data/may').length;
      return reads >= 3;
    });
    await app.putKv2('may', { key: 'two' });
    await until('the change', () => out('may.json').includes('two'));
    await app.server.api.request('DELETE', 'secret/metadata/may');
    await until('its end', () => !out('may.json').includes('two'));
    const result = await stopped(running);
    assert.equal(eventsOf(result).filter((event) => event === 'secret_absent').length, 2, result.stderr);
  });

  test('an outage is survived, told once, and nothing is left of it', async () => {
    await app.putKv2('away', { key: 'one' });
    const standIn = await startInterruptible(app.server.address);
    const short = await roleOf('away', { token_ttl: '5s', token_max_ttl: '1h' });
    const running = start({
      auth: short,
      vault: { address: standIn.address },
      secrets: { away: 'secret/away' },
      outputs: [{ path: 'away.txt', contents: '{{away.key}}' }],
      timeout: '2s',
      watch: { refresh: '1s', settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    standIn.isAway = true;
    const sinceMs = performance.now();
    await app.putKv2('away', { key: 'two' });
    await running.stderrMatches(/"event":"secret_stale"/);
    // Longer than the token lives.
    await delay(6000);
    standIn.isAway = false;
    await untilAfter(sinceMs)('the change', () => out('away.txt') === 'two');
    const result = await stopped(running);
    await standIn.stop();
    assert.equal(result.code, 0, result.stderr);
    const events = eventsOf(result);
    assert.ok(!events.includes('retrying'), result.stderr);
    assert.ok(events.filter((event) => event === 'secret_stale').length < 5, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a token that has run out in an outage is neither renewed nor revoked', async () => {
    await app.putKv2('over', { key: 'one' });
    const standIn = await startInterruptible(app.server.address);
    const running = start({
      auth: await roleOf('over', { token_ttl: '3s', token_max_ttl: '1h' }),
      vault: { address: standIn.address },
      secrets: { over: 'secret/over' },
      outputs: [{ path: 'over.txt', contents: '{{over.key}}' }],
      timeout: '2s',
      // Only the token is due.
      watch: { refresh: '1h', settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    standIn.isAway = true;
    const sinceMs = performance.now();
    await delay(4000);
    app.server.takeAudit();
    standIn.isAway = false;
    await untilAfter(sinceMs)('another token', async () => (await app.server.tokensLeft()) > 0);
    const result = await stopped(running);
    await standIn.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(
      requestsOf(app.server).filter((one) => /(?:login|renew-self|revoke-self)$/.test(one)),
      ['update auth/approle/login', 'update auth/token/revoke-self'],
    );
    assert.ok(!eventsOf(result).includes('revoke_failed'), result.stderr);
  });

  test('after an outage there is one login, and one read of each secret', async () => {
    const names = ['back-a', 'back-b', 'back-c', 'back-d', 'back-e'];
    for (const name of names) await app.putKv2(name, { key: 'one' });
    const standIn = await startInterruptible(app.server.address);
    const short = await roleOf('back', { token_ttl: '4s', token_max_ttl: '1h' });
    // Each is read again at its own time.
    const secretOf = (name: string, index: number): object => ({
      path: `secret/${name}`,
      refresh: `${String(4 + index / 2)}s`,
    });
    const running = start({
      auth: short,
      vault: { address: standIn.address },
      secrets: Object.fromEntries(
        names.map((name, index) => [name.replace('-', '_'), secretOf(name, index)]),
      ),
      outputs: names.map((name) => ({ path: `${name}.txt`, contents: `{{${name.replace('-', '_')}.key}}` })),
      timeout: '1s',
      watch: { settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    standIn.isAway = true;
    const sinceMs = performance.now();
    for (const name of names) await app.putKv2(name, { key: 'two' });
    // By then the token has ended, and each secret was due.
    await delay(9000);
    app.server.takeAudit();
    standIn.isAway = false;
    await untilAfter(sinceMs)('the changes', () => names.every((name) => out(`${name}.txt`) === 'two'));
    const requests = requestsOf(app.server);
    const result = await stopped(running);
    await standIn.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.equal(requests.filter((one) => one === 'update auth/approle/login').length, 1);
    for (const name of names)
      assert.equal(requests.filter((one) => one === `read secret/data/${name}`).length, 1, name);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('what is to be ended while there is neither a token nor a server', async () => {
    await app.putKv2('kept', { key: 'one' });
    const standIn = await startInterruptible(app.server.address);
    const short = await roleOf('lost', { token_ttl: '3s', token_max_ttl: '3s' });
    const leased = { path: 'pki/issue/leased', write: { common_name: 'lost', ttl: '1h' } };
    const config = (contents: string, secrets: object): TestConfig => ({
      auth: short,
      vault: { address: standIn.address },
      secrets: { kept: 'secret/kept', ...secrets },
      outputs: [{ path: 'kept.txt', contents }],
      timeout: '1s',
      // The lease is in use for as long after a change.
      watch: { refresh: '1h', settle: '5s' },
    });
    const running = start(config('{{kept.key}}', { leased }), { name: 'lost.yaml' });
    await running.stderrMatches(/"event":"watching"/);
    app.config(config('{{kept.key}} {{kept.key}}', {}), 'lost.yaml');
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"config_reloaded"/);
    standIn.isAway = true;
    const sinceMs = performance.now();
    await running.stderrMatches(/"event":"token_not_replaced"/);
    await delay(8000);
    assert.equal(running.child.exitCode, null, 'it goes on');
    standIn.isAway = false;
    app.server.takeAudit();
    await untilAfter(sinceMs)('another login', () =>
      requestsOf(app.server).includes('update auth/approle/login'),
    );
    const result = await stopped(running);
    await standIn.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('max_stale ends it: 9', async () => {
    await app.putKv2('stale', { key: 'one' });
    const running = start({
      secrets: { stale: 'secret/stale' },
      outputs: [{ path: 'stale.txt', contents: '{{stale.key}}' }],
      watch: { refresh: '1s', settle: 0, max_stale: '2s' },
    });
    await running.stderrMatches(/"event":"watching"/);
    await app.server.api.request('DELETE', 'secret/metadata/stale');
    const result = await running.done;
    assert.equal(result.code, 9, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
    assert.equal(out('stale.txt'), 'one');
  });

  test('SIGHUP: the config is taken, or refused as a whole', async () => {
    for (const name of ['old', 'new']) await app.putKv2(name, { key: name });
    const config = (outputs: readonly object[], secrets: object): TestConfig => ({
      auth,
      secrets,
      outputs,
      watch: { refresh: '1h', settle: 0 },
    });
    const old = { path: 'old.txt', contents: '{{old.key}}' };
    const running = start(config([old], { old: 'secret/old' }), { name: 'reload.yaml' });
    await running.stderrMatches(/"event":"watching"/);
    app.server.takeAudit();
    const secrets = { old: 'secret/old', fresh: 'secret/new' };
    app.config(config([old, { path: 'new.txt', contents: '{{fresh.missing}}' }], secrets), 'reload.yaml');
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"reload_refused"/);
    assert.deepEqual(app.workspace.list('out').includes('new.txt'), false);
    writeFileSync(app.workspace.path('reload.yaml'), 'secrets: [');
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"reload_refused"[^]*"event":"reload_refused"/);
    app.config(config([old, { path: 'new.txt', contents: '{{fresh.key}}' }], secrets), 'reload.yaml');
    await app.putKv2('old', { key: 'newer' });
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"config_reloaded"/);
    assert.equal(out('new.txt'), 'new');
    await until('the refresh', () => out('old.txt') === 'newer');
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
    const requests = requestsOf(app.server);
    const read = requests.filter((one) => one === 'read secret/data/old');
    assert.equal(read.length, 1, 'what was refused has refreshed nothing');
    assert.ok(!requests.includes('update auth/approle/login'));
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('SIGHUP during the first run: the config is read again after it', async () => {
    await app.putKv2('early', { key: 'one' });
    const standIn = await startStandIn({
      target: app.server.address,
      answer: ({ path }, nth) => (path === 'secret/data/early' && nth === 1 ? 'hang' : 'forward'),
    });
    const config = (contents: string): TestConfig => ({
      vault: { address: standIn.address, client_timeout: '3s' },
      secrets: { early: 'secret/early' },
      outputs: [{ path: 'early.txt', contents }],
      watch: { refresh: '1h', settle: 0 },
    });
    const running = start(config('{{early.key}}'), { name: 'early.yaml' });
    await until('the read', () => standIn.seen.some(({ path }) => path === 'secret/data/early'));
    app.config({ auth, ...config('again: {{early.key}}') }, 'early.yaml');
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"config_reloaded"/);
    assert.equal(out('early.txt'), 'again: one');
    const result = await stopped(running);
    await standIn.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('SIGHUP: the lease of what the config no longer has is revoked', async () => {
    const leased = { path: 'pki/issue/leased', write: { common_name: 'reload', ttl: '1h' } };
    const config = (secrets: object): TestConfig => ({
      auth,
      secrets: { ...secrets, app: 'secret/leased-reload' },
      outputs: [{ path: 'leased-reload.txt', contents: '{{app.key}}' }],
      watch: { refresh: '1h', settle: 0 },
    });
    await app.putKv2('leased-reload', { key: 'one' });
    const running = start(config({ leased, other: { ...leased, min_ttl: '1s' } }), { name: 'leased.yaml' });
    await running.stderrMatches(/"event":"watching"/);
    const before = await leasesLeft();
    assert.ok(before > 0);
    app.config(config({}), 'leased.yaml');
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"config_reloaded"/);
    await until('the lease is revoked', async () => (await leasesLeft()) === 0);
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
  });

  test('it takes over what an init container has written, and asks for nothing until it is due', async () => {
    const config = {
      secrets: {
        web: {
          path: 'pki/issue/web',
          write: { common_name: 'over', ttl: '10s' },
          reuse: true,
          min_ttl: '1s',
        },
      },
      outputs: [{ path: 'over.pem', secret: 'web', format: 'pem' }],
      watch: { settle: 0 },
    };
    const rendered = await app.render({ auth, ...config });
    assert.equal(rendered.code, 0, rendered.stderr);
    const pem = out('over.pem');
    app.server.takeAudit();
    const running = start(config);
    await running.stderrMatches(/"event":"watching"/);
    assert.deepEqual(requestsOf(app.server), []);
    assert.equal(out('over.pem'), pem);
    await until('the next one', () => out('over.pem') !== pem);
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
  });

  test('with a command: its variables, a restart when they change, its status', async () => {
    await app.putKv2('var', { key: 'one' });
    const script = app.workspace.write(
      'app.sh',
      `#!/bin/sh\necho "$KEY" >> ${app.workspace.path('seen')}\ntrap 'exit 7' TERM\ntrap 'echo usr1 >> ${app.workspace.path('seen')}' USR1\nwhile :; do sleep 0.1; done\n`,
      0o755,
    );
    const running = startCli(
      [
        'watch',
        '-c',
        app.config({
          auth,
          secrets: { var: 'secret/var' },
          environment: { KEY: 'var#key' },
          watch: { refresh: '1s', settle: 0 },
        }),
        '--',
        script,
      ],
      { killAfterMs: 120_000 },
    );
    const seen = (): string => (existsSync(app.workspace.path('seen')) ? app.workspace.read('seen') : '');
    await until('the start', () => seen() === 'one\n');
    running.child.kill('SIGUSR1');
    await until('the signal', () => seen() === 'one\nusr1\n');
    await app.putKv2('var', { key: 'two' });
    await until('the restart', () => seen() === 'one\nusr1\ntwo\n');
    const result = await stopped(running);
    assert.equal(result.code, 7, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a command that ends by itself ends all, with its status', async () => {
    const running = startCli(
      [
        'watch',
        '-c',
        app.config({ auth, secrets: {}, environment: { A: 'secret/var#key' } }),
        '--',
        'sh',
        '-c',
        'exit 3',
      ],
      {},
    );
    const result = await running.done;
    assert.equal(result.code, 3, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('whoever is to be told is told after the change, and a failure is tried again', async () => {
    await app.putKv2('told', { key: 'one' });
    const mark = app.workspace.path('mark');
    // Nobody sees it half written.
    const copy = `cp ${app.workspace.path('out', 'told.txt')} ${mark}.new && mv ${mark}.new ${mark}`;
    const running = start({
      secrets: { told: 'secret/told' },
      outputs: [
        {
          path: 'told.txt',
          contents: '{{told.key}}',
          on_change: {
            run: ['sh', '-c', `test -e ${mark}.may && ${copy}`],
          },
        },
      ],
      watch: { refresh: '1s', settle: 0 },
    });
    await running.stderrMatches(/"event":"watching"/);
    await app.putKv2('told', { key: 'two' });
    await running.stderrMatches(/"event":"handler_failed"/);
    writeFileSync(`${mark}.may`, '');
    await until('the handler', () => existsSync(mark));
    assert.equal(app.workspace.read('mark'), 'two');
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
  });

  test('health, metrics and the probe', async () => {
    await app.putKv2('health', { key: 'one' });
    const socket = app.workspace.path('health.sock');
    const config = {
      auth,
      secrets: { health: 'secret/health' },
      outputs: [{ path: 'health.txt', contents: '{{health.key}}' }],
      watch: { refresh: '1s', settle: 0, health: { address: `unix://${socket}` } },
    };
    const probed = (): Promise<CliResult> => startCli(['watch', '--probe', '-c', app.config(config)]).done;
    assert.equal((await probed()).code, 9);
    const running = start(config);
    await running.stderrMatches(/"event":"watching"/);
    assert.equal((await probed()).code, 0);
    await app.server.api.request('DELETE', 'secret/metadata/health');
    await running.stderrMatches(/"event":"secret_stale"/);
    assert.equal((await probed()).code, 0, 'what was written is still there');
    const result = await stopped(running);
    assert.equal(result.code, 0, result.stderr);
    assert.ok(!existsSync(app.workspace.path('health.sock')));
  });

  test('what is wrong with the config is found before the first request', async () => {
    app.server.takeAudit();
    for (const [watch, pattern] of [
      [{ refresh: '1ms' }, /refresh.* is shorter than 1s/],
      [{ rotate_at: '150%' }, /percentage/],
      [{ on_change: 'restart' }, /needs a command/],
      [{ on_change: { signal: 'SIGHUP' } }, /needs a command/],
      [{ on_change: { process: 'nginx' } }, /signal/],
      [{ health: { address: 'nowhere' } }, /address to listen on/],
    ] as const) {
      const result = await startCli(['watch', '-c', app.config({ auth, secrets: { a: 'secret/a' }, watch })])
        .done;
      assert.equal(result.code, 3, `${JSON.stringify(watch)}: ${result.stderr}`);
      assert.match(result.stderr, pattern);
    }
    assert.deepEqual(requestsOf(app.server), []);
  });

  test('a first run that fails is one of render: its exit code, and nothing is left', async () => {
    const running = start({
      secrets: { none: 'secret/none' },
      outputs: [{ path: 'none.txt', contents: '{{none.key}}' }],
    });
    const result = await running.done;
    assert.equal(result.code, 6, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0);
  });
});

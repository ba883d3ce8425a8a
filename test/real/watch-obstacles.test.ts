import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { needsMounts } from '../support/needs.ts';
import { startInterruptible, startStandIn } from '../support/stand-in.ts';
import { untilWithin } from '../support/patience.ts';

/** How long something may take that is due within a few seconds. */
const PATIENCE_MS = 30_000;

/** What comes in between while it watches: servers that hang, file systems that are full, configs that are none. */
describe('obstacles of watch', () => {
  let app: TestApp;
  let auth: TestConfig;
  before(async () => {
    app = await startApp();
    auth = await createRole(app.server, 'obstacles', {
      token_policies: ['app'],
      secret_id_num_uses: 0,
      // Its renewal is due while a server hangs, and its end is later: a login then would leave a token that nobody knows.
      token_ttl: '12s',
      token_max_ttl: '1h',
    });
  });
  beforeEach(async () => {
    app.workspace.clear();
    await app.putKv2('a', { key: 'one' });
    app.server.takeAudit();
  });
  after(() => app.stop());

  const write = (own: TestConfig = {}): string =>
    app.config({
      auth,
      secrets: { a: { path: 'secret/a', engine: 'kv2' } },
      outputs: [{ path: 'a', contents: '{{a.key}}' }],
      timeout: '3s',
      watch: { refresh: '1s', settle: 0 },
      ...own,
    });
  const start = (own: TestConfig = {}): RunningCli =>
    startCli(['watch', '-c', write(own)], { killAfterMs: 55_000 });
  const until = untilWithin(PATIENCE_MS);
  const stopped = async (running: RunningCli): Promise<CliResult> => {
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  const count = ({ stderr }: CliResult, event: string): number =>
    stderr.split(`"event":"${event}"`).length - 1;

  test('a server that hangs: work is given up, told once, and goes on with the same token when it is back', async () => {
    const running = start();
    await running.stderrMatches(/"event":"watching"/);
    app.server.takeAudit();
    process.kill(app.server.pid, 'SIGSTOP');
    try {
      await running.stderrMatches(/"event":"secret_stale"/);
      await delay(4000);
    } finally {
      process.kill(app.server.pid, 'SIGCONT');
    }
    await app.putKv2('a', { key: 'two' });
    await until('the change', () => app.workspace.read('out/a') === 'two');
    const result = await stopped(running);
    assert.ok(count(result, 'secret_stale') <= 2, result.stderr);
    assert.ok(count(result, 'token_not_replaced') <= 1, result.stderr);
    assert.equal(count(result, 'secret_recovered'), 1, result.stderr);
    assert.equal(await app.server.tokensLeft(), 0, result.stderr);
  });

  test('one secret that is never answered: the others are written all the same, and it alone is stale', async () => {
    await app.putKv2('stuck', { key: 'one' });
    let hangs = false;
    const between = await startStandIn({
      target: app.server.address,
      answer: ({ path }) => (hangs && path === 'secret/data/stuck' ? 'hang' : 'forward'),
    });
    const running = start({
      vault: { address: between.address },
      secrets: { a: { path: 'secret/a', engine: 'kv2' }, stuck: { path: 'secret/stuck', engine: 'kv2' } },
      outputs: [
        { path: 'a', contents: '{{a.key}}' },
        { path: 'stuck', contents: '{{stuck.key}}' },
      ],
    });
    await running.stderrMatches(/"event":"watching"/);
    hangs = true;
    for (const key of ['two', 'three']) {
      await app.putKv2('a', { key });
      await until('the change', () => app.workspace.read('out/a') === key);
    }
    await running.stderrMatches(/"event":"secret_stale","names":\["stuck"\]/);
    hangs = false;
    await running.stderrMatches(/"event":"secret_recovered","names":\["stuck"\]/);
    const result = await stopped(running);
    await between.stop();
    assert.doesNotMatch(result.stderr, /"event":"secret_stale","names":\["a"\]/);
    assert.equal(await app.server.tokensLeft(), 0, result.stderr);
  });

  test('a server that is away: told once, whatever is asked of it meanwhile', async () => {
    const between = await startInterruptible(app.server.address);
    const running = start({
      vault: { address: between.address },
      secrets: { a: 'secret/a' },
    });
    await running.stderrMatches(/"event":"watching"/);
    // Its mount is known then, until something fails.
    await app.putKv2('a', { key: 'two' });
    await until('the change', () => app.workspace.read('out/a') === 'two');
    between.isAway = true;
    const from = between.seen.length;
    const lookUps = (): number =>
      between.seen.slice(from).filter(({ path }) => path.startsWith('sys/internal/ui/mounts')).length;
    await until('another look-up of the mounts', () => lookUps() > 0);
    between.isAway = false;
    await running.stderrMatches(/"event":"secret_recovered"/);
    const result = await stopped(running);
    await between.stop();
    assert.equal(count(result, 'secret_stale'), 1, result.stderr);
  });

  test('a server that hangs at the end does not hold it up', async () => {
    const running = start();
    await running.stderrMatches(/"event":"watching"/);
    process.kill(app.server.pid, 'SIGSTOP');
    try {
      const result = await stopped(running);
      assert.equal(count(result, 'revoke_failed'), 1, result.stderr);
    } finally {
      process.kill(app.server.pid, 'SIGCONT');
    }
    await app.server.revokeTokens();
  });

  for (const [what, options, remounted] of [
    ['full', 'size=64k', 'size=2m'],
    ['read-only', 'size=2m', 'rw'],
  ] as const) {
    test(
      `a file system that is ${what}: the old files stay, told once, and written when it is not`,
      needsMounts(),
      async () => {
        const directory = app.workspace.path('mounted');
        mkdirSync(directory);
        execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', directory]);
        try {
          const running = start({ output: { directory } });
          await running.stderrMatches(/"event":"watching"/);
          if (what === 'read-only') execFileSync('mount', ['-o', 'remount,ro', directory]);
          const large = 'x'.repeat(200_000);
          await app.putKv2('a', { key: large });
          await running.stderrMatches(/"event":"secret_stale"/);
          await delay(4000);
          assert.equal(app.workspace.read('mounted/a'), 'one');
          assert.deepEqual(app.workspace.list('mounted'), ['a']);
          execFileSync('mount', ['-o', `remount,${remounted}`, directory]);
          await until('the change', () => app.workspace.read('mounted/a') === large);
          const result = await stopped(running);
          assert.equal(count(result, 'secret_stale'), 1, result.stderr);
          assert.match(result.stderr, /"event":"secret_stale".*"kind":"output"/);
          assert.equal(count(result, 'secret_recovered'), 1, result.stderr);
          assert.equal(await app.server.tokensLeft(), 0);
        } finally {
          execFileSync('umount', ['-l', directory]);
        }
      },
    );
  }

  test('SIGHUP: whatever is in the place of the config, the old one stays', async () => {
    const running = start();
    await running.stderrMatches(/"event":"watching"/);
    const file = app.workspace.path('vaultonce.yaml');
    const places: readonly (readonly [what: string, put: () => unknown])[] = [
      ['nothing', () => 0],
      ['an empty file', () => app.workspace.write('vaultonce.yaml', '')],
      ['junk', () => app.workspace.write('vaultonce.yaml', '\0\u0001{{{[')],
      ['a directory', () => mkdirSync(file, { recursive: true })],
      ['a pipe that nobody writes to', () => execFileSync('mkfifo', [file])],
      ['another address of health', () => write({ watch: { health: { address: ':9' } } })],
      ['a handler without a command', () => write({ watch: { on_change: 'restart' } })],
      ['no outputs', () => write({ outputs: [] })],
      ['a server that is not there', () => write({ vault: { address: 'http://127.0.0.1:1' } })],
      ['a login that is refused', () => write({ auth: { ...auth, secret_id: 'wrong' } })],
    ];
    let refusals = 0;
    for (const [what, put] of places) {
      rmSync(file, { recursive: true, force: true });
      put();
      refusals += 1;
      running.child.kill('SIGHUP');
      await running.stderrMatches(new RegExp(`(?:"event":"reload_refused"[^]*){${String(refusals)}}`));
      assert.equal(running.child.exitCode, null, what);
    }
    await app.putKv2('a', { key: 'three' });
    await until('the change', () => app.workspace.read('out/a') === 'three');
    const result = await stopped(running);
    assert.equal(count(result, 'config_reloaded'), 0, result.stderr);
    assert.doesNotMatch(result.stderr, /"kind":"internal"/);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('SIGHUP: whom to tell is taken from the new config', async () => {
    const running = start({ watch: { refresh: '1s', settle: 0 } });
    await running.stderrMatches(/"event":"watching"/);
    const mark = app.workspace.path('mark');
    write({ watch: { refresh: '1s', settle: 0, on_change: { run: ['touch', mark] } } });
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"config_reloaded"/);
    await app.putKv2('a', { key: 'four' });
    await until('the handler', () => existsSync(mark));
    await stopped(running);
    const logins = requestsOf(app.server).filter((one) => one === 'update auth/approle/login');
    assert.equal(logins.length, 1, 'the login is the same');
  });
});

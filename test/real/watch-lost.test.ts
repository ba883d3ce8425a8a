import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { untilWithin } from '../support/patience.ts';

/** How long something may take that is due within a few seconds. */
const PATIENCE_MS = 30_000;

/** What somebody removes while it watches. */
describe('what watch finds gone', () => {
  let app: TestApp;
  let auth: TestConfig;
  before(async () => {
    app = await startApp();
    auth = await createRole(app.server, 'lost', { token_policies: ['app'], secret_id_num_uses: 0 });
  });
  beforeEach(async () => {
    app.workspace.clear();
    for (const name of ['a', 'b']) await app.putKv2(name, { key: 'one' });
  });
  after(() => app.stop());

  const A = { path: 'a', contents: '{{a.key}}' };
  const FIXED = { path: 'sub/fixed', contents: 'fixed' };
  const until = untilWithin(PATIENCE_MS);
  const path = (name: string): string => app.workspace.path('out', name);
  const start = async (own: TestConfig = {}): Promise<RunningCli> => {
    const config = app.config({
      auth,
      secrets: { a: 'secret/a', b: { path: 'secret/b', refresh: '1h' } },
      outputs: [A, FIXED, { path: 'files', format: 'files', secret: 'b' }],
      watch: { refresh: '1s', settle: 0 },
      ...own,
    });
    const running = startCli(['watch', '-c', config], { killAfterMs: 55_000 });
    await running.stderrMatches(/"event":"watching"/);
    return running;
  };
  const stopped = async (running: RunningCli): Promise<CliResult> => {
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
  const count = ({ stderr }: CliResult, event: string): number =>
    stderr.split(`"event":"${event}"`).length - 1;

  for (const [what, output] of [
    ['', {}],
    [' with swap', { swap: true }],
    [' with prune', { prune: true }],
  ] as const)
    test(`a file is written again when its secret is read, a directory with all that was in it${what}`, async () => {
      const mark = app.workspace.path('mark');
      const running = await start({
        output: { directory: app.workspace.path('out'), ...output },
        outputs: [
          { ...A, on_change: { run: ['touch', mark] } },
          FIXED,
          { path: 'files', format: 'files', secret: 'b' },
        ],
      });
      rmSync(path('a'));
      await until('the file', () => existsSync(path('a')));
      await until('the handler', () => existsSync(mark));
      assert.equal(app.workspace.read('out/a'), 'one');
      rmSync(app.workspace.path('out'), { recursive: true });
      const all = ['a', 'sub/fixed', 'files/key'];
      await until('all files', () => all.every((name) => existsSync(path(name))));
      assert.equal(app.workspace.read('out/files/key'), 'one');
      const result = await stopped(running);
      assert.ok(count(result, 'output_restored') >= 2, result.stderr);
      assert.equal(count(result, 'secret_replaced'), 0, result.stderr);
      assert.equal(count(result, 'secret_stale'), 0, result.stderr);
    });

  test('at SIGHUP everything that is gone is written again', async () => {
    const running = await start({ watch: { refresh: '1h', settle: 0 } });
    rmSync(app.workspace.path('out'), { recursive: true });
    running.child.kill('SIGHUP');
    await running.stderrMatches(/"event":"config_reloaded"/);
    assert.deepEqual(readdirSync(app.workspace.path('out')).sort(), ['a', 'files', 'sub']);
    await stopped(running);
  });

  test('what cannot be written again is told once, and does not stand against what changes', async () => {
    const running = await start();
    rmSync(path('sub'), { recursive: true });
    app.workspace.write('out/sub', 'in the way');
    await running.stderrMatches(/"event":"watch_warning"/);
    await app.putKv2('a', { key: 'two' });
    await until('the change', () => app.workspace.read('out/a') === 'two');
    await app.putKv2('a', { key: 'three' });
    await until('the next change', () => app.workspace.read('out/a') === 'three');
    rmSync(path('sub'));
    await until('the file', () => existsSync(path('sub/fixed')));
    const result = await stopped(running);
    assert.equal(count(result, 'watch_warning'), 1, result.stderr);
    assert.equal(count(result, 'secret_stale'), 0, result.stderr);
  });
});

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { COMMAND, failuresOf, IS_STANDALONE, type CliResult } from '../support/cli.ts';
import { needsMounts } from '../support/needs.ts';
import { startStandIn } from '../support/stand-in.ts';

const DOCUMENTED: ReadonlySet<number | null> = new Set([0, 3, 8, 9]);

/** Limits, streams and neighbours of the process. */
describe('the process', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('s', { a: 'value a', b: 'value b' });
  });
  after(() => app.stop());

  const config: TestConfig = {
    secrets: { s: 'secret/s' },
    outputs: [
      { path: 'a.txt', contents: '{{s.a}}' },
      { path: 'keys/', format: 'files', secret: 's' },
    ],
  };

  /** Runs it by a shell, which sets limits and streams. */
  const inShell = async (script: string, own: TestConfig = config): Promise<CliResult> => {
    const command = COMMAND.map((part) => `"${part}"`).join(' ');
    const text = script.replace('VO', `${command} render -c "${app.config(own)}"`);
    const child = spawn('/bin/sh', ['-c', text], {
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    return { code, stdout, stderr };
  };

  const isWhole = (): boolean =>
    app.workspace.read('out/a.txt') === 'value a' &&
    app.workspace.read('out/keys/a') === 'value a' &&
    app.workspace.read('out/keys/b') === 'value b';

  for (const [name, more] of Object.entries({
    'one set of files': {},
    'a pruned directory': { prune: true },
    'a swapped directory': { swap: true },
  })) {
    test(`several runs at once over ${name}: none is a bug, and the result is whole`, async () => {
      for (let round = 0; round < 3; round += 1) {
        app.workspace.clear();
        const own = { ...config, output: { directory: app.workspace.path('out'), ...more } };
        const results = await Promise.all([1, 2, 3].map(async () => app.render(own)));
        for (const { code, stderr } of results) assert.ok(code === 0 || code === 8, stderr);
        for (const result of results)
          assert.ok(
            failuresOf(result).every(({ hint }) => hint !== undefined),
            result.stderr,
          );
        assert.ok(results.some(({ code }) => code === 0));
        const healed = await app.render(own);
        assert.equal(healed.code, 0, healed.stderr);
        assert.ok(isWhole());
        const left = app.workspace.list('out').filter((path) => /\.vaultonce-(?!manifest)/.test(path));
        assert.deepEqual(left, []);
        const sets = app.workspace.list('out').filter((path) => /^\.\.\d[^/]*$/.test(path));
        assert.equal(sets.length, 'swap' in more ? 1 : 0, sets.join(' '));
      }
      assert.equal(await app.server.tokensLeft(), 0);
    });
  }

  test('closed streams are no reason to fail, and no file takes their place', async () => {
    for (const streams of ['<&-', '>&-', '2>&-', '<&- >&- 2>&-']) {
      app.workspace.clear();
      const { code, stderr } = await inShell(`VO ${streams}`);
      assert.equal(code, 0, `${streams}: ${stderr}`);
      assert.ok(isWhole(), streams);
    }
  });

  test('few descriptors and little memory end in a documented code', async () => {
    for (const limit of ['-n 24', '-n 32', '-n 64', '-f 0']) {
      app.workspace.clear();
      const { code, stderr } = await inShell(`ulimit ${limit} && VO`);
      assert.ok(DOCUMENTED.has(code), `ulimit ${limit}: ${String(code)} ${stderr}`);
      if (code === 0) assert.ok(isWhole());
      else
        assert.deepEqual(
          app.workspace.list('.').filter((path) => path.startsWith('out/')),
          [],
          limit,
        );
    }
  });

  test('as PID 1 it runs, and a signal ends it: 143, and no token is left', needsMounts(), async () => {
    const command = ['unshare', '--pid', '--fork', ...COMMAND, 'render', '-c'];
    app.workspace.clear();
    const done = spawnSync(command[0] ?? '', [...command.slice(1), app.config(config)]);
    assert.equal(done.status, 0, String(done.stderr));
    assert.ok(isWhole());

    const standIn = await startStandIn({
      target: app.server.address,
      answer: ({ path }) => (path === 'secret/data/s' ? 'hang' : 'forward'),
    });
    const path = app.config({ ...config, vault: { address: standIn.address } });
    const child = spawn(command[0] ?? '', [...command.slice(1), path]);
    const ended = once(child, 'close');
    while (!standIn.seen.some((request) => request.path === 'secret/data/s')) await delay(10);
    const first = readFileSync(`/proc/${String(child.pid)}/task/${String(child.pid)}/children`, 'utf8');
    process.kill(Number(first), 'SIGTERM');
    assert.deepEqual(await ended, [143, null]);
    await standIn.stop();
    assert.equal(await app.server.tokensLeft(), 0);
  });

  /** Sends a signal while the first read has no answer; the second one gets it. */
  const signalled = async (signal: NodeJS.Signals, ...wrapper: readonly string[]): Promise<CliResult> => {
    app.workspace.clear();
    const standIn = await startStandIn({
      target: app.server.address,
      answer: ({ path }, nth) => (path === 'secret/data/s' && nth === 1 ? 'hang' : 'forward'),
    });
    const own = { ...config, vault: { address: standIn.address, client_timeout: '2s' } };
    const [program, ...args] = [...wrapper, ...COMMAND, 'render', '-c', app.config(own)] as const;
    const child = spawn(program, args, { env: { PATH: process.env['PATH'] } });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    const ended = once(child, 'close') as Promise<[number | null]>;
    while (!standIn.seen.some(({ path }) => path === 'secret/data/s')) await delay(10);
    child.kill(signal);
    const [code] = await ended;
    await standIn.stop();
    return { code, stdout: '', stderr };
  };

  for (const [signal, code] of [
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
    ['SIGTERM', 143],
  ] as const) {
    test(`${signal} ends it with ${String(code)}, and leaves neither a file nor a token`, async () => {
      const result = await signalled(signal);
      assert.equal(result.code, code, result.stderr);
      const [stopped] = failuresOf(result);
      assert.equal(stopped?.message, `stopped by ${signal}`);
      // Also what `read` and `env` say, which write nothing.
      assert.equal(stopped.hint, 'nothing was changed; it can be run again');
      assert.deepEqual(
        app.workspace.list('.').filter((path) => path.startsWith('out/')),
        [],
      );
      assert.equal(await app.server.tokensLeft(), 0);
    });
  }

  test('a SIGHUP that is ignored from the start, as by `nohup`, ends nothing', async () => {
    const result = await signalled('SIGHUP', '/bin/sh', '-c', `trap '' HUP; exec "$@"`, 'sh');
    // Node resets what it inherits.
    assert.equal(result.code, IS_STANDALONE ? 0 : 129, result.stderr);
    if (IS_STANDALONE) assert.ok(isWhole());
    assert.equal(await app.server.tokensLeft(), 0);
  });
});

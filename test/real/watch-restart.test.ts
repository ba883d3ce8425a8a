import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type RunningCli } from '../support/cli.ts';
import { until } from '../support/patience.ts';

let app: TestApp;
let auth: TestConfig;
before(async () => {
  app = await startApp();
  auth = await createRole(app.server, 'restart', { token_policies: ['app'], secret_id_num_uses: 0 });
});
after(() => app.stop());

test('a process after another tells of what it has changed, and of nothing else', async () => {
  const start = async (): Promise<RunningCli> => {
    const output = (name: string): object => ({
      path: name,
      format: 'json',
      secret: name,
      on_change: { run: ['sh', '-c', `echo ${name} >> ${app.workspace.path('told')}`] },
    });
    const config = { auth, secrets: { a: 'secret/a', b: 'secret/b' }, outputs: [output('a'), output('b')] };
    const running = startCli(['watch', '-c', app.config(config)]);
    await running.stderrMatches(/"event":"watching"/);
    return running;
  };
  const ended = async (running: RunningCli, signal: NodeJS.Signals): Promise<string> => {
    running.child.kill(signal);
    return (await running.done).stderr;
  };
  for (const name of ['a', 'b']) await app.putKv2(name, { key: 'one' });
  assert.doesNotMatch(await ended(await start(), 'SIGKILL'), /"event":"told"/, 'nobody had read anything');
  await app.putKv2('b', { key: 'two' });
  const second = await start();
  await second.stderrMatches(/"event":"told"/);
  await ended(second, 'SIGTERM');
  assert.equal(app.workspace.read('told'), 'b\n');
  await ended(await start(), 'SIGTERM');
  assert.equal(app.workspace.read('told'), 'b\n');
});

test('a config with another login: the token of the first is ended once the change was told', async () => {
  const other = await createRole(app.server, 'other', { token_policies: ['app'], secret_id_num_uses: 0 });
  await app.server.revokeTokens();
  const mark = app.workspace.path('may');
  const config = (login: TestConfig, text: string): string =>
    app.config({
      auth: login,
      secrets: { a: 'secret/a' },
      outputs: [{ path: 'text', contents: `${text} {{a.key}}`, on_change: { run: ['test', '-e', mark] } }],
      watch: { settle: 0 },
    });
  const running = startCli(['watch', '-c', config(auth, 'first')]);
  await running.stderrMatches(/"event":"watching"/);
  config(other, 'second');
  running.child.kill('SIGHUP');
  await running.stderrMatches(/"event":"handler_failed"/);
  assert.equal(await app.server.tokensLeft(), 2, 'somebody may still use what hangs on it');
  app.workspace.write('may', '');
  await running.stderrMatches(/"event":"told"/);
  await until('the end of the first', async () => (await app.server.tokensLeft()) === 1);
  running.child.kill('SIGTERM');
  const { code, stderr } = await running.done;
  assert.equal(code, 0, stderr);
  assert.equal(await app.server.tokensLeft(), 0);
});

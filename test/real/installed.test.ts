import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { NOTICES } from '../../.config/notices.ts';
import { layPackages, packageNameOf } from '../../.config/npm-packages.ts';
import { TARGETS, thisMachine } from '../../.config/targets.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { BIN, IS_STANDALONE, startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { NODE } from '../support/start-file.ts';

/** What npm has installed: the binary is started where that is tested, and else the bundle, since its package is missing. */
describe('installed by npm, its command', () => {
  let app: TestApp;
  let launcher: string;
  before(async () => {
    app = await startApp();
    await app.putKv2('web', { password: 'p=ss' });
    const { workspace } = app;
    const target = thisMachine();
    const binaries = new Map<string, string>();
    if (IS_STANDALONE) {
      workspace.write(NOTICES, '');
      symlinkSync(BIN, workspace.path('binary'));
      binaries.set(target, workspace.path('binary'));
    }
    const [first = '', second] = layPackages(workspace.path('laid'), binaries, TARGETS).reverse();
    const main = workspace.path('node_modules/vaultonce');
    mkdirSync(workspace.path('node_modules/@vaultonce'), { recursive: true });
    renameSync(first, main);
    if (second !== undefined) renameSync(second, workspace.path('node_modules', packageNameOf(target)));
    launcher = `${main}/bin/vaultonce`;
  });
  after(() => app.stop());

  const config = {
    secrets: { web: 'secret/web' },
    outputs: [{ path: 'password', contents: '{{web.password}}' }],
  };
  const start = (...args: readonly string[]): RunningCli =>
    startCli(args, {
      command: [launcher],
      // Where the binary is tested there is no Node; a shell is what starts the launcher.
      env: { PATH: IS_STANDALONE ? '/usr/bin-without-node' : `${NODE}:/usr/bin:/bin` },
    });
  const stopped = async ({ child, done }: RunningCli): Promise<CliResult> => {
    child.kill('SIGTERM');
    return done;
  };

  test('render writes files', async () => {
    const { code, stderr } = await start('render', '-c', app.config(config)).done;
    assert.equal(code, 0, stderr);
    assert.equal(app.workspace.read('out/password'), 'p=ss');
  });

  test('version names the program that runs', async () => {
    const { stdout } = await start('version', '--json').done;
    const { target, runtime } = JSON.parse(stdout) as { target: string; runtime: { name: string } };
    assert.deepEqual(
      { target, runtime: runtime.name },
      IS_STANDALONE ? { target: thisMachine(), runtime: 'bun' } : { target: 'node', runtime: 'node' },
    );
  });

  test('exec becomes the command: it is still the process that was started', async () => {
    const environment = { environment: { PASSWORD: 'web#password' } };
    const path = app.config({ secrets: config.secrets, ...environment });
    const running = start('exec', '-c', path, '--', '/bin/sh', '-c', 'echo "$$ $PASSWORD"; exit 5');
    const { code, stdout, stderr } = await running.done;
    assert.deepEqual({ code, stdout }, { code: 5, stdout: `${String(running.child.pid)} p=ss\n` }, stderr);
  });

  test('watch stays, and ends by a signal', async () => {
    const running = start('watch', '-c', app.config(config));
    await running.stderrMatches(/"event":"watching"/);
    const { code, stderr } = await stopped(running);
    assert.equal(code, 0, stderr);
  });

  test('csi serves, and ends by a signal', async () => {
    const running = start('csi', '--endpoint', app.workspace.path('vault.sock'));
    await running.stderrMatches(/"event":"csi_serving"/);
    const { code, stderr } = await stopped(running);
    assert.equal(code, 0, stderr);
  });
});

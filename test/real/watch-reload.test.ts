import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createRole, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { startCli, type CliResult, type RunningCli } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';
import { untilWithin } from '../support/patience.ts';

/** How long something may take that is due within a few seconds. */
const PATIENCE_MS = 30_000;

/** What another config changes, by SIGHUP. */
describe('a config that watch reads again', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  let auth: TestConfig;
  before(async () => {
    app = await startApp();
    const { api } = app.server;
    await api.post('sys/mounts/pki', { type: 'pki' });
    await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '24h' });
    await api.post('pki/roles/leased', {
      allow_any_name: true,
      enforce_hostnames: false,
      key_type: 'ec',
      max_ttl: '1h',
      generate_lease: true,
    });
    await api.post('sys/policies/acl/leases', {
      policy: ['renew', 'revoke']
        .map((what) => `path "sys/leases/${what}" { capabilities = ["update"] }`)
        .join('\n'),
    });
    auth = await createRole(app.server, 'reload', {
      token_policies: ['app', 'leases'],
      secret_id_num_uses: 0,
    });
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
});

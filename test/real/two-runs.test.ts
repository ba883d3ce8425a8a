import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { createLog } from '../../src/host/log.ts';
import { createScope, type Scope } from '../../src/host/scope.ts';
import { planRun, type Plan } from '../../src/plan/plan.ts';
import type { Destination } from '../../src/publish/destination.ts';
import { fileDestination } from '../../src/publish/files/file-destination.ts';
import type { Outcome } from '../../src/report/outcome.ts';
import { reportText } from '../../src/report/report.ts';
import { everythingIsDue } from '../../src/reuse/what-is-due.ts';
import { openAccess } from '../../src/run/access.ts';
import { runOnce } from '../../src/run/run.ts';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { quietScope } from '../support/quiet-scope.ts';

/** Keeps outputs instead of writing them. */
function inMemory(): Destination & { readonly outputs: Map<string, string> } {
  const outputs = new Map<string, string>();
  return {
    outputs,
    undoable: true,
    takes: () => true,
    check: () => undefined,
    stage: (staged) => ({
      commit(note) {
        for (const { plan, files } of staged) {
          for (const { path, content } of files) {
            const bytes = content.reveal();
            outputs.set(path, Buffer.from(bytes).toString());
            note({ kind: 'file', path, mode: plan.target.mode, changed: true, bytes: bytes.length });
          }
        }
      },
      discard: () => undefined,
    }),
  };
}

interface TestRun {
  readonly plan: Plan;
  readonly scope: Scope;
  /** What its log has, as JSON lines. */
  readonly log: string[];
}

/** Runs of which this process has several at once: nothing of one may show in another. */
describe('two runs in one process', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv2('a', { password: 'of a' });
    await app.putKv2('b', { password: 'of b' });
    await app.server.api.post('sys/mounts/pki', { type: 'pki' });
    await app.server.api.post('pki/root/generate/internal', { common_name: 'root', ttl: '24h' });
    const leased = {
      allow_any_name: true,
      enforce_hostnames: false,
      key_type: 'ec',
      generate_lease: true,
      ttl: '1h',
    };
    await app.server.api.post('pki/roles/web', leased);
    const policy = [
      'path "secret/*" { capabilities = ["read"] }',
      'path "pki/*" { capabilities = ["update"] }',
      'path "sys/leases/revoke" { capabilities = ["update"] }',
    ];
    await app.server.api.post('sys/policies/acl/app', { policy: policy.join('\n') });
  });
  beforeEach(() => {
    app.workspace.clear();
    app.server.takeAudit();
  });
  after(() => app.stop());

  const configOf = (config: TestConfig) =>
    loadConfig(
      { config: [app.config(config)] },
      { env: {}, cwd: '/', readStdin: () => Promise.resolve(Buffer.alloc(0)), scope: quietScope() },
    );

  const prepare = async (config: TestConfig, timeoutMs = 30_000): Promise<TestRun> => {
    const loaded = await configOf(config);
    const lines: string[] = [];
    const stderr = { offer: (text: string) => lines.push(text) > 0 };
    const log = createLog({ level: 'debug', format: 'json', colours: false, stderr, progress: undefined });
    const effects = { env: {}, log, random: Math.random, now: () => performance.now() };
    return {
      plan: planRun(loaded, { secrets: 'all', outputs: loaded.outputs, values: [] }),
      scope: createScope(effects, process.pid).child({ timeoutMs }),
      log: lines,
    };
  };
  const one = (name: string): TestConfig => ({
    secrets: { [name]: { path: `secret/${name}`, engine: 'kv2' } },
    outputs: [{ path: `${name}/password`, value: `${name}#password` }],
  });
  const written = ({ changes }: Outcome) => changes.map((change) => ('path' in change ? change.path : ''));
  const reported = (outcome: Outcome) =>
    JSON.parse(reportText(outcome, 1, { bytes: 1, of: 'process' })) as {
      exit_code: number;
      requests: number;
      secrets: { name: string }[];
    };

  test('over one access: one login, requests and reports of their own, and the token lives until both are done', async () => {
    const [a, b] = [await prepare(one('a')), await prepare(one('b'))];
    const memory = inMemory();
    const audited: string[] = [];
    let outcomes: readonly Outcome[];
    {
      await using access = await openAccess(await configOf(one('a')), a.scope);
      outcomes = await Promise.all([
        runOnce(everythingIsDue(a.plan), access.share(a.scope), [memory], a.scope),
        runOnce(everythingIsDue(b.plan), access.share(b.scope), [fileDestination(b.plan, b.scope)], b.scope),
      ]);
      audited.push(...requestsOf(app.server));
      assert.equal(await app.server.tokensLeft(), 1);
      app.server.takeAudit();
    }
    audited.push(...requestsOf(app.server));
    assert.equal(await app.server.tokensLeft(), 0);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.failure),
      [undefined, undefined],
    );
    assert.deepEqual([...memory.outputs], [[app.workspace.path('out/a/password'), 'of a']]);
    assert.equal(app.workspace.read('out/b/password'), 'of b');
    const reports = outcomes.map(reported);
    assert.deepEqual(
      reports.map(({ requests, secrets }) => [requests, secrets.map(({ name }) => name)]),
      [
        [1, ['a']],
        [1, ['b']],
      ],
    );
    assert.deepEqual(audited.sort(), [
      'read secret/data/a',
      'read secret/data/b',
      'update auth/approle/login',
      'update auth/token/revoke-self',
    ]);
    assert.ok(!b.log.join('').includes('secret/data/a'));
    assert.ok(!a.log.join('').includes('secret/data/b'));
  });

  test('over two: the deadline of one is not that of the other', async () => {
    const [late, good] = [await prepare(one('a'), 1), await prepare(one('b'))];
    const run = async ({ plan, scope }: TestRun, config: TestConfig): Promise<Outcome> => {
      await using access = await openAccess(await configOf(config), good.scope.child());
      return await runOnce(everythingIsDue(plan), access, [fileDestination(plan, scope)], scope);
    };
    const [failed, complete] = await Promise.all([run(late, one('a')), run(good, one('b'))]);
    assert.equal(reported(failed).exit_code, 124);
    assert.deepEqual(written(failed), []);
    assert.deepEqual(app.workspace.list('out'), ['b', 'b/password']);
    assert.equal(reported(complete).exit_code, 0);
    assert.equal(complete.session?.revoked, true);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a failed run ends its own lease, and not the token that the other one uses', async () => {
    const certificate: TestConfig = {
      secrets: { tls: { path: 'pki/issue/web', write: { common_name: 'web' }, engine: 'raw' } },
      outputs: [{ path: 'tls', value: 'tls#no_such_key' }],
    };
    const [bad, good] = [await prepare(certificate), await prepare(one('b'))];
    const memory = inMemory();
    {
      await using access = await openAccess(await configOf(one('a')), good.scope);
      const failed = await runOnce(everythingIsDue(bad.plan), access.share(bad.scope), [memory], bad.scope);
      assert.equal(failed.failure?.exitCode, 6, failed.failure?.message);
      const [lease] = failed.leases;
      assert.equal(failed.leases.length, 1);
      assert.match(lease?.lease_id ?? '', /^pki\/issue\/web\//);
      assert.equal(lease?.path, 'pki/issue/web');
      assert.ok((lease.expiresAt ?? 0) - lease.issuedAt === lease.lease_duration);
      assert.ok(bad.log.join('').includes('"event":"lease_revoked"'));
      const next = await runOnce(everythingIsDue(good.plan), access.share(good.scope), [memory], good.scope);
      assert.equal(next.failure, undefined);
    }
    assert.deepEqual([...memory.outputs.values()], ['of b']);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('both stage in one directory, and neither takes the files of the other for leftovers', async () => {
    const [a, b] = [await prepare(one('a')), await prepare(one('b'))];
    const outputs = (name: string, { plan }: TestRun) =>
      plan.outputs.map((output) => ({
        plan: { ...output, target: { ...output.target, path: app.workspace.path(`out/${name}`) } },
        files: [{ path: app.workspace.path(`out/${name}`), content: { reveal: () => Buffer.from(name) } }],
      }));
    const changes: string[] = [];
    const note = (change: { readonly kind: string }): number => changes.push(change.kind);
    const first = await fileDestination(a.plan, a.scope).stage(outputs('x', a) as never);
    const second = await fileDestination(b.plan, b.scope).stage(outputs('y', b) as never);
    await first.commit(note);
    await second.commit(note);
    assert.deepEqual(app.workspace.list('out'), ['x', 'y']);
    assert.deepEqual(changes, ['file', 'file']);
  });
});

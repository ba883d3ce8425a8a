import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startApp, type TestApp } from '../support/app.ts';
import { failuresOf, type CliResult } from '../support/cli.ts';
import { startStandIn, type Answer } from '../support/stand-in.ts';

const MOUNTS = 'sys/internal/ui/mounts';

/** How a path is read comes from the server, or is not guessed. */
describe('a mount look-up that does not help', () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await app.putKv1('a', { data: 'a key of that name', key: 'value' });
    await app.putKv1('b', { key: 'other' });
  });
  after(() => app.stop());

  const render = async (
    mounts: (nth: number) => Answer,
    secret: object = {},
  ): Promise<CliResult & { readonly lookUps: number }> => {
    const server = await startStandIn({
      target: app.server.address,
      answer: ({ path }, nth) => (path.startsWith(MOUNTS) ? mounts(nth) : 'forward'),
    });
    try {
      const result = await app.render({
        vault: { address: server.address },
        secrets: { a: { path: 'kv1/a', ...secret } },
        outputs: [{ path: 'a', format: 'json', secret: 'a' }],
      });
      assert.equal(await app.server.tokensLeft(), 0);
      return { ...result, lookUps: server.seen.filter(({ path }) => path.startsWith(MOUNTS)).length };
    } finally {
      await server.stop();
    }
  };

  test('a mount that is not listed is no KV version 1: 3, and the way out', async () => {
    const result = await render(() => ({ status: 200, body: { data: { secret: {} } } }));
    assert.equal(result.code, 3, result.stderr);
    const [failure] = failuresOf(result);
    assert.match(failure?.message ?? '', /does not list the mount of kv1\/a/);
    assert.match(failure?.hint ?? '', /engine: kv1/);
    assert.equal((await render(() => 'hang', { engine: 'kv1' })).code, 0, 'nothing is looked up then');
  });

  test('6: what is not there says nothing without its mount, optional or not; the path may hold a namespace', async () => {
    for (const optional of [false, true]) {
      const nothing = { status: 200, body: { data: { secret: {} } } };
      const result = await render(() => nothing, { path: 'kv1/team/none', optional });
      assert.equal(result.code, 6, result.stderr);
      const [failure] = failuresOf(result);
      assert.match(
        failure?.message ?? '',
        /^there is nothing at kv1\/team\/none, and the server lists no mount/,
      );
      assert.match(failure?.hint ?? '', /`namespace: kv1` and `path: team\/none`$/);
    }
  });

  test('the hint of a refused look-up is about the look-up', async () => {
    for (const status of [403, 404]) {
      const result = await render(() => ({
        status,
        body: { errors: ['1 error occurred: * permission denied'] },
      }));
      const [failure] = failuresOf(result);
      assert.match(failure?.message ?? '', /sys\/internal\/ui\/mounts/);
      assert.match(failure?.hint ?? '', /; or declare `engine:` for each secret: nothing is looked up then$/);
      assert.doesNotMatch(failure?.hint ?? '', /optional/);
    }
  });

  test('a look-up that fails for a moment is repeated, and one that is refused ends the run', async () => {
    const passing = await render((nth) => (nth === 1 ? { status: 503, body: { errors: [] } } : 'forward'));
    assert.equal(passing.code, 0, passing.stderr);
    assert.equal(passing.lookUps, 2);
    assert.deepEqual(JSON.parse(app.workspace.read('out/a')), { data: 'a key of that name', key: 'value' });
    const refused = await render(() => ({
      status: 403,
      body: { errors: ['preflight capability check returned 403'] },
    }));
    assert.equal(refused.code, 5, refused.stderr);
  });

  test('what declares its engine is read meanwhile, and once; what may mint waits', async () => {
    const seen = (path: string): number => server.seen.findIndex((request) => request.path === path);
    const server = await startStandIn({
      target: app.server.address,
      answer: ({ path }) => {
        if (path === 'pki/issue/web')
          return { status: 200, body: { request_id: 'r', data: { key: 'minted' } } };
        // As long as nothing else is asked for, the look-up fails.
        return path === MOUNTS && seen('kv1/a') === -1 ? { status: 503, body: { errors: [] } } : 'forward';
      },
    });
    const result = await app.render({
      vault: { address: server.address, max_retries: 3 },
      secrets: {
        declared: { path: 'kv1/a', engine: 'kv1' },
        looked_up: 'kv1/b',
        minted: { path: 'pki/issue/web', write: { common_name: 'x' } },
      },
      outputs: [{ path: 'three', contents: '{{declared.key}} {{looked_up.key}} {{minted.key}}' }],
    });
    await server.stop();
    assert.equal(result.code, 0, result.stderr);
    assert.equal(app.workspace.read('out/three'), 'value other minted');
    const paths = server.seen.map(({ path }) => path);
    assert.equal(paths.filter((path) => path === 'kv1/a').length, 1);
    assert.ok(seen('pki/issue/web') > paths.lastIndexOf(MOUNTS));
  });
});

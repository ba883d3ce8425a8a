import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { requestsOf, startApp, type TestApp } from '../support/app.ts';
import { needsPlugins } from '../support/needs.ts';
import { openLoadSite, type LoadSite } from './load/many-runs.ts';

const NOTHING = { tokens: 0, leases: 0, files: 0 };

/** `npm run soak` does the same with hundreds and thousands of runs. */
describe('many runs', await needsPlugins('secret/pki'), () => {
  let site: LoadSite;
  before(async () => {
    site = await openLoadSite(40);
  });
  after(() => site.stop());

  test('at once, under a quota: all succeed, some wait for it, and nothing is left', async () => {
    const { codes, failures, retries, left } = await site.run(16, 16);
    assert.deepEqual(codes, { 0: 16 }, failures[0]);
    assert.ok(retries > 0, 'the quota was met');
    assert.deepEqual(left, NOTHING);
  });

  test('one after the other: nothing grows', async () => {
    const { codes, failures, left } = await site.run(12, 2);
    assert.deepEqual(codes, { 0: 12 }, failures[0]);
    assert.deepEqual(left, NOTHING);
  });
});

describe('much in one run', () => {
  const SECRETS = 1000;
  const OUTPUTS = 50;
  const LARGE = 'x'.repeat(5_000_000);
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const names = Array.from({ length: SECRETS }, (_, index) => index);
    const put = async (): Promise<void> => {
      for (let index = names.pop(); index !== undefined; index = names.pop())
        await app.putKv2(`many/${String(index)}`, { key: `value ${String(index)}` });
    };
    await Promise.all(Array.from({ length: 16 }, put));
    await app.putKv2('large', { key: LARGE });
  });
  after(() => app.stop());

  test('1000 secrets, 50 outputs and a value of 5 MB: a request for each, all written, nothing left', async () => {
    app.server.takeAudit();
    const secrets = Object.fromEntries(
      Array.from({ length: SECRETS }, (_, index) => [`s${String(index)}`, `secret/many/${String(index)}`]),
    );
    const outputs = Array.from({ length: OUTPUTS }, (_, index) => ({
      path: `out${String(index)}`,
      contents: Array.from(
        { length: SECRETS / OUTPUTS },
        (_line, at) => `{{s${String(index * (SECRETS / OUTPUTS) + at)}.key}}\n`,
      ).join(''),
    }));
    const result = await app.render({
      secrets: { ...secrets, large: 'secret/large' },
      outputs: [...outputs, { path: 'large', value: 'large#key' }],
    });
    assert.equal(result.code, 0, result.stderr.slice(-2000));
    // The login, the mounts, and the end of the token.
    assert.equal(requestsOf(app.server).length, SECRETS + 1 + 3);
    assert.equal(app.workspace.read('out/large'), LARGE);
    for (const index of [0, 25, OUTPUTS - 1]) {
      const first = index * (SECRETS / OUTPUTS);
      assert.ok(app.workspace.read(`out/out${String(index)}`).startsWith(`value ${String(first)}\n`));
    }
    assert.equal(app.workspace.list('out').length, OUTPUTS + 1);
    assert.equal(await app.server.tokensLeft(), 0);
  });
});

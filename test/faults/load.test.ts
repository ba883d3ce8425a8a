import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
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

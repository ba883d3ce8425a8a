import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { faultsOf, growthOf } from '../bench/watch/soak-report.ts';
import { soak } from '../bench/watch/soak.ts';
import { COMMAND } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';

describe('watch, for long', await needsPlugins('secret/pki'), () => {
  test('descriptors, tokens, leases, files and children do not grow, and nothing is left', async () => {
    const outcome = await soak({ start: COMMAND, seconds: 30 });
    assert.deepEqual(faultsOf(outcome), []);
    const { metrics, events, samples } = outcome;
    assert.ok(metrics.get('logins_total')! > 1, 'logins');
    assert.ok(metrics.get('token_renewals_total')! > 1, 'renewals');
    assert.ok(metrics.get('command_restarts_total')! > 5, 'restarts');
    assert.ok(events.get('config_reloaded')! > 3, 'reloads');
    assert.ok(events.get('reload_refused')! > 1, 'refused reloads');
    const rss = growthOf(samples).find(({ what }) => what === 'rssMb');
    assert.ok(rss !== undefined && rss.after < 1.5 * rss.before, JSON.stringify(rss));
  });
});

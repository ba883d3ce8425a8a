import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createOutage } from '../../src/watch/outage.ts';
import { curveOf, recover } from '../bench/watch/outage-sim.ts';

const INSTANCES = 500;
/** The longest wait for another try. */
const SPREAD_S = 120;
const EVEN = INSTANCES / SPREAD_S;

describe('an outage', () => {
  test('what fails at the same time is one try, and waits as one; an answer ends it', () => {
    let nowS = 100;
    const outage = createOutage({ now: () => nowS, takeJump: () => 0 }, () => 0.5);
    assert.equal(outage.isOn, false);
    assert.deepEqual([outage.failed(), outage.failed()], [101, 101]);
    assert.equal(outage.isOn, true);
    nowS = 101;
    assert.equal(outage.failed(), 102);
    outage.over();
    assert.equal(outage.isOn, false);
    assert.equal(outage.failed(), 102);
  });

  test('nobody waits for more than twice as long as it has lasted, and for two minutes at most', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), (chances) => {
        const left = [...chances];
        let nowS = 0;
        const outage = createOutage({ now: () => nowS, takeJump: () => 0 }, () => left.pop() ?? 0);
        while (left.length > 0) {
          const waitS = outage.failed() - nowS;
          assert.ok(waitS > 0 && waitS <= Math.min(120, 2 * Math.max(1, nowS)));
          nowS += waitS;
        }
      }),
    );
  });

  for (const outageS of [600, 3600])
    test(`500 instances come back spread after ${String(outageS)} s, within two minutes`, () => {
      for (const seed of [1, 2, 3, 4, 5]) {
        const recovery = recover({ instances: INSTANCES, outageS, seed });
        assert.equal(recovery.backS.length, INSTANCES);
        assert.ok(recovery.backS.at(-1)! <= SPREAD_S);
        assert.ok(Math.max(...curveOf(recovery, 1)) <= 0.04 * INSTANCES, 'of a second');
        assert.ok(Math.max(...curveOf(recovery, 10)) / 10 <= 2.5 * EVEN, 'of ten seconds');
        assert.ok(recovery.triesPerMinute < 10);
      }
    });

  test('after a short one they are back at once', () => {
    const { backS } = recover({ instances: INSTANCES, outageS: 30, seed: 1 });
    assert.ok(backS.length > 0 && backS.at(-1)! <= 5);
  });
});

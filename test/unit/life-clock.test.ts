import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLifeClock, type LifeClock } from '../../src/watch/life-clock.ts';

function clocks(): { readonly life: LifeClock; readonly pass: (monotonicS: number, wallS: number) => void } {
  let [monotonicMs, wallMs] = [5000, 1_800_000_000_000];
  const life = createLifeClock(
    () => monotonicMs,
    () => wallMs,
  );
  return {
    life,
    pass(monotonicS, wallS) {
      monotonicMs += monotonicS * 1000;
      wallMs += wallS * 1000;
    },
  };
}

describe('the clock that lives end by', () => {
  test('goes on while the machine sleeps, and is not set back', () => {
    const { life, pass } = clocks();
    const startS = life.now();
    pass(10, 10);
    assert.equal(life.now() - startS, 10);
    assert.equal(life.takeJump(), 0);
    pass(1, 3601);
    assert.equal(life.now() - startS, 3611);
    assert.equal(life.takeJump(), 3600);
    pass(5, -3600);
    assert.equal(life.now() - startS, 3616);
    assert.equal(life.takeJump(), -3605);
    assert.equal(life.takeJump(), 0);
  });

  test('never goes back, whatever the others do', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1e6), fc.integer({ min: -1e6, max: 1e6 }))), (steps) => {
        const { life, pass } = clocks();
        let lastS = life.now();
        for (const [monotonicS, wallS] of steps) {
          pass(monotonicS, wallS);
          const nowS = life.now();
          assert.ok(nowS - lastS >= monotonicS - 1e-3);
          lastS = nowS;
        }
      }),
    );
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  isWornOut,
  nextAfterSame,
  nextOf,
  nextPastTheEnd,
  retryIn,
  type Habits,
  type Life,
} from '../../src/watch/due-times.ts';

const HABITS: Habits = { refreshS: 300, ownRefreshS: undefined, rotateAt: 0.75 };
const LIFE: Life = {
  remainingS: 100,
  wholeS: 100,
  isRenewable: false,
  isStored: false,
  isWritten: false,
  isChangedByServer: false,
};
const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe('when something is due', () => {
  test('by its kind', () => {
    const next = (life: Partial<Life>, habits: Partial<Habits> = {}): object =>
      nextOf({ ...LIFE, ...life }, { ...HABITS, ...habits }, 0);
    assert.deepEqual(next({}), { action: 'fetch', inS: 75 });
    assert.deepEqual(next({ remainingS: 50 }), { action: 'fetch', inS: 25 });
    assert.deepEqual(next({ isRenewable: true }), { action: 'renew', inS: 100 * (2 / 3) });
    assert.deepEqual(next({ isStored: true }), { action: 'fetch', inS: 300 });
    assert.deepEqual(next({ remainingS: Infinity, wholeS: Infinity }), { action: 'fetch', inS: 300 });
    const made = { remainingS: Infinity, wholeS: Infinity, isWritten: true };
    assert.deepEqual(next(made), { action: 'fetch', inS: Infinity });
    assert.deepEqual(next(made, { ownRefreshS: 60 }), { action: 'fetch', inS: 60 });
    assert.deepEqual(next({ isRenewable: true }, { ownRefreshS: 7 }), { action: 'fetch', inS: 7 });
    assert.deepEqual(next({}, { ownRefreshS: 1000 }), { action: 'fetch', inS: 75 });
  });

  test('before the end, and not long before: chance takes a tenth', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e7, noNaN: true }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        chance,
        fc.boolean(),
        (remainingS, rotateAt, random, isRenewable) => {
          const life = { ...LIFE, remainingS, wholeS: remainingS, isRenewable };
          const { inS } = nextOf(life, { ...HABITS, rotateAt }, random);
          const latest = remainingS * (isRenewable ? 2 / 3 : rotateAt);
          assert.ok(inS <= latest + 1e-6 && inS >= latest * 0.9 - 1e-6, String(inS));
        },
      ),
    );
  });

  test('what came without a future is not asked for without a pause', () => {
    assert.deepEqual(nextOf({ ...LIFE, remainingS: -5 }, HABITS, 0), { action: 'fetch', inS: 300 });
  });

  test('the same as before is read again at its end, when there is another', () => {
    assert.deepEqual(nextAfterSame({ ...LIFE, remainingS: 20 }, HABITS, 0), { action: 'fetch', inS: 21 });
    assert.deepEqual(nextAfterSame({ ...LIFE, isStored: true }, HABITS, 0), { action: 'fetch', inS: 300 });
  });

  test('what the server changes by itself is read after its end, and while that is late less and less often', () => {
    const life = { ...LIFE, remainingS: 20, isChangedByServer: true };
    assert.deepEqual(nextOf(life, HABITS, 0), { action: 'fetch', inS: 21 });
    const past = (overdueS: number): number => nextPastTheEnd(overdueS, HABITS, 0).inS;
    assert.deepEqual([0, 2, 60, 1e9].map(past), [1, 1, 30, 300]);
    assert.equal(nextPastTheEnd(1e9, { ...HABITS, ownRefreshS: 10 }, 0).inS, 10);
  });

  test('a renewal that gives too little is no renewal', () => {
    assert.equal(isWornOut(100, 100, 0.75), false);
    assert.equal(isWornOut(25, 100, 0.75), true);
    assert.equal(isWornOut(27, 100, 0.75), false);
  });

  test('another try: later and later, at most 5 minutes, spread over all of that time', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(10_000), chance, (tries, failingS, random) => {
        const inS = retryIn(tries, failingS, random);
        assert.ok(inS >= 0.2 && inS <= Math.max(0.2, Math.min(300, 2 ** tries, 2 * Math.max(1, failingS))));
      }),
    );
    assert.equal(retryIn(1000, 1e6, 0.5), 150);
    assert.equal(retryIn(1000, 10, 0.5), 10);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turnAfter, turnAfterPieces } from '../../src/base/turns.ts';

/** Counts the turns of the event loop until it is stopped. */
function countTurns(): { readonly turn: () => number; readonly stop: () => void } {
  let turn = 0;
  let next: NodeJS.Immediate;
  const count = (): void => {
    turn += 1;
    next = setImmediate(count);
  };
  next = setImmediate(count);
  return {
    turn: () => turn,
    stop: () => {
      clearImmediate(next);
    },
  };
}

test('pieces of work begin in their order, so many in each turn of the event loop', async () => {
  const mayBegin = turnAfterPieces(2);
  const { turn, stop } = countTurns();
  const begun: [piece: string, turn: number][] = [];
  await Promise.all(
    ['a', 'b', 'c', 'd', 'e'].map(async (piece) => {
      await mayBegin();
      begun.push([piece, turn()]);
    }),
  );
  stop();
  assert.deepEqual(
    begun.map(([piece]) => piece),
    ['a', 'b', 'c', 'd', 'e'],
  );
  const perTurn = Map.groupBy(begun, ([, turn]) => turn);
  assert.deepEqual(
    [...perTurn.values()].map((pieces) => pieces.length),
    [2, 2, 1],
  );
});

test('a piece that begins alone waits for no turn, and the one after the last of a group for one', async () => {
  const mayBegin = turnAfterPieces(1);
  const { turn, stop } = countTurns();
  await mayBegin();
  assert.equal(turn(), 0);
  await mayBegin();
  stop();
  assert.notEqual(turn(), 0);
});

test('work in pieces gives the event loop a turn when it has had none for long', async () => {
  let nowMs = 0;
  const pause = turnAfter(5, () => nowMs);
  const { turn, stop } = countTurns();
  nowMs = 5;
  await pause();
  assert.equal(turn(), 0);
  nowMs = 6;
  await pause();
  assert.notEqual(turn(), 0);
  const turned = turn();
  nowMs = 11;
  await pause();
  stop();
  assert.equal(turn(), turned);
});

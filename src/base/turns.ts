/** Gives the event loop a turn. Not by `node:timers/promises`, which would be another module to load. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets what was given to a connection go out before other work blocks the event loop. One turn is not enough: TLS begins
 * after TCP, and Node's HTTP/2 writes nothing until its last write, such as a window update, is reported as done.
 */
export async function turnsToSend(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

/**
 * For work in pieces that blocks the event loop.
 * @param now milliseconds on a monotonic clock
 * @returns to be called after each piece: gives the loop a turn when the last one is longer ago than this
 */
export function turnAfter(milliseconds: number, now: () => number): () => Promise<void> {
  let sinceMs = now();
  return async () => {
    if (now() - sinceMs <= milliseconds) return;
    await nextTurn();
    sinceMs = now();
  };
}

/**
 * For pieces of work that another process continues: it would be idle until the last of them if they all began at once.
 * @returns to be awaited before each piece: after this many it gives the loop a turn, and all that follow wait for that
 */
export function turnAfterPieces(pieces: number): () => Promise<void> {
  let begun = 0;
  let turn: Promise<void> | undefined;
  const nextPieces = async (): Promise<void> => {
    await nextTurn();
    begun = 0;
    turn = undefined;
  };
  return async () => {
    while (begun >= pieces) await (turn ??= nextPieces());
    begun += 1;
  };
}

/** Yields to the event loop. Not with `node:timers/promises`, which would be another module to load. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets pending writes of a connection go out before other work blocks the event loop. One turn is not enough: TLS starts
 * after TCP, and Node's HTTP/2 writes nothing until its previous write, such as a window update, has completed.
 */
export async function turnsToSend(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

/**
 * For work in pieces that blocks the event loop.
 * @param now milliseconds on a monotonic clock
 * @returns a function to call after each piece: when the last turn is longer ago than this, it yields
 */
export function turnAfter(milliseconds: number, now: () => number): () => Promise<void> | undefined {
  let sinceMs = now();
  return () => {
    if (now() - sinceMs <= milliseconds) return undefined;
    return nextTurn().then(() => {
      sinceMs = now();
    });
  };
}

/**
 * For pieces of work that another process continues: if all started at once, it would be idle until the last one.
 * @returns a function to await before each piece: after this many it yields, and all further pieces wait for that
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

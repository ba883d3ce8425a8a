/** Lets the event loop do what is due. Not `node:timers/promises`, which is one module of Node's more to load. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Lets what has been given to a connection go out before something else takes the time. One turn is not enough: TLS begins
 * after TCP, and Node's HTTP/2 writes nothing while its last write, such as that of a window update, has not been told.
 */
export async function turnsToSend(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

/**
 * For work in pieces that takes the event loop for itself.
 * @param now milliseconds on a monotonic clock
 * @returns to be called after each piece: gives the loop a turn when it has had none for so long
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
 * For pieces of work that something else goes on with: it would be idle until the last of them if they all began at once.
 * @returns to be awaited before each piece: after so many gives the loop a turn, for which all that follow wait
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

/** Lets the event loop do what is due. Not `node:timers/promises`, which is one module of Node's more to load. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Lets a connection begin before something else takes its time: a turn for TCP, and one for TLS. */
export async function turnsToConnect(): Promise<void> {
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

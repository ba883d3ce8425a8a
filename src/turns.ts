/** Lets the event loop do what is due. Not `node:timers/promises`, which is one module of Node's more to load. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Lets a connection begin before something else takes its time: a turn for TCP, and one for TLS. */
export async function turnsToConnect(): Promise<void> {
  await nextTurn();
  await nextTurn();
}

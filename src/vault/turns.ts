/** Lets the event loop send what begins a connection, before something else takes its time: two turns, for TCP and for TLS. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

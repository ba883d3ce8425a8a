import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * A process of its own between client and server: adds a round trip time, and counts connections. Usage, by fork():
 * proxy.ts TARGET_PORT ROUND_TRIP_MS; the first message is the port it listens on, and each message to it is answered by the
 * counts since the last one.
 */

export interface Counts {
  readonly connections: number;
  /** Connections whose TLS handshake offers to go on with an earlier session. */
  readonly resumptions: number;
}

const [targetPort = 0, roundTripMs = 0] = process.argv.slice(2).map(Number);
const HANDSHAKE = 0x16;
/** RFC 8446 §4.2.11 */
const PRE_SHARED_KEY = 41;
let counts = { connections: 0, resumptions: 0 };

/** All of the delay is on the way to the server: what matters is when the answer comes. */
function forward(client: Socket, server: Socket): void {
  // A TCP connection costs a round trip before its first byte can be sent. Accepting it here has taken none.
  let arrivalMs = performance.now() + 2 * roundTripMs;
  const onTheWay: Buffer[] = [];
  const arrive = (): void => {
    const chunk = onTheWay.shift();
    if (chunk !== undefined) server.write(chunk);
  };
  client.on('data', (chunk) => {
    const nowMs = performance.now();
    arrivalMs = Math.max(arrivalMs, nowMs + roundTripMs);
    // Whichever timer comes first hands on what was sent first.
    onTheWay.push(chunk);
    if (roundTripMs === 0) arrive();
    else setTimeout(arrive, Math.round(arrivalMs - nowMs));
  });
  client.once('data', (chunk) => {
    if (offersSession(chunk)) counts.resumptions += 1;
  });
  server.pipe(client);
  client.on('close', () => server.destroy()).on('error', () => undefined);
  server.on('close', () => client.destroy()).on('error', () => undefined);
}

/** RFC 8446 §4.1.2: the extension is the last one of a ClientHello. */
function offersSession(hello: Buffer): boolean {
  if (hello[0] !== HANDSHAKE) return false;
  const sessionEnd = 44 + (hello[43] ?? 0);
  const ciphersEnd = sessionEnd + 2 + hello.readUInt16BE(sessionEnd);
  let at = ciphersEnd + 3 + (hello[ciphersEnd] ?? 0);
  while (at + 4 <= hello.length) {
    if (hello.readUInt16BE(at) === PRE_SHARED_KEY) return true;
    at += 4 + hello.readUInt16BE(at + 2);
  }
  return false;
}

const listener = createServer({ noDelay: true }, (client) => {
  counts.connections += 1;
  forward(client, connect({ port: targetPort, host: '127.0.0.1', noDelay: true }));
});
listener.listen(0, '127.0.0.1', () => process.send?.((listener.address() as AddressInfo).port));
process.on('message', () => {
  process.send?.(counts);
  counts = { connections: 0, resumptions: 0 };
});
process.on('disconnect', () => process.exit());

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A name server that knows one name. */
export interface NameServer {
  /** Of 127.0.0.0/8: what a resolv.conf names. */
  readonly address: string;
  /** Names that were asked for, in order. */
  readonly asked: readonly string[];
  stop(): void;
}

const HEADER_LENGTH = 12;
const TYPE_A = 1;

/** Answers that a name is 127.0.0.1, has no other address, and that there is no other name. It takes root: the port is 53. */
export async function startNameServer(known: string): Promise<NameServer> {
  // Of this process alone.
  const address = `127.54.${String((process.pid >> 8) & 255)}.${String(process.pid & 255 || 1)}`;
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address: from }) => {
    const name = nameIn(query);
    asked.push(name);
    socket.send(answer(query, name === known), port, from);
  });
  socket.bind(53, address);
  await once(socket, 'listening');
  return { address, asked, stop: () => socket.close() };
}

/** RFC 1035 §4.1.2: labels, each after its length. */
function nameIn(query: Buffer): string {
  const labels: string[] = [];
  for (let at = HEADER_LENGTH; query[at] !== 0; at += labels.at(-1)!.length + 1)
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
  return labels.join('.');
}

function answer(query: Buffer, isKnown: boolean): Buffer {
  const endOfName = query.indexOf(0, HEADER_LENGTH) + 1;
  const question = query.subarray(HEADER_LENGTH, endOfName + 4);
  const hasAddress = isKnown && query.readUInt16BE(endOfName) === TYPE_A;
  const header = Buffer.from(query.subarray(0, HEADER_LENGTH));
  // A response, recursion available, and no error, or the error that there is no such name.
  header.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAddress ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  // The name of the question, type A, class IN, a minute, four bytes.
  const record = Buffer.from([0xc0, HEADER_LENGTH, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
  return Buffer.concat([header, question, ...(hasAddress ? [record] : [])]);
}

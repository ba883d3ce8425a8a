import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';

/** What no driver sends. */

const MOUNT = '/v1alpha1.CSIDriverProvider/Mount';

export interface RawAnswer {
  readonly status: number | undefined;
  /** As gRPC counts them; undefined: it said none. */
  readonly grpcStatus: number | undefined;
  readonly grpcMessage: string;
  readonly body: Buffer;
}

export interface RawCall {
  readonly method?: string;
  readonly path?: string;
  readonly contentType?: string;
  /** Sent as it is: `framed` makes a message of gRPC of it. */
  readonly body: Buffer;
}

/** A message of gRPC: whether it is compressed, and its length. @param length another one than it has */
export function framed(message: Buffer, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

/** Makes a call over HTTP/2. @throws where the stream is reset */
export async function callRaw(socket: string, call: RawCall): Promise<RawAnswer> {
  const { method = 'POST', path = MOUNT, contentType = 'application/grpc', body } = call;
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socket) });
  session.on('error', () => undefined);
  try {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: method,
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_CONTENT_TYPE]: contentType,
      te: 'trailers',
    });
    const told: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    for (const part of ['response', 'trailers']) {
      stream.on(part, (headers: object) => {
        Object.assign(told, headers);
      });
    }
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.end(body);
    await once(stream, 'close');
    const number = (name: string): number | undefined =>
      told[name] === undefined ? undefined : Number(told[name]);
    return {
      status: number(':status'),
      grpcStatus: number('grpc-status'),
      grpcMessage: decodeURIComponent(typeof told['grpc-message'] === 'string' ? told['grpc-message'] : ''),
      body: Buffer.concat(chunks),
    };
  } finally {
    session.destroy();
  }
}

/** Sends bytes and hears what comes back until the other side ends. */
export async function sendBytes(path: string, bytes: Buffer | string): Promise<Buffer> {
  const socket = connect(path);
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined).on('data', (chunk) => chunks.push(chunk));
  socket.end(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

import { connect, type Socket } from 'node:net';
import { endpointOf } from './endpoint.ts';

/** A TCP connection that is under way, or open. */
export interface Dialled {
  readonly socket: Socket;
  /** Rejects with the error of the connection. */
  readonly connected: Promise<void>;
}

/** Begins a connection, for which `node:net` is enough: TLS takes longer to load. */
export function dial(address: string): Dialled {
  const socket = connect(endpointOf(new URL(address))).setNoDelay(true);
  const connected = established(socket, 'connect');
  // It is told to the request that needs the connection.
  connected.catch(() => undefined);
  return { socket, connected };
}

/** @throws the error of the connection; one that comes later is left to its requests */
export function established(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  socket.once(event, () => {
    resolve(undefined);
  });
  socket.on('error', reject);
  socket.once('close', () => {
    reject(closed());
  });
  return promise;
}

function closed(): Error {
  return Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
}

import { connect, type Socket } from 'node:net';
import { endpointOf } from './endpoint.ts';

/** Whether something listens at the host and port of a URL. No proxy is used, and nothing is sent. */
export async function acceptsConnections(url: URL, timeoutMs: number): Promise<boolean> {
  return connects(connect({ ...endpointOf(url) }), timeoutMs);
}

/** Whether somebody serves a unix socket. Nothing is sent. */
export async function socketAccepts(path: string, timeoutMs: number): Promise<boolean> {
  return connects(connect({ path }), timeoutMs);
}

async function connects(socket: Socket, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, timeoutMs, false);
  socket.once('connect', () => {
    resolve(true);
  });
  socket.once('error', () => {
    resolve(false);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

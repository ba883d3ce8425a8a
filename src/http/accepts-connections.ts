import { connect } from 'node:net';
import { endpointOf } from './endpoint.ts';

/** Whether something listens at the host and port of a URL. No proxy is used, and nothing is sent. */
export async function acceptsConnections(url: URL, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ ...endpointOf(url) });
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

import type http from 'node:http';
import type { Duplex } from 'node:stream';

/** Vault closes a connection that sends no request for 10 s (`http_read_header_timeout`): an old one is not used. */
const USABLE_MS = 4000;

interface Spare {
  readonly socket: Duplex;
  readonly openedMs: number;
}

/**
 * Opens the connections that will be needed as soon as the first one stands: while the login is answered the others are
 * made, which takes two or three round trips over TLS.
 * @param connections how many there may be, the first one included
 * @param now milliseconds on a monotonic clock
 * @param takeOpen a connection that stands already; it will be the first
 * @returns closes those that nothing has used
 */
export function openAhead(
  agent: http.Agent,
  connections: number,
  now: () => number,
  takeOpen?: (options: http.ClientRequestArgs) => Duplex | undefined,
): () => void {
  const create = agent.createConnection.bind(agent);
  const spares: Spare[] = [];
  let opened = 0;
  /** Where they lead: what is redirected to another node needs a connection to that. */
  let target: string | undefined;

  const open: http.Agent['createConnection'] = (options, callback) => {
    opened += 1;
    return create(options, callback);
  };
  const openSpares = (options: http.ClientRequestArgs): void => {
    while (opened < connections) {
      const socket = open({ ...options });
      if (socket === null || socket === undefined) return;
      // It will be found out of use. Why is told by the connection that a request has waited for.
      socket.on('error', () => undefined);
      // Only who reads finds out that the other side has closed it.
      socket.resume();
      spares.push({ socket, openedMs: now() });
    }
  };

  agent.createConnection = (options, callback) => {
    const spare = targetOf(options) === target ? takeUsable(spares, now()) : undefined;
    if (spare !== undefined) return spare;
    const isFirst = opened === 0;
    if (isFirst) target = targetOf(options);
    const standing = isFirst ? takeOpen?.(options) : undefined;
    if (standing !== undefined && !standing.destroyed) {
      opened += 1;
      setImmediate(openSpares, options);
      return standing;
    }
    const socket = open(options, callback);
    if (isFirst && socket !== null && socket !== undefined) {
      // A certificate that is not trusted ends the run: no other connection is made before it is.
      socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
        // The request that has waited for it goes first.
        setImmediate(openSpares, options);
      });
    }
    return socket;
  };
  return () => {
    for (const { socket } of spares) socket.destroy();
  };
}

function takeUsable(spares: Spare[], nowMs: number): Duplex | undefined {
  for (let spare = spares.shift(); spare !== undefined; spare = spares.shift()) {
    const { socket, openedMs } = spare;
    if (!socket.destroyed && nowMs - openedMs < USABLE_MS) return socket;
    socket.destroy();
  }
  return undefined;
}

function targetOf({ host, port, path }: http.ClientRequestArgs): string {
  return JSON.stringify([host, port, path]);
}

import type http from 'node:http';
import type { Duplex } from 'node:stream';

/** Vault closes a connection that sends no request for 10 s (`http_read_header_timeout`): an old one is not used. */
const USABLE_MS = 4000;

interface Spare {
  readonly socket: Duplex;
  readonly openedMs: number;
}

export interface ConnectionsAhead {
  /** So many connections will be needed, the first one included; a smaller number than before changes nothing. */
  expect(connections: number): void;
  /** Closes those that nothing has used. */
  close(): void;
}

/**
 * Opens the connections that will be needed as soon as the first one is established: over TLS that takes two or three round trips, in
 * which the login is answered.
 * @param now milliseconds on a monotonic clock
 * @param takeOpen an established connection, which will be the first
 */
export function openAhead(
  agent: http.Agent,
  now: () => number,
  takeOpen?: (options: http.ClientRequestArgs) => Duplex | undefined,
): ConnectionsAhead {
  const create = agent.createConnection.bind(agent);
  const spares: Spare[] = [];
  let expected = 1;
  let opened = 0;
  /** Where they lead: a request that is redirected to another node needs a connection to that node. */
  let target: string | undefined;

  const open: http.Agent['createConnection'] = (options, callback) => {
    opened += 1;
    return create(options, callback);
  };
  const openSpares = (options: http.ClientRequestArgs): void => {
    while (opened < expected) {
      const socket = open({ ...options });
      if (socket === null || socket === undefined) return;
      // It is then not used. The reason is reported by the connection that a request waits for.
      socket.on('error', () => undefined);
      // A socket that is not read does not notice that the other side has closed it.
      socket.resume();
      spares.push({ socket, openedMs: now() });
    }
  };

  agent.createConnection = (options, callback) => {
    const spare = targetOf(options) === target ? takeUsable(spares, now()) : undefined;
    if (spare !== undefined) return spare;
    if (opened > 0) return open(options, callback);
    target = targetOf(options);
    const established = takeOpen?.(options);
    if (established !== undefined && !established.destroyed) {
      opened += 1;
      setImmediate(openSpares, options);
      return established;
    }
    const socket = open(options, callback);
    // A certificate that is not trusted ends the run, so no other connection is made before it is checked.
    socket?.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
      // The request that waits for it goes first.
      setImmediate(openSpares, options);
    });
    return socket;
  };
  return {
    expect(connections) {
      expected = Math.max(expected, connections);
    },
    close() {
      for (const { socket } of spares) socket.destroy();
    },
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

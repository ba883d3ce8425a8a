import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2';
import { isIP } from 'node:net';
import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import type { TlsSettings } from '../config/config.ts';
import { secureContextOf } from './tls.ts';
import { turnsToConnect } from '../turns.ts';

/** What axios hands to what sends its requests, as far as HTTP/2 has it. */
interface OutgoingRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
}

/** Stands in for `node:https` below axios. */
export interface Http2Transport {
  request(options: OutgoingRequest, onResponse: (response: ClientHttp2Stream) => void): ClientHttp2Stream;
}

/** One HTTP/2 connection to each server that speaks it. */
export interface Http2Sessions {
  /** What the TLS settings have been made into. */
  readonly secureContext: SecureContext;
  /** Some server does. */
  readonly multiplexes: boolean;
  /**
   * @returns undefined: this server speaks HTTP/1.1 only
   * @throws the error of the connection
   */
  transportTo(origin: string): Promise<Http2Transport | undefined>;
  close(): void;
}

/**
 * @throws RunError `config` for unusable TLS files
 */
export function createHttp2Sessions(tls: TlsSettings): Http2Sessions {
  const secureContext = secureContextOf(tls);
  const transports = new Map<string, Promise<Http2Transport | undefined>>();
  const sockets = new Set<TLSSocket>();
  let multiplexes = false;

  const open = async (origin: string): Promise<Http2Transport | undefined> => {
    const socket = connectTo(origin, secureContext, tls);
    sockets.add(socket);
    const connected = once(socket);
    // It takes as long to load as the handshake does, which has to begin before.
    await turnsToConnect();
    const { connect: startSession } = await import('node:http2');
    await connected;
    if (socket.alpnProtocol !== 'h2') {
      socket.destroy();
      return undefined;
    }
    multiplexes = true;
    const session = startSession(origin, { createConnection: () => socket });
    const forget = (): void => {
      transports.delete(origin);
    };
    // Why it ended is told by its requests.
    session.on('error', forget).on('goaway', forget).on('close', forget);
    return { request: (options, onResponse) => startRequest(session, options, onResponse) };
  };
  return {
    secureContext,
    get multiplexes() {
      return multiplexes;
    },
    transportTo(origin) {
      const known = transports.get(origin);
      if (known !== undefined) return known;
      const opening = open(origin);
      transports.set(origin, opening);
      opening.catch(() => transports.delete(origin));
      return opening;
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function connectTo(origin: string, secureContext: SecureContext, tls: TlsSettings): TLSSocket {
  const { hostname, port } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, '');
  const servername = tls.serverName ?? (isIP(host) === 0 ? host : undefined);
  const socket = connect({
    host,
    port: Number(port === '' ? 443 : port),
    secureContext,
    rejectUnauthorized: !tls.skipVerify,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...(servername === undefined ? {} : { servername }),
  });
  return socket.setNoDelay(true);
}

function once(socket: TLSSocket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  socket.once('secureConnect', () => {
    resolve(undefined);
  });
  socket.on('error', reject);
  socket.once('close', () => {
    reject(closed());
  });
  // It may fail before anybody waits for it.
  promise.catch(() => undefined);
  return promise;
}

function startRequest(
  session: ClientHttp2Session,
  { method, path, headers }: OutgoingRequest,
  onResponse: (response: ClientHttp2Stream) => void,
): ClientHttp2Stream {
  const stream = session.request(
    { ...headers, ':method': method, ':path': path },
    { endStream: method === 'GET' },
  );
  let answered = false;
  stream.once('response', (fields) => {
    answered = true;
    const { ':status': statusCode, ...others } = fields;
    onResponse(Object.assign(stream, { statusCode, headers: others }));
  });
  // A connection that ends in good order is no error to a stream.
  stream.once('close', () => {
    if (!answered) stream.emit('error', closed());
  });
  return stream;
}

function closed(): Error {
  return Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
}

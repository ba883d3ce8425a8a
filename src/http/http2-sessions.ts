import type { ClientHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { established, type Dialled } from './dial.ts';
import { endpointOf, servernameOf } from './endpoint.ts';
import type { TlsSettings } from './server.ts';
import { expectedIdentity, secureContextOf } from './tls.ts';

/** One HTTP/2 connection to each server that speaks it. */
export interface Http2Sessions {
  /** Made from the TLS settings, once for all connections. */
  readonly secureContext: SecureContext;
  /** At least one server speaks HTTP/2. */
  readonly multiplexes: boolean;
  /**
   * @returns undefined: this server speaks HTTP/1.1 only
   * @throws the error of the connection
   */
  sessionTo(origin: string): Promise<ClientHttp2Session | undefined>;
  /** Hands over, once, the connection to a server that turned out to speak HTTP/1.1 only. */
  readonly takeHttp1Socket: (endpoint: AgentEndpoint) => TLSSocket | undefined;
  /** Closes the connection to this server, also one that is still being opened. */
  abandon(origin: string): void;
  close(): void;
}

/** An event of our own. */
const RETIRED = 'retired';
const ENDINGS = ['error', 'goaway', 'close', RETIRED];

/** Those whose server has said how many streams it takes. */
const limited = new WeakSet<ClientHttp2Session>();

/** Whether a stream that is refused was not just one too many: until the server's settings are here, it may be sent more than it takes. */
export function knowsLimit(session: ClientHttp2Session): boolean {
  return limited.has(session);
}

/** The last stream that the server has seen, or may have seen, of those that said so. */
const lastSeen = new WeakMap<ClientHttp2Session, number>();

/** Whether the server says that it has not seen this stream, in ending the connection (RFC 9113 §6.8). */
export function isUnseen(session: ClientHttp2Session, stream: number | undefined): boolean {
  const last = lastSeen.get(session);
  return last !== undefined && stream !== undefined && stream > last;
}

/** Requests under way over each connection. */
const underWay = new WeakMap<ClientHttp2Session, number>();
const retired = new WeakSet<ClientHttp2Session>();

/** No further request goes over this connection; after those under way it is closed: a process that stays would collect them. */
export function retire(session: ClientHttp2Session): void {
  retired.add(session);
  session.emit(RETIRED);
  closeUnused(session);
}

/** Does what a request needs of a connection. */
export async function whileUsing<T>(session: ClientHttp2Session, work: () => Promise<T>): Promise<T> {
  underWay.set(session, (underWay.get(session) ?? 0) + 1);
  try {
    return await work();
  } finally {
    underWay.set(session, (underWay.get(session) ?? 0) - 1);
    closeUnused(session);
  }
}

function closeUnused(session: ClientHttp2Session): void {
  if (retired.has(session) && (underWay.get(session) ?? 0) === 0) session.destroy();
}

/** As an agent of Node names it. */
interface AgentEndpoint {
  readonly host?: string | null | undefined;
  readonly port?: number | string | null | undefined;
}

/**
 * @param dialled by origin: where the first connection to a server is on its way already
 * @throws RunError `config` for unusable TLS files
 */
export function createHttp2Sessions(tls: TlsSettings, dialled = new Map<string, Dialled>()): Http2Sessions {
  const secureContext = secureContextOf(tls);
  const sessions = new Map<string, Promise<ClientHttp2Session | undefined>>();
  const sockets = createSockets();
  const http1Sockets = new Map<string, TLSSocket>();
  let multiplexes = false;

  for (const [origin, { socket }] of dialled) sockets.add(origin, socket);
  const open = async (origin: string): Promise<ClientHttp2Session | undefined> => {
    const connected = await connectedFrom(takeFrom(dialled, origin));
    const socket = connectTo(origin, secureContext, tls, connected);
    sockets.add(origin, socket);
    // Loading it blocks the event loop for as long as a handshake takes, so it begins when the handshake is on its way.
    if (connected === undefined) socket.once('connect', loadHttp2);
    else loadHttp2();
    await established(socket, 'secureConnect');
    const { connect: startSession } = await import('node:http2');
    if (socket.alpnProtocol !== 'h2') {
      http1Sockets.set(nameOf(endpointOf(new URL(origin))), socket);
      return undefined;
    }
    multiplexes = true;
    const session = startSession(origin, {
      createConnection: () => socket,
      // Nobody listens to a pushed stream, so its error would end the process.
      settings: { enablePush: false },
    });
    return noting(session);
  };
  return {
    secureContext,
    get multiplexes() {
      return multiplexes;
    },
    sessionTo(origin) {
      const known = sessions.get(origin);
      if (known !== undefined) return known;
      const opening = open(origin);
      sessions.set(origin, opening);
      const forget = (): void => {
        if (sessions.get(origin) === opening) sessions.delete(origin);
      };
      // Its requests report why it ended.
      opening.then((session) => {
        for (const event of ENDINGS) session?.on(event, forget);
      }, forget);
      return opening;
    },
    takeHttp1Socket: (endpoint) => takeFrom(http1Sockets, nameOf(endpoint)),
    abandon: sockets.abandon,
    close: sockets.close,
  };
}

function createSockets(): {
  add(origin: string, socket: Socket): void;
  readonly abandon: (origin: string) => void;
  readonly close: () => void;
} {
  /** To each server. */
  const latest = new Map<string, Socket>();
  const all = new Set<Socket>();
  return {
    add(origin, socket) {
      latest.set(origin, socket);
      all.add(socket);
      socket.once('close', () => all.delete(socket));
    },
    abandon(origin) {
      latest.get(origin)?.destroy();
    },
    close() {
      for (const socket of all) socket.destroy();
    },
  };
}

/** Notes what the server says of its streams. */
function noting(session: ClientHttp2Session): ClientHttp2Session {
  session.on('remoteSettings', ({ maxConcurrentStreams }) => {
    limited.add(session);
    // What is sent now would wait; another connection, perhaps of another node, may take it.
    if (maxConcurrentStreams === 0) retire(session);
  });
  session.on('goaway', (_code: number, last: number) => lastSeen.set(session, last));
  return session;
}

/** @returns undefined: there is none, or it was closed meanwhile */
async function connectedFrom(dialled: Dialled | undefined): Promise<Socket | undefined> {
  await dialled?.connected;
  return dialled?.socket.destroyed === false ? dialled.socket : undefined;
}

function loadHttp2(): void {
  void import('node:http2');
}

/** @param connected to carry TLS */
function connectTo(
  origin: string,
  secureContext: SecureContext,
  tls: TlsSettings,
  connected: Socket | undefined,
): TLSSocket {
  const endpoint = endpointOf(new URL(origin));
  const socket = connect({
    ...endpoint,
    ...(connected === undefined ? {} : { socket: connected }),
    secureContext,
    rejectUnauthorized: !tls.skipVerify,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...servernameOf(endpoint),
    ...expectedIdentity(tls),
  });
  return socket.setNoDelay(true);
}

function nameOf({ host, port }: AgentEndpoint): string {
  return `${String(host)} ${String(port)}`;
}

function takeFrom<T>(map: Map<string, T>, key: string): T | undefined {
  const value = map.get(key);
  map.delete(key);
  return value;
}

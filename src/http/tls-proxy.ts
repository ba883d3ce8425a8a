import { request, type Agent } from 'node:http';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { ofProxy } from './connection-failure.ts';
import { established } from './dial.ts';
import { endpointOf, isIP, servernameOf, type Endpoint } from './endpoint.ts';
import { giveUp } from './node-failure.ts';
import type { Proxy, TlsSettings } from './server.ts';
import { secureContextOf } from './tls.ts';
import { NoAnswer } from './wire.ts';

/** What leads to proxies that speak TLS themselves. */
export interface TlsProxies {
  /** Has the connections of an agent go through one. */
  lead(agent: Agent, proxy: Proxy, tunnels: boolean): void;
  close(): void;
}

/**
 * The trust of the run applies to them, as in the official clients: Node's agents would verify them by the built-in CAs alone. A client
 * certificate is for the server only.
 * @throws RunError `config` for unusable TLS files
 */
export function openTlsProxies(tls: TlsSettings): TlsProxies {
  const noClient = { clientCert: undefined, clientKey: undefined, clientKeyPassword: undefined };
  const secureContext = secureContextOf({ ...tls, ...noClient });
  const sockets = new Set<TLSSocket>();
  const connected = async (proxy: URL): Promise<TLSSocket> => {
    const endpoint = endpointOf(proxy);
    const verified = { secureContext, rejectUnauthorized: !tls.skipVerify };
    const socket = connect({ ...endpoint, ...servernameOf(endpoint), ...verified }).setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    await established(socket, 'secureConnect').catch(failAtProxy);
    return socket;
  };
  return {
    lead(agent, { url }, tunnels) {
      const proxy = new URL(url);
      const open = async (options: ConnectionOptions): Promise<TLSSocket> => {
        const socket = await connected(proxy);
        return tunnels ? throughTunnel(socket, proxy, options) : socket;
      };
      agent.createConnection = (options, callback) => {
        open(options as ConnectionOptions).then(
          (socket) => callback?.(null, socket),
          (error: unknown) => callback?.(error as Error, undefined as never),
        );
        return undefined;
      };
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function failAtProxy(error: unknown): never {
  try {
    return giveUp(error);
  } catch (failure) {
    throw failure instanceof NoAnswer ? new NoAnswer(ofProxy(failure.code)) : failure;
  }
}

/** @param options for the connection to the server */
async function throughTunnel(socket: TLSSocket, proxy: URL, options: ConnectionOptions): Promise<TLSSocket> {
  await askForTunnel(socket, proxy, { host: options.host ?? '', port: Number(options.port) });
  const inner = connect({ ...options, socket });
  await established(inner, 'secureConnect');
  return inner;
}

/** RFC 9110 §9.3.6 */
function askForTunnel(
  socket: TLSSocket,
  { username, password }: URL,
  { host, port }: Endpoint,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const path = `${isIP(host) === 6 ? `[${host}]` : host}:${String(port)}`;
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const authorization =
    username + password === '' ? {} : { 'Proxy-Authorization': `Basic ${login.toString('base64')}` };
  const fail = (reason: string | number): void => {
    socket.destroy();
    reject(new NoAnswer(ofProxy(reason)));
  };
  request({
    method: 'CONNECT',
    path,
    headers: { Host: path, ...authorization },
    createConnection: () => socket,
  })
    .once('connect', ({ statusCode = 0 }) => {
      if (statusCode === 200) resolve(undefined);
      else fail(statusCode);
    })
    .once('error', () => {
      fail('CLOSED');
    })
    .end();
  return promise;
}

import { once } from 'node:events';
import {
  createServer,
  request as send,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** How a proxy behaves: it forwards, answers with a status, never answers, or ends the connection. */
export type ProxyMode = 'forward' | number | 'hang' | 'close';

/** A proxy of HTTP on this machine, which sends everything to one server, whatever its name. */
export interface ConnectProxy {
  /** `127.0.0.1:PORT` */
  readonly name: string;
  /** What it was asked for: `CONNECT vault.internal:8200`, `POST http://…` */
  readonly asked: readonly string[];
  /** The `Proxy-Authorization` of each of them. */
  readonly logins: readonly (string | undefined)[];
  /** How it is from now on, with nothing asked yet. */
  become(mode: ProxyMode): void;
  stop(): Promise<void>;
}

/**
 * @param target where tunnels lead, and where plain requests go: addresses of a server
 * @param tls what it shows where it speaks TLS itself
 */
export async function startConnectProxy(
  target: { readonly tls: string; readonly plain: string },
  tls?: { readonly cert: Buffer; readonly key: Buffer },
): Promise<ConnectProxy> {
  let mode: ProxyMode = 'forward';
  const asked: string[] = [];
  const logins: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const note = ({ method = '', url = '', headers }: IncomingMessage): void => {
    asked.push(`${method} ${url}`);
    logins.push(headers['proxy-authorization']);
  };
  const answer: RequestListener = (request, response) => {
    note(request);
    if (mode === 'close') request.destroy();
    else if (typeof mode === 'number') response.writeHead(mode).end('no');
    else if (mode === 'forward') passOn(request, response, target.plain);
  };
  const server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('connect', (request, socket: Socket) => {
    note(request);
    socket.on('error', () => undefined);
    if (mode === 'close') socket.end();
    else if (typeof mode === 'number') socket.end(`HTTP/1.1 ${String(mode)} No\r\nContent-Length: 0\r\n\r\n`);
    else if (mode === 'forward') tunnel(socket, target.tls);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    name: `127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    asked,
    logins,
    become(next) {
      mode = next;
      asked.length = 0;
      logins.length = 0;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function tunnel(socket: Socket, target: string): void {
  const { hostname, port } = new URL(target);
  const upstream = connect(Number(port), hostname, () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    upstream.pipe(socket).pipe(upstream);
  });
  upstream.on('error', () => socket.destroy());
  socket.on('close', () => upstream.destroy());
}

function passOn(request: IncomingMessage, response: ServerResponse, target: string): void {
  const { pathname, search } = new URL(request.url ?? '');
  const { method, headers } = request;
  const upstream = send(`${target}${pathname}${search}`, {
    ...(method === undefined ? {} : { method }),
    headers,
  });
  upstream.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  request.pipe(upstream);
}

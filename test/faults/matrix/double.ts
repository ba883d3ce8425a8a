import { randomUUID } from 'node:crypto';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { CANARY } from './canaries.ts';

/**
 * Stands for Vault and for the API of a cluster, as far as the runs of the matrix go: it answers as the real ones do,
 * keeps account of what it has issued, and lets a fault take its place for any request.
 */

/** OpenBao 2.7.2, and HashiCorp Vault 1.21.2 where it differs. */
export type Dialect = 'openbao' | 'vault';

export type Transport = 'http' | 'https' | 'h2';

export interface Request {
  readonly method: string;
  /** Without `/v1/` and without the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A request that waits for its answer. */
export interface Exchange {
  readonly dialect: Dialect;
  readonly request: Request;
  /** Does the work and says what the real server would answer. Its token or lease counts as known to the client. */
  readonly honest: () => Reply;
  /** Does the work, but the answer is lost: what it issued, nobody can give back. */
  readonly lost: () => Reply;
  readonly send: (reply: Reply) => void;
  /** The connection: its bytes are HTTP/1.1 unless the transport is `h2`. */
  readonly socket: Socket;
  readonly stream: ServerHttp2Stream | undefined;
  /** No stream that was opened after this one was seen to before it. */
  readonly isLatest: boolean;
}

export interface DoubleOptions {
  readonly dialect: Dialect;
  readonly transport: Transport;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer };
  readonly settings?: Settings | undefined;
  /** Takes connections over: nothing is HTTP then. */
  readonly onSocket?: ((socket: Socket) => void) | undefined;
  readonly respond: (exchange: Exchange) => void;
}

export interface Double {
  readonly address: string;
  readonly requests: readonly Request[];
  /** Issued, known to the client, and not revoked. */
  tokensLeft(): number;
  leasesLeft(): number;
  /** How often each path has minted something. */
  readonly minted: ReadonlyMap<string, number>;
  /** Secrets of the cluster, by name. */
  readonly applied: ReadonlyMap<string, string>;
  stop(): Promise<void>;
}

const MOUNTS = {
  'secret/': { type: 'kv', options: { version: '2' } },
  'pki/': { type: 'pki', options: null },
  'database/': { type: 'database', options: null },
};

/** @param known whether the client gets to know what is issued */
type Handler = (request: Request, known: boolean) => readonly [status: number, body: object | undefined];

interface Books {
  readonly handle: Handler;
  readonly tokens: Set<string>;
  readonly leases: Set<string>;
  readonly minted: Map<string, number>;
  readonly applied: Map<string, string>;
}

function openBooks(dialect: Dialect): Books {
  const tokens = new Set<string>();
  const leases = new Set<string>();
  const minted = new Map<string, number>();
  const applied = new Map<string, string>();
  const mint = (path: string): void => void minted.set(path, (minted.get(path) ?? 0) + 1);
  const envelope = (own: object): object => ({
    request_id: randomUUID(),
    lease_id: '',
    renewable: false,
    lease_duration: 0,
    data: null,
    wrap_info: null,
    warnings: null,
    auth: null,
    ...own,
  });
  const auth = (client_token: string): object => ({
    client_token,
    accessor: 'accessor',
    policies: ['default', 'app'],
    token_policies: ['default', 'app'],
    lease_duration: 3600,
    renewable: true,
    token_type: 'service',
    orphan: true,
    num_uses: 0,
  });
  const login: Handler = (_, known) => {
    const token = `${dialect === 'vault' ? 'hvs' : 's'}.${CANARY}-token-${randomUUID()}`;
    if (known) tokens.add(token);
    return [200, envelope({ auth: auth(token) })];
  };
  const handlers: Readonly<Record<string, Handler>> = {
    'POST auth/approle/login': login,
    'POST auth/token/renew-self': ({ headers }) => [
      200,
      envelope({ auth: auth(String(headers['x-vault-token'])) }),
    ],
    'POST auth/token/revoke-self': ({ headers }) => {
      tokens.delete(String(headers['x-vault-token']));
      leases.clear();
      return [204, undefined];
    },
    'POST sys/leases/revoke': ({ body }) => {
      leases.delete((JSON.parse(body) as { lease_id: string }).lease_id);
      return [204, undefined];
    },
    'POST sys/wrapping/lookup': () => [
      200,
      envelope({
        data: {
          creation_path: 'auth/approle/role/app/secret-id',
          creation_time: '2026-01-01T00:00:00Z',
          creation_ttl: 60,
        },
      }),
    ],
    'POST sys/wrapping/unwrap': ({ path }) => {
      mint(path);
      return [
        200,
        envelope({ data: { secret_id: `${CANARY}-secret-id`, secret_id_accessor: 'a', secret_id_ttl: 60 } }),
      ];
    },
    'GET sys/internal/ui/mounts': () => [200, envelope({ data: { auth: {}, secret: MOUNTS } })],
    'POST pki/issue/web': ({ path }) => {
      mint(path);
      return [
        200,
        envelope({
          data: {
            certificate: 'certificate',
            issuing_ca: 'ca',
            private_key: `${CANARY}-private-key`,
            serial_number: '01',
            expiration: 4102444800,
          },
        }),
      ];
    },
    'GET database/creds/web': ({ path }, known) => {
      mint(path);
      const lease_id = `database/creds/web/${randomUUID()}`;
      if (known) leases.add(lease_id);
      return [
        200,
        envelope({
          lease_id,
          renewable: true,
          lease_duration: 3600,
          data: { username: 'v-web', password: `${CANARY}-password` },
        }),
      ];
    },
  };
  const handle: Handler = (request, known) => {
    const { method, path, body, headers } = request;
    const handler = handlers[`${method} ${path}`];
    if (handler !== undefined) return handler(request, known);
    if (/^secret\/metadata\/app\/?$/.test(path)) return [200, envelope({ data: { keys: ['a', 'b'] } })];
    const [, key] = /^secret\/data\/((?:app\/)?[abc])$/.exec(path) ?? [];
    if (key !== undefined) {
      const metadata = {
        created_time: '2026-01-01T00:00:00Z',
        deletion_time: '',
        destroyed: false,
        version: 3,
      };
      return [200, envelope({ data: { data: { key: `${CANARY}-value-${key}` }, metadata } })];
    }
    const [, name] = /^\/api\/v1\/namespaces\/team\/secrets\/([^/]+)$/.exec(path) ?? [];
    if (method === 'PATCH' && name !== undefined) {
      const dryRun = String(headers[':path'] ?? headers['x-url']).includes('dryRun=All');
      if (!dryRun) applied.set(name, body);
      return [200, { kind: 'Secret', metadata: { name, namespace: 'team', resourceVersion: '7' } }];
    }
    return [404, { errors: [] }];
  };
  return { handle, tokens, leases, minted, applied };
}

export async function startDouble(options: DoubleOptions): Promise<Double> {
  const { dialect, transport, tls, settings, onSocket, respond } = options;
  const { handle, tokens, leases, minted, applied } = openBooks(dialect);
  const requests: Request[] = [];
  const sockets = new Set<Socket>();
  /** The last stream of each connection. */
  const latest = new WeakMap<object, number>();

  const reply = (request: Request, known: boolean): Reply => {
    const [status, body] = handle(request, known);
    const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
    return {
      status,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: Buffer.from(text),
    };
  };

  const comesLatest = ({ id = 0, session }: ServerHttp2Stream): boolean => {
    if (session === undefined || id < (latest.get(session) ?? 0)) return false;
    latest.set(session, id);
    return true;
  };

  const listen = async (
    incoming: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const url = new URL(incoming.url ?? '/', 'https://double');
    const request: Request = {
      method: incoming.method ?? '',
      path: decodeURIComponent(url.pathname.replace(/^\/v1\//, '')),
      headers: { ...incoming.headers, 'x-url': incoming.url },
      body: Buffer.concat(chunks).toString(),
    };
    // A fault has ended the connection before this request was seen to.
    if ('stream' in response && response.stream.destroyed) return;
    requests.push(request);
    respond({
      dialect,
      request,
      honest: () => reply(request, true),
      lost: () => reply(request, false),
      send({ status, headers, body }) {
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
        response.statusCode = status;
        response.end(body);
      },
      // The socket of HTTP/2 refuses to be ended by anybody but the session.
      socket:
        transport === 'h2'
          ? ([...sockets].find(({ remotePort }) => remotePort === incoming.socket.remotePort) ??
            incoming.socket)
          : incoming.socket,
      stream: 'stream' in response ? response.stream : undefined,
      isLatest: 'stream' in response && comesLatest(response.stream),
    });
  };
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    listen(incoming, response).catch(() => response.destroy());
  };
  const listener2 = (incoming: Http2ServerRequest, response: Http2ServerResponse): void => {
    listen(incoming, response).catch(() => {
      response.stream.destroy();
    });
  };
  const server: Server =
    onSocket !== undefined
      ? createTcpServer(onSocket)
      : transport === 'http'
        ? createHttpServer(listener)
        : transport === 'https'
          ? createHttpsServer(tls, listener)
          : createSecureServer({ ...tls, ...(settings === undefined ? {} : { settings }) }, listener2);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  // What a client does to a faulty server is its own affair.
  for (const event of ['secureConnection', 'session'])
    server.on(event, (connection: Socket) => connection.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `${transport === 'http' ? 'http' : 'https'}://127.0.0.1:${String(port)}`,
    requests,
    tokensLeft: () => tokens.size,
    leasesLeft: () => leases.size,
    minted,
    applied,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

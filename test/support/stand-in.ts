import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What a stand-in does with a request. */
export type Answer =
  /** Answers itself. */
  | {
      readonly status: number;
      readonly body?: unknown;
      readonly text?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Passes it on to the real server. */
  | 'forward'
  /** Never answers. */
  | 'hang'
  /** Ends the connection before the request is passed on. */
  | 'drop'
  /** Passes the request on, and ends the connection instead of handing the answer back. */
  | 'drop-answer'
  /** Passes it on, and the answer back a quarter of a second later. */
  | 'late'
  /** Sends one byte of the body every 50 ms. */
  | 'drip';

export interface SeenRequest {
  readonly method: string;
  /** Without `/v1/`, with the query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly atMs: number;
}

/** A small server in front of the real one, for faults that a real server does not produce. */
export interface StandIn {
  readonly address: string;
  /** Every request so far. */
  readonly seen: readonly SeenRequest[];
  readonly connections: () => number;
  stop(): Promise<void>;
}

export interface StandInOptions {
  /** Where `forward` goes. */
  readonly target?: string;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** @param nth how often this path was asked for, from 1 */
  readonly answer: (request: SeenRequest, nth: number) => Answer;
}

export async function startStandIn({ target = '', tls, answer }: StandInOptions): Promise<StandIn> {
  const seen: SeenRequest[] = [];
  let connections = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method = '', url = '', headers } = request;
    const one = { method, path: url.replace('/v1/', ''), headers, body, atMs: performance.now() };
    seen.push(one);
    const nth = seen.filter(({ path }) => path === one.path).length;
    await respond(answer(one, nth), one, target, response);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    handle(request, response).catch(() => response.destroy());
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.on('connection', () => (connections += 1));
  // A test that fails before it stops this one must not keep its file from ending.
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${String(port)}`,
    seen,
    connections: () => connections,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One that passes everything on, but answers 503 while it is away. */
export async function startInterruptible(target: string): Promise<StandIn & { isAway: boolean }> {
  const state = { isAway: false };
  const answer = (): Answer => (state.isAway ? { status: 503, body: { errors: [] } } : 'forward');
  return Object.assign(state, await startStandIn({ target, answer }));
}

async function respond(
  answer: Answer,
  request: SeenRequest,
  target: string,
  response: ServerResponse,
): Promise<void> {
  if (answer === 'hang') return;
  if (answer === 'drop') {
    response.destroy();
    return;
  }
  if (typeof answer === 'object') {
    const { status, body, text, headers = {} } = answer;
    response.writeHead(status, {
      'Content-Type': text === undefined ? 'application/json' : 'text/plain',
      ...headers,
    });
    response.end(text ?? (body === undefined ? '' : JSON.stringify(body)));
    return;
  }
  const { status, text } = await forward(request, target);
  if (answer === 'drop-answer') {
    response.destroy();
    return;
  }
  if (answer === 'late') await delay(250);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  if (answer === 'drip') drip(response, text);
  else response.end(text);
}

async function forward(
  { method, path, headers, body }: SeenRequest,
  target: string,
): Promise<{ status: number; text: string }> {
  const passed = ['x-vault-token', 'x-vault-namespace'].flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === 'string' ? [[name, value]] : [];
  });
  const response = await fetch(`${target}/v1/${path}`, {
    method,
    headers: Object.fromEntries(passed),
    ...(body === '' ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
}

function drip(response: ServerResponse, text: string): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (response.destroyed || sent >= text.length) clearInterval(timer);
    else response.write(text[sent++]);
  }, 50);
  response.once('close', () => {
    clearInterval(timer);
  });
}

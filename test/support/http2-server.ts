import { once } from 'node:events';
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { SeenRequest, StandIn } from './stand-in.ts';

/** A stand-in that speaks HTTP/2 only, and answers every request itself. */
export async function startHttp2Server(
  tls: { readonly cert: Buffer; readonly key: Buffer },
  answer: (request: SeenRequest) => { readonly status: number; readonly body: unknown },
): Promise<StandIn> {
  const seen: SeenRequest[] = [];
  let connections = 0;
  const server = createSecureServer(tls);
  const handle = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> => {
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    const path = String(headers[':path']).replace('/v1/', '');
    const one = { method: String(headers[':method']), path, headers, body, atMs: performance.now() };
    seen.push(one);
    const { status, body: answered } = answer(one);
    stream.respond({ ':status': status, 'content-type': 'application/json' });
    stream.end(JSON.stringify(answered));
  };
  server.on('session', () => (connections += 1));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    handle(stream, headers).catch(() => {
      stream.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    seen,
    connections: () => connections,
    async stop() {
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}

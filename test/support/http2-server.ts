import { once } from 'node:events';
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { SeenRequest, StandIn } from './stand-in.ts';

/** What it does with a stream: it answers, or leaves that to whoever has taken it. */
export type StreamAnswer = { readonly status: number; readonly body: unknown } | 'taken';

export interface Http2ServerOptions {
  readonly tls: { readonly cert: Buffer; readonly key: Buffer };
  readonly settings?: Settings;
  readonly onSession?: (session: ServerHttp2Session, nth: number) => void;
  /** Answers before the body is there; undefined: it waits for that. */
  readonly answerHead?: (headers: IncomingHttpHeaders) => OutgoingHttpHeaders | undefined;
  /** @param connection which one it came over, from 1 */
  readonly answer: (request: SeenRequest, stream: ServerHttp2Stream, connection: number) => StreamAnswer;
}

/** A stand-in that speaks HTTP/2 only, for what a real server does not do with its streams. */
export async function startHttp2Server({
  tls,
  settings = {},
  onSession,
  answerHead,
  answer,
}: Http2ServerOptions): Promise<StandIn> {
  const seen: SeenRequest[] = [];
  const sessions: ServerHttp2Session[] = [];
  const server = createSecureServer({ ...tls, settings });
  const handle = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> => {
    const connection = sessions.indexOf(stream.session as ServerHttp2Session) + 1;
    const early = answerHead?.(headers);
    if (early !== undefined) {
      stream.respond(early, { endStream: true });
      return;
    }
    let body = '';
    for await (const chunk of stream) body += String(chunk);
    const path = String(headers[':path']).replace('/v1/', '');
    const one = { method: String(headers[':method']), path, headers, body, atMs: performance.now() };
    seen.push(one);
    const answered = answer(one, stream, connection);
    if (answered === 'taken') return;
    stream.respond({ ':status': answered.status, 'content-type': 'application/json' });
    stream.end(JSON.stringify(answered.body));
  };
  server.on('session', (session) => {
    session.on('error', () => undefined);
    sessions.push(session);
    onSession?.(session, sessions.length);
  });
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
    connections: () => sessions.length,
    async stop() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}

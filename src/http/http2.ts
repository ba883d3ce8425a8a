import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { listening, type CancelSignal } from '../base/cancellation.ts';
import type { Io } from '../host/io.ts';
import { turnAfterPieces, turnsToSend } from '../base/turns.ts';
import type { Dialled } from './dial.ts';
import {
  createHttp2Sessions,
  isUnseen,
  knowsLimit,
  retire,
  whileUsing,
  type Http2Sessions,
} from './http2-sessions.ts';
import { giveUp } from './node-failure.ts';
import { proxyOf, type ReachableServer } from './proxy.ts';
import {
  concurrencyOf,
  LARGEST_RESPONSE_BYTES,
  NoAnswer,
  type HttpRequest,
  type HttpResponse,
  type Wire,
} from './wire.ts';

/** RFC 9113 §7 */
const REFUSED_STREAM = 7;
const CANCEL = 8;
/** Bun's code, for Node as well: the server has not begun the request. */
const REFUSED = 'HTTP2RefusedStream';
/** What a session throws that is closing, or closed, or has no numbers left: nothing was sent. */
const NOT_BEGUN = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_OUT_OF_STREAMS',
]);
/** Requests go out at the end of a turn of the event loop: the server can work on the first group while the next one is made. */
const REQUESTS_BEFORE_TURN = 16;

/**
 * Requests over HTTP/2, by Node's own client. axios would add work that no request here needs, and cannot fall back to HTTP/1.1.
 * @param openHttp1 for servers that do not speak HTTP/2
 * @param dialled a connection to the server that is on its way already
 * @throws RunError `config` for unusable TLS files
 */
export function openHttp2Wire(
  { address, tls, proxyAddress }: ReachableServer,
  most: number | undefined,
  openHttp1: (sessions: Http2Sessions) => Promise<Wire>,
  env: Io['env'],
  dialled?: Dialled,
): Wire {
  const { origin: home } = new URL(address);
  const sessions = createHttp2Sessions(tls, new Map(dialled && [[home, dialled]]));
  let http1: Promise<Wire> | undefined;
  let isBegun = false;
  let expected = 1;
  const openExpected = async (): Promise<Wire> => {
    const wire = await openHttp1(sessions);
    wire.connect({ requests: expected });
    return wire;
  };
  const mayBegin = turnAfterPieces(REQUESTS_BEFORE_TURN);
  return {
    get concurrency() {
      return concurrencyOf(most, sessions.multiplexes);
    },
    connect({ requests = 1 } = {}) {
      expected = Math.max(expected, requests);
      if (isBegun) return;
      isBegun = true;
      // The first request takes this connection, or opens another one and reports what goes wrong.
      sessions.sessionTo(home).catch(() => undefined);
    },
    flush: turnsToSend,
    async send(request) {
      const url = new URL(request.url);
      // The active node, to which a standby redirects, may be behind a proxy that the standby is not behind.
      const isProxied =
        url.origin !== home && proxyOf({ address: url.origin, proxyAddress }, env) !== undefined;
      const session = isProxied ? undefined : await sessionFor(url, request.signal, sessions).catch(giveUp);
      if (session === undefined) return (await (http1 ??= openExpected())).send(request);
      return whileUsing(session, async () => {
        await mayBegin();
        return sendOver(session, url, request).catch(giveUp);
      });
    },
    close() {
      // Most processes end now, and their connections with them.
      setImmediate(() => {
        sessions.close();
      });
      // Why it could not be opened was reported by the request that needed it.
      http1?.then(closeWire, () => undefined);
    },
  };
}

function closeWire(wire: Wire): void {
  wire.close();
}

/** A handshake that takes too long is given up with its request, so that the next try begins another. */
function sessionFor(
  { origin }: URL,
  signal: CancelSignal,
  sessions: Http2Sessions,
): Promise<ClientHttp2Session | undefined> {
  const abandon = (): void => {
    sessions.abandon(origin);
  };
  return listening(signal, abandon, () => sessions.sessionTo(origin));
}

async function sendOver(
  session: ClientHttp2Session,
  { pathname, search }: URL,
  { method, headers, body, signal }: HttpRequest,
): Promise<HttpResponse> {
  // It may have been aborted while it waited.
  if (signal.aborted) throw new NoAnswer('ECANCELED');
  const fields = [':method', method, ':path', pathname + search, 'Accept-Encoding', 'identity'];
  for (const [name, value] of Object.entries(headers)) fields.push(name, value);
  if (body !== undefined) fields.push('Content-Length', String(Buffer.byteLength(body)));
  const stream = begin(session, fields, body === undefined);
  if (stream === undefined) {
    retire(session);
    throw new NoAnswer(REFUSED);
  }
  const limitWasKnown = knowsLimit(session);
  const refused = (): void => {
    if (limitWasKnown) retire(session);
  };
  const aborted = Promise.withResolvers<never>();
  const cancel = (): void => {
    aborted.reject(new NoAnswer('ECANCELED'));
    // The next try should not wait for the same connection.
    retire(session);
    stream.close(CANCEL);
    // One that waits for its turn, because the server takes no more of them, is not closed by that.
    stream.destroy();
  };
  if (body !== undefined) stream.end(body);
  return listening(signal, cancel, () => Promise.race([answerOf(session, stream, refused), aborted.promise]));
}

/** @returns undefined: the session takes no more requests, because it is closing or has used up its numbers */
function begin(
  session: ClientHttp2Session,
  fields: readonly string[],
  endStream: boolean,
): ClientHttp2Stream | undefined {
  try {
    return session.request(fields, { endStream });
  } catch (error) {
    if (NOT_BEGUN.has(String((error as { code?: unknown }).code))) return undefined;
    throw error;
  }
}

function answerOf(
  session: ClientHttp2Session,
  stream: ClientHttp2Stream,
  refused: () => void,
): Promise<HttpResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let fields: IncomingHttpHeaders | undefined;
  let isWhole = false;
  stream.on('response', (answered) => {
    fields = answered;
  });
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes <= LARGEST_RESPONSE_BYTES) return;
    reject(new NoAnswer('RESPONSE_TOO_LARGE'));
    stream.close(CANCEL);
  });
  stream.on('end', () => {
    // A stream that is broken off ends, too.
    if (fields === undefined || stream.rstCode !== 0 || stream.aborted) return;
    isWhole = true;
    resolve(responseOf(fields, Buffer.concat(chunks)));
  });
  stream.on('error', (error) => {
    // The end of a connection gives its code to all of its streams, also to those that the server has seen.
    const isReset = (error as { code?: unknown }).code === 'ERR_HTTP2_STREAM_ERROR';
    const isRefused = isReset && stream.rstCode === REFUSED_STREAM;
    // A connection that broke a stream may be on its way to its end, and would refuse the last request of the run.
    if (isRefused) refused();
    else retire(session);
    reject(isRefused || isUnseen(session, stream.id) ? new NoAnswer(REFUSED) : error);
  });
  // A stream gets no error when its connection is closed properly.
  stream.on('close', () => {
    if (!isWhole) reject(new NoAnswer('ECONNRESET'));
  });
  return promise;
}

function responseOf(fields: IncomingHttpHeaders, body: Buffer): HttpResponse {
  return {
    status: Number(fields[':status']),
    header: (name) => fields[name]?.toString(),
    text: body.toString('utf8'),
  };
}

import { abortSignalOf, type CancelSignal } from '../base/cancellation.ts';
import { RunError } from '../base/errors.ts';
import { beginsOne, type LateBody } from './begun-request.ts';
import { socketOf, type ReachableServer } from './proxy.ts';
import type { TlsSettings } from './server.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';
import {
  concurrencyOf,
  LARGEST_RESPONSE_BYTES,
  NoAnswer,
  type HttpRequest,
  type HttpResponse,
  type RequestHead,
  type Wire,
} from './wire.ts';

/** The part of Bun's `FetchSession` that is used: https://bun.com/reference/bun/FetchSession */
interface FetchSession {
  fetch(url: string, init: RequestInit & BunRequest): Promise<Response>;
  close(): void;
}

/** A session, and how many requests it has under way. */
interface Used {
  readonly session: FetchSession;
  underWay: number;
}

interface BunRequest {
  /** Exactly this one: it is all that is offered to the server. */
  readonly protocol?: Protocol;
  readonly decompress: boolean;
}

type Protocol = 'http2' | 'http1.1';

interface SessionSettings {
  readonly tls?: TlsFiles & {
    readonly rejectUnauthorized: boolean;
    readonly serverName?: string;
    readonly allowPartialTrustChain: true;
  };
  readonly unix?: string;
}

declare const Bun: { readonly FetchSession: new (settings: SessionSettings) => FetchSession };

/**
 * Bun's codes for a handshake in which the server does not agree to HTTP/2, or ends it for that or another reason: no
 * request was sent.
 */
const NOT_HTTP2 = new Set(['HTTP2Unsupported', 'EPROTO']);
const REFUSED = 'HTTP2RefusedStream';
const NOWHERE: RequestInit & SessionSettings = { unix: '/dev/null' };
/** RFC 9110 §9.2.2. A PUT that makes a certificate is not. */
const IDEMPOTENT = /^(?:GET|HEAD|PUT|DELETE)$/;
/** Bun could not begin, for example because the CA file does not contain a certificate. */
const UNUSABLE = 'FailedToOpenSocket';

/**
 * Starts the thread of Bun's HTTP client, and TLS in it, so that the first request need not wait for that. Only a request does
 * so: this one goes to a file that is not a socket.
 */
export function wakeHttpThread(): void {
  fetch('https://localhost', NOWHERE).catch(() => undefined);
}

/**
 * Bun's own HTTP client: over TLS one HTTP/2 connection, and HTTP/1.1 where the server does not speak it.
 * @throws RunError `config` for unusable TLS files
 */
export async function openBunWire(
  { address, tls }: ReachableServer,
  most: number | undefined,
): Promise<Wire> {
  const settings = await settingsOf(address, tls);
  const sessions = createSessions(settings);
  let protocol: Protocol | undefined = address.startsWith('https:') ? 'http2' : undefined;
  let multiplexes = false;
  const begun = beginsOne(fetchLate, sessions.leave);
  const ask = async (request: HttpRequest): Promise<HttpResponse> => {
    const asked = protocol;
    const open = begun.take(request);
    const used = open?.used ?? sessions.take();
    try {
      const response = await (open?.finish(request) ??
        used.session.fetch(request.url, initOf(request, asked)));
      if (open?.wasRefused(response) === true) return await ask(request);
      multiplexes = asked === 'http2';
      return answerOf(response, await textOf(response));
    } catch (error) {
      const code = codeOf(error);
      if (isNotHttp2(asked, code)) {
        protocol = 'http1.1';
        return await ask(request);
      }
      if (code === UNUSABLE) await checkFiles(tls);
      // Its connection takes no more requests, and would refuse the next try as well.
      if (code === REFUSED) sessions.retire(used);
      throw isForeign(error) ? new NoAnswer(code) : error;
    } finally {
      sessions.leave(used);
    }
  };
  return {
    get concurrency() {
      return concurrencyOf(most, multiplexes);
    },
    connect({ first } = {}) {
      // Bun connects for a request only.
      if (first !== undefined && protocol === 'http2') begun.begin(first, sessions.take());
    },
    flush: () => Promise.resolve(),
    send: ask,
    close() {
      begun.takeBack();
      sessions.close();
    },
  };
}

/** Over HTTP/2 only: over HTTP/1.1 it would go out in chunks. */
function fetchLate(
  { session }: Used,
  head: RequestHead,
  body: LateBody,
  signal: CancelSignal,
): Promise<Response> {
  return session.fetch(head.url, initOf({ ...head, body, once: false, signal }, 'http2'));
}

/** One session after the other. A process that stays would collect those that are retired: each is closed after its last request. */
function createSessions(settings: SessionSettings): {
  take(): Used;
  readonly leave: (used: Used) => void;
  retire(used: Used): void;
  close(): void;
} {
  const open = (): Used => ({ session: new Bun.FetchSession(settings), underWay: 0 });
  const retired = new Set<Used>();
  let present = open();
  return {
    take() {
      present.underWay += 1;
      return present;
    },
    leave(used) {
      used.underWay -= 1;
      if (used.underWay === 0 && retired.delete(used)) used.session.close();
    },
    retire(used) {
      if (used !== present) return;
      retired.add(used);
      present = open();
    },
    close() {
      for (const { session } of [present, ...retired]) session.close();
    },
  };
}

function isNotHttp2(asked: Protocol | undefined, code: string): boolean {
  return asked === 'http2' && NOT_HTTP2.has(code);
}

async function settingsOf(address: string, tls: TlsSettings): Promise<SessionSettings> {
  const unix = socketOf(address);
  if (unix !== undefined) return { unix };
  if (!address.startsWith('https:')) return {};
  const files = readTlsFiles(tls);
  // Asking OpenSSL takes time, so the CA is left to the first request.
  if (tls.clientCert !== undefined) await checkFiles(tls);
  return {
    tls: {
      ...files,
      allowPartialTrustChain: true,
      rejectUnauthorized: !tls.skipVerify,
      ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
    },
  };
}

/** @throws RunError `config` when they cannot be used */
async function checkFiles(tls: TlsSettings): Promise<void> {
  const { secureContextOf } = await import('./tls.ts');
  secureContextOf(tls);
}

function initOf(
  {
    method,
    headers,
    body,
    once,
    signal,
  }: Omit<HttpRequest, 'body' | 'url'> & { readonly body?: string | LateBody | undefined },
  protocol: Protocol | undefined,
): RequestInit & BunRequest {
  return {
    method,
    headers: { 'Accept-Encoding': 'identity', ...headers },
    ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']> }),
    signal: abortSignalOf(signal),
    redirect: 'manual',
    decompress: false,
    ...(protocol === undefined ? {} : { protocol }),
    // Bun sends these again by itself when a kept-alive connection ends before the answer.
    ...(once && IDEMPOTENT.test(method) ? { keepalive: false } : {}),
  };
}

function answerOf({ status, headers }: Response, text: string): HttpResponse {
  return { status, header: (name) => headers.get(name) ?? undefined, text };
}

function textOf(response: Response): Promise<string> {
  const length = response.headers.get('content-length');
  return length !== null && Number(length) <= LARGEST_RESPONSE_BYTES ? response.text() : partsOf(response);
}

/** The text of an answer that does not say how long it is. */
async function partsOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > LARGEST_RESPONSE_BYTES) throw new NoAnswer('RESPONSE_TOO_LARGE');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  if (typeof code === 'string') return code;
  // This is how requests fail whose shared connection breaks.
  return (error as Error).name === 'TimeoutError' ? 'ETIMEDOUT' : '';
}

/** An error of Bun's, whose text contains the URL. */
function isForeign(error: unknown): boolean {
  return !(error instanceof NoAnswer || error instanceof RunError) && codeOf(error) !== '';
}

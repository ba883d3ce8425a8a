import { RunError } from '../base/errors.ts';
import { beginsOne } from './begun-request.ts';
import {
  fetchLate,
  initOf,
  open,
  settingsOf,
  type BunSession,
  type Protocol,
  type SessionSettings,
} from './bun-session.ts';
import { takeFirst } from './first-connection.ts';
import type { ReachableServer } from './proxy.ts';
import type { TlsSettings } from './server.ts';
import {
  concurrencyOf,
  LARGEST_RESPONSE_BYTES,
  NoAnswer,
  TIMED_OUT,
  type HttpRequest,
  type HttpResponse,
  type Wire,
} from './wire.ts';

/**
 * Bun's codes for a handshake in which the server does not agree to HTTP/2, or ends it for that or another reason: no
 * request was sent.
 */
const NOT_HTTP2 = new Set(['HTTP2Unsupported', 'EPROTO']);
const REFUSED = 'HTTP2RefusedStream';
/** Bun could not begin, for example because the CA file does not contain a certificate. */
const UNUSABLE = 'FailedToOpenSocket';

/**
 * Bun's own HTTP client: over TLS one HTTP/2 connection, and HTTP/1.1 where the server does not speak it.
 * @throws RunError `config` for unusable TLS files
 */
export async function openBunWire(
  { address, tls }: ReachableServer,
  most: number | undefined,
): Promise<Wire> {
  const settings = settingsOf({ address, tls });
  // Asking OpenSSL takes time, so the CA is left to the first request.
  if (settings.tls !== undefined && tls.clientCert !== undefined) await checkFiles(tls);
  const first = takeFirst(settings);
  const sessions = createSessions(settings, first?.used);
  let protocol: Protocol | undefined = address.startsWith('https:') ? 'http2' : undefined;
  let multiplexes = false;
  const begun = first?.begun ?? beginsOne(fetchLate, sessions.leave);
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
      if (isLost(asked, code)) sessions.retire(used);
      throw isForeign(error) ? new NoAnswer(code) : error;
    } finally {
      sessions.leave(used);
    }
  };
  return {
    get concurrency() {
      return concurrencyOf(most, multiplexes);
    },
    connect({ first: head } = {}) {
      // Bun connects for a request only.
      if (first === undefined && head !== undefined && protocol === 'http2')
        begun.begin(head, sessions.take());
    },
    flush: () => Promise.resolve(),
    send: ask,
    close() {
      begun.takeBack();
      sessions.close();
    },
  };
}

/** One session after the other. A process that stays would collect those that are retired: each is closed after its last request. */
function createSessions(
  settings: SessionSettings,
  first: BunSession = open(settings),
): {
  take(): BunSession;
  readonly leave: (used: BunSession) => void;
  retire(used: BunSession): void;
  close(): void;
} {
  const retired = new Set<BunSession>();
  let present = first;
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
      present = open(settings);
    },
    close() {
      for (const { session } of [present, ...retired]) session.close();
    },
  };
}

function isNotHttp2(asked: Protocol | undefined, code: string): boolean {
  return asked === 'http2' && NOT_HTTP2.has(code);
}

/** Whether the connection takes no more requests, or may answer none: the next try should not meet with the same. */
function isLost(asked: Protocol | undefined, code: string): boolean {
  return asked === 'http2' && (code === REFUSED || code === TIMED_OUT);
}

/** @throws RunError `config` when they cannot be used */
async function checkFiles(tls: TlsSettings): Promise<void> {
  const { secureContextOf } = await import('./tls.ts');
  secureContextOf(tls);
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

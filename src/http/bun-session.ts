import { abortSignalOf, type CancelSignal } from '../base/cancellation.ts';
import type { LateBody } from './begun-request.ts';
import { socketOf, type ReachableServer } from './proxy.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';
import type { HttpRequest, RequestHead } from './wire.ts';

/** The part of Bun's `FetchSession` that is used: https://bun.com/reference/bun/FetchSession */
interface FetchSession {
  fetch(url: string, init: RequestInit & BunRequest): Promise<Response>;
  close(): void;
}

/** A session, and how many requests it has under way. */
export interface BunSession {
  readonly session: FetchSession;
  underWay: number;
}

interface BunRequest {
  /** Exactly this one: it is all that is offered to the server. */
  readonly protocol?: Protocol;
  readonly decompress: boolean;
  readonly proxy: false;
  readonly verbose: false;
}

/**
 * What every request takes. Bun's client would send requests through the proxy in `$ALL_PROXY`, also those to this machine, and print
 * their heads, tokens and all, where `$BUN_CONFIG_VERBOSE_FETCH` is set.
 */
export const DIRECT_AND_SILENT = { proxy: false, verbose: false } as const;

export type Protocol = 'http2' | 'http1.1';

export interface SessionSettings {
  readonly tls?: TlsFiles & {
    readonly rejectUnauthorized: boolean;
    readonly serverName?: string;
    readonly allowPartialTrustChain: true;
  };
  readonly unix?: string;
}

declare const Bun: { readonly FetchSession: new (settings: SessionSettings) => FetchSession };

/** RFC 9110 §9.2.2. A PUT that makes a certificate is not. */
const IDEMPOTENT = /^(?:GET|HEAD|PUT|DELETE)$/;

export function open(settings: SessionSettings): BunSession {
  return { session: new Bun.FetchSession(settings), underWay: 0 };
}

/** @throws RunError `config` for a file that cannot be read or contains no certificate */
export function settingsOf({ address, tls }: Omit<ReachableServer, 'proxyAddress'>): SessionSettings {
  const unix = socketOf(address);
  if (unix !== undefined) return { unix };
  if (!address.startsWith('https:')) return {};
  return {
    tls: {
      ...readTlsFiles(tls),
      allowPartialTrustChain: true,
      rejectUnauthorized: !tls.skipVerify,
      ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
    },
  };
}

/** Over HTTP/2 only: over HTTP/1.1 it would go out in chunks. */
export function fetchLate(
  { session }: BunSession,
  head: RequestHead,
  body: LateBody,
  signal: CancelSignal,
): Promise<Response> {
  return session.fetch(head.url, initOf({ ...head, body, once: false, signal }, 'http2'));
}

type RequestParts = Omit<HttpRequest, 'body' | 'url'> & { readonly body?: string | LateBody | undefined };

export function initOf(
  { method, headers, body, once, signal }: RequestParts,
  protocol: Protocol | undefined,
): RequestInit & BunRequest {
  return {
    method,
    headers: { 'Accept-Encoding': 'identity', ...headers },
    ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']> }),
    signal: abortSignalOf(signal),
    redirect: 'manual',
    decompress: false,
    ...DIRECT_AND_SILENT,
    ...(protocol === undefined ? {} : { protocol }),
    // Bun sends these again by itself when a kept-alive connection ends before the answer.
    ...(once && IDEMPOTENT.test(method) ? { keepalive: false } : {}),
  };
}

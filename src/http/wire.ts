import { Cancellation, type CancelSignal } from '../base/cancellation.ts';
import { RunError } from '../base/errors.ts';

/** What goes ahead of the body. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request as it goes out, secrets and all. */
export interface HttpRequest extends RequestHead {
  readonly body?: string | undefined;
  /** Must not reach the server twice, whatever happens to the connection. */
  readonly once: boolean;
  readonly signal: CancelSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** @param name in lower case */
  readonly header: (name: string) => string | undefined;
  readonly text: string;
}

/**
 * Sends one request, and reads its whole answer.
 * @throws NoAnswer
 */
export type SendHttp = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * The connections to one server. Which HTTP client makes them depends on the runtime and on the server; what is fast with one
 * of them stays behind this contract.
 */
export interface Wire {
  readonly send: SendHttp;
  /** Requests that may be under way at once. It grows when the server turns out to take them all over one connection. */
  readonly concurrency: number;
  /**
   * Connects: nothing is sent but handshakes, and where this client connects for a request only, the head of the first one. A later
   * call only adds what more requests need. It never throws: what goes wrong is left to the request that needs the connection.
   */
  connect(expected?: Expected): void;
  /** Resolves once what the client was given is on its way. At once where the client has a thread of its own. */
  flush(): Promise<void>;
  /** Calling it again changes nothing. */
  close(): void;
}

/** What will be sent. */
export interface Expected {
  /** At once. */
  readonly requests?: number;
  /** Has a body, and no credential in its head. If another request comes, or none, it is taken back. */
  readonly first?: RequestHead | undefined;
}

/** Where each request under way takes a connection: more of them cost the server more than they save. */
export const MOST_CONNECTIONS = 16;
/** Where one connection carries them all. Vault takes 250. Where it is fewer, the others wait on Node; Bun opens another connection. */
const MOST_STREAMS = 200;

/**
 * @param most undefined: the default
 * @param multiplexes one connection carries many requests: HTTP/2
 */
export function concurrencyOf(most: number | undefined, multiplexes: boolean): number {
  return most ?? (multiplexes ? MOST_STREAMS : MOST_CONNECTIONS);
}
/** Vault takes no request beyond 32 MiB, and JSON may double a value by escaping. */
export const LARGEST_RESPONSE_BYTES = 64 * 1024 * 1024;

/** All that remains of the error of an HTTP client, which may carry the token and the body. */
export class NoAnswer extends Error {
  /** Node's or OpenSSL's, such as `ECONNREFUSED`. */
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** Ours: no answer came within the limit of the request. */
export const TIMED_OUT = 'TIMEOUT';

/**
 * @throws RunError as it is; `internal` for an error that no request fails with, which would be a bug of ours
 */
export function codeOf(error: unknown): string {
  if (error instanceof NoAnswer) return error.code;
  if (error instanceof RunError) throw error;
  throw new RunError('internal', `the HTTP client failed with ${String((error as { name?: unknown }).name)}`);
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function retryAfterMs({ header }: Pick<HttpResponse, 'header'>): number | undefined {
  const value = header('retry-after');
  if (value === undefined) return undefined;
  const delayMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs);
}

interface LimitedSignal {
  readonly signal: CancelSignal;
  readonly expired: () => boolean;
  /** Stops its clock. */
  readonly end: () => void;
}

/**
 * A signal that is aborted with another one, and after this time at the latest. axios's `timeout` is not a total: a body that drips
 * passes it.
 */
export function limitedSignal(timeoutMs: number, outer: CancelSignal): LimitedSignal {
  const signal = new Cancellation();
  let expired = false;
  const timer = setTimeout(
    () => {
      expired = true;
      signal.abort(new NoAnswer(TIMED_OUT));
    },
    Math.max(0, timeoutMs),
  );
  const abort = (): void => {
    signal.abort(outer.reason);
  };
  outer.addEventListener('abort', abort);
  return {
    signal,
    expired: () => expired,
    end() {
      outer.removeEventListener('abort', abort);
      clearTimeout(timer);
    },
  };
}

/** Does the work with such a signal. */
export async function withTimeout<T>(
  timeoutMs: number,
  outer: CancelSignal,
  work: (limited: LimitedSignal) => Promise<T>,
): Promise<T> {
  const limited = limitedSignal(timeoutMs, outer);
  try {
    return await work(limited);
  } finally {
    limited.end();
  }
}

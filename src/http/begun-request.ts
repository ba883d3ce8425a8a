import { Cancellation, onAbort, type CancelSignal } from '../base/cancellation.ts';
import type { HttpRequest, RequestHead } from './wire.ts';

/** RFC 9110 §15.5.12 */
const LENGTH_REQUIRED = 411;

/** The body, once it is known. */
export type LateBody = AsyncIterable<string>;

/** A request whose head is on its way. */
interface Begun<C> {
  /** The connections that it uses. */
  readonly used: C;
  /** Sends the body. */
  finish(request: HttpRequest): Promise<Response>;
  /** By something in between that takes no body whose length is not in the head. */
  wasRefused(response: Response): boolean;
}

/** At most one request that is begun before its body is known, because a client connects for a request only. */
export interface BegunRequest<C> {
  begin(head: RequestHead, used: C): void;
  /** @returns undefined if it is another one, or has failed meanwhile */
  take(request: HttpRequest): Begun<C> | undefined;
  /** Ends it, unless it was taken. */
  takeBack(): void;
}

type Fetch<C> = (used: C, head: RequestHead, body: LateBody, signal: CancelSignal) => Promise<Response>;

interface Waiting<C> extends Begun<C> {
  readonly name: string;
  cancel(reason: unknown): void;
}

/**
 * @param fetch sends the head, and the body when there is one
 * @param leave is called with the connections of a request that fails before it is taken
 */
export function beginsOne<C>(fetch: Fetch<C>, leave: (used: C) => void): BegunRequest<C> {
  let begun: Waiting<C> | undefined;
  return {
    begin(head, used) {
      const cancellation = new Cancellation();
      const late = Promise.withResolvers<string>();
      const answer = fetch(used, head, once(late.promise), cancellation);
      const cancel = (reason: unknown): void => {
        cancellation.abort(reason);
      };
      const waiting: Waiting<C> = {
        used,
        name: nameOf(head),
        cancel,
        finish({ signal, body = '' }) {
          onAbort(signal, () => {
            cancel(signal.reason);
          });
          late.resolve(body);
          return answer;
        },
        wasRefused: ({ status }) => status === LENGTH_REQUIRED,
      };
      begun = waiting;
      answer.catch(() => {
        if (begun !== waiting) return;
        begun = undefined;
        leave(used);
      });
    },
    take(request) {
      if (request.body === undefined || begun?.name !== nameOf(request)) return undefined;
      const taken = begun;
      begun = undefined;
      return taken;
    },
    takeBack() {
      begun?.cancel(undefined);
    },
  };
}

async function* once(body: Promise<string>): LateBody {
  yield await body;
}

function nameOf({ method, url, headers }: RequestHead): string {
  return JSON.stringify([method, url, headers]);
}

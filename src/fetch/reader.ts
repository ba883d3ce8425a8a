import { RunError } from '../base/errors.ts';
import type { Scope } from '../host/scope.ts';
import { SHUTDOWN } from '../host/shutdown-budget.ts';
import { gracefulSignal } from '../http/grace.ts';
import { termFromNow, type Leases } from '../session/leases.ts';
import { retryWhileUnknown, type Session } from '../session/session.ts';
import { identityOf, type VaultRequest } from '../vault/request.ts';
import { readEnvelope, type Mount } from '../vault/responses.ts';
import type { Answer, Unavailable } from '../vault/vault-answer.ts';
import type { Sender } from '../vault/sender.ts';

/** Sends each distinct request once; all readers of it share the answer. */
export interface Reader {
  /** @throws the reason when the run has been ended */
  read(request: VaultRequest): Promise<Answer | Unavailable>;
  /** How many distinct requests were sent so far. */
  readonly sent: number;
  /** How many of these requests have not been sent yet. */
  countNew(requests: readonly VaultRequest[]): number;
}

/** What a reader needs of a run. */
export interface ReaderParts {
  readonly session: Session;
  readonly sender: Sender;
  readonly leases: Leases;
  /** The mount tables of an earlier fetch, which are not asked for again; the others are added. */
  readonly mountTables?: Map<string | undefined, readonly Mount[]>;
  /** Goes on after the scope of the reader, with the answers until then: what had none is a failure of its own. Undefined: nothing does. */
  readonly afterwards?: Scope;
  /** Once the run is lost, waiting for a retry only delays the bad news. */
  readonly worthRetrying: () => boolean;
}

export function createReader(parts: ReaderParts, scope: Scope): Reader {
  const { session, sender, leases } = parts;
  const answers = new Map<string, Promise<Answer | Unavailable>>();
  const turns = createTurns(() => sender.client.concurrency);
  const options = { worthRetrying: parts.worthRetrying, ...retryWhileUnknown(session) };

  /** Revoking the token would end a lease whose id never arrived; where the token stays alive, the answer is needed. */
  const sendWithGrace = async (request: VaultRequest): Promise<Answer | Unavailable> => {
    using grace = gracefulSignal(scope.signal, SHUTDOWN.mintMs);
    return await sender.send(request, { ...options, attemptSignal: grace.signal });
  };

  const send = async (request: VaultRequest): Promise<Answer | Unavailable> => {
    await turns.take();
    try {
      scope.throwIfEnded();
      const needsGrace = request.mints && !session.revocable;
      const answer = await (needsGrace ? sendWithGrace(request) : sender.send(request, options));
      noteLease(request, answer, leases);
      return answer;
    } finally {
      turns.leave();
    }
  };

  const late = (error: unknown): Unavailable => {
    const [failure] = error instanceof RunError ? error.failures : [];
    if (parts.afterwards === undefined || failure?.kind !== 'deadline') throw error;
    parts.afterwards.throwIfEnded();
    return { kind: 'unavailable', failure };
  };

  return {
    get sent() {
      return answers.size;
    },
    countNew(requests) {
      return new Set(requests.map(identityOf)).difference(answers).size;
    },
    read(request) {
      const identity = identityOf(request);
      const known = answers.get(identity) ?? send(request).catch(late);
      answers.set(identity, known);
      return known;
    },
  };
}

function noteLease(request: VaultRequest, answer: Answer | Unavailable, leases: Leases): void {
  if (answer.kind === 'unavailable' || answer.status >= 300) return;
  const { lease_id, lease_duration, renewable, wrap_info } = readEnvelope(answer.body);
  if (lease_id !== undefined) {
    const { path, namespace } = request;
    leases.add({ lease_id, renewable, ...termFromNow(lease_duration), path, namespace });
  }
  if (wrap_info !== undefined && request.mints) leases.addWrapped(request.path);
}

interface Turns {
  /** @returns undefined: it is its turn at once */
  take(): Promise<void> | undefined;
  /** After each turn. */
  leave(): void;
}

/**
 * Lets at most `limit` tasks run at once, first come, first served. The limit may rise once it is known how many the
 * connection carries.
 */
function createTurns(limit: () => number): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    take() {
      if (running >= limit()) return new Promise((resolve) => waiting.push(resolve));
      running += 1;
      return undefined;
    },
    leave() {
      running -= 1;
      while (running < limit()) {
        const next = waiting.shift();
        if (next === undefined) break;
        running += 1;
        next();
      }
    },
  };
}

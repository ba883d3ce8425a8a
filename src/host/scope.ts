import { Cancellation, type CancelSignal } from '../base/cancellation.ts';
import { RunError } from '../base/errors.ts';
import { randomHex } from '../base/random-hex.ts';
import type { Log } from './log.ts';

/** Distinguishes the work of this run from that of others, in this process and elsewhere. */
export interface RunId {
  readonly pid: number;
  /** Eight random hexadecimal digits: containers soon reuse a pid. */
  readonly id: string;
}

/** The surroundings of a piece of work: the signal that may end it early, its clock, its log. */
export interface Scope {
  /** Aborted with a RunError as its reason: `deadline`, or the kind of a signal. */
  readonly signal: CancelSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly run: RunId;
  /** Requests without an answer yet, of this scope and all others of the process, oldest first. */
  readonly pending: Set<PendingRequest>;
  /** By the clock of `now`. */
  readonly startedAtMs: number;
  /** Milliseconds on a monotonic clock whose zero is the start of the process. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Milliseconds until the deadline; Infinity without one. */
  remainingMs(): number;
  /** Ends this scope and all its children; only the first call counts. */
  end(reason: RunError): void;
  /** @throws RunError the reason, once it has ended */
  throwIfEnded(): void;
  /** A part of the work, with a run id of its own. It ends with this scope, or earlier. */
  child(limits?: ScopeLimits): Scope;
  /** Stops its clock, so that it does not hold up the exit. */
  [Symbol.dispose](): void;
}

export interface PendingRequest {
  readonly address: string;
  /** What it goes through; undefined: nothing. */
  readonly proxy: string | undefined;
  /** Without `/v1/`. */
  readonly path: string;
  readonly sinceMs: number;
}

export interface ScopeLimits {
  /** Counted from `startedAtMs`; undefined: no limit of its own. */
  readonly timeoutMs?: number;
  /** Undefined: now. */
  readonly startedAtMs?: number;
  /** Undefined: that of the parent. */
  readonly log?: Log;
  /** It is work for somebody else: it has requests of its own, and this is what a timeout is told with. */
  readonly timeoutHint?: string;
}

/** The parts of the process that a scope uses. */
export type Effects = Pick<Scope, 'env' | 'log' | 'now' | 'random'>;

/** The outermost scope. It has no deadline. */
export function createScope(effects: Effects, pid: number): Scope {
  return openScope(effects, { pid, startedAtMs: 0 });
}

interface Placement {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly timeoutMs?: number | undefined;
  readonly timeoutHint?: string | undefined;
  readonly parent?: Scope;
}

function openScope(effects: Effects, placement: Placement): Scope {
  const { pid, startedAtMs, timeoutMs, timeoutHint, parent } = placement;
  const { env, now, random } = effects;
  const signal = new Cancellation();
  const deadlineMs = timeoutMs === undefined ? Infinity : startedAtMs + timeoutMs;
  const end = (reason: RunError): void => {
    signal.abort(reason);
  };
  const pending = (timeoutHint === undefined ? parent?.pending : undefined) ?? new Set<PendingRequest>();
  const expire = (): void => {
    end(timedOut(timeoutMs ?? 0, [...pending], now(), timeoutHint));
  };
  const endWithParent = (): void => {
    signal.abort(parent?.signal.reason);
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, Math.max(0, deadlineMs - now()));
  if (parent?.signal.aborted === true) endWithParent();
  else parent?.signal.addEventListener('abort', endWithParent);
  const scope: Scope = {
    signal,
    env,
    get log() {
      return effects.log;
    },
    pending,
    run: { pid, id: randomHex(Math.random) },
    startedAtMs,
    now,
    random,
    remainingMs: () => Math.min(deadlineMs - now(), parent?.remainingMs() ?? Infinity),
    end,
    throwIfEnded() {
      parent?.throwIfEnded();
      if (now() >= deadlineMs) expire();
      signal.throwIfAborted();
    },
    child({ timeoutMs: limit, startedAtMs: since = now(), log, timeoutHint: hint } = {}) {
      const part = log === undefined ? effects : { env, log, now, random };
      const own = { pid, startedAtMs: since, timeoutMs: limit, timeoutHint: hint };
      return openScope(part, { ...own, parent: scope });
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent?.signal.removeEventListener('abort', endWithParent);
    },
  };
  return scope;
}

function timedOut(
  timeoutMs: number,
  pending: readonly PendingRequest[],
  nowMs: number,
  hint: string | undefined,
): RunError {
  const message = `not finished within the timeout of ${String(timeoutMs / 1000)} s`;
  const [oldest] = pending;
  if (oldest === undefined) {
    return new RunError('deadline', message, {
      hint: hint ?? 'raise `timeout` or --timeout if the server needs longer',
    });
  }
  const { address, proxy, path, sinceMs } = oldest;
  const through = proxy === undefined ? '' : `, through the proxy ${proxy},`;
  const others = pending.length === 1 ? '' : `, and ${String(pending.length - 1)} more`;
  return new RunError('deadline', message, {
    details: [
      `no answer from ${address} (${path})${through} for ${((nowMs - sinceMs) / 1000).toFixed(1)} s${others}`,
    ],
    hint: `${proxy === undefined ? 'does its name resolve here, can it be reached' : 'can it be reached through the proxy'}, and does it answer others? ${hint ?? 'raise `timeout` or --timeout if it needs longer'}`,
  });
}

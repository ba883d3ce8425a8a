import { Cancellation, type CancelSignal } from '../base/cancellation.ts';
import { RunError } from '../base/errors.ts';
import type { Log } from './log.ts';

/** Tells the work of this run from that of others, in this process and elsewhere. */
export interface RunId {
  readonly pid: number;
  /** Eight hexadecimal digits, random: in containers a pid is soon used again. */
  readonly id: string;
}

/** What a piece of work depends on while it lasts: what may end it early, its clock, its log. */
export interface Scope {
  /** Aborted with a RunError as its reason: `deadline`, `interrupted` or `terminated`. */
  readonly signal: CancelSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly run: RunId;
  /** On the clock of `now`. */
  readonly startedAtMs: number;
  /** Milliseconds on a monotonic clock whose zero is the start of the process. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Milliseconds until the deadline; Infinity without one. */
  remainingMs(): number;
  /** Ends this and all that is part of it; only the first call counts. */
  end(reason: RunError): void;
  /** @throws RunError the reason, once it has ended */
  throwIfEnded(): void;
  /** A part of it with a run id of its own. It ends with the whole, or earlier. */
  child(limits?: ScopeLimits): Scope;
  /** Stops its clock, so that it does not hold up the exit. */
  [Symbol.dispose](): void;
}

export interface ScopeLimits {
  /** Counted from `startedAtMs`; undefined: as long as the whole. */
  readonly timeoutMs?: number;
  /** Undefined: now. */
  readonly startedAtMs?: number;
  /** Undefined: that of the whole. */
  readonly log?: Log;
}

/** What a scope takes from the process. */
export type Effects = Pick<Scope, 'env' | 'log' | 'now' | 'random'>;

/** The scope that all others are part of. It has no deadline. */
export function createScope(effects: Effects, pid: number): Scope {
  return openScope(effects, { pid, startedAtMs: 0 });
}

interface Placement {
  readonly pid: number;
  readonly startedAtMs: number;
  readonly timeoutMs?: number | undefined;
  readonly whole?: Scope;
}

function openScope(effects: Effects, { pid, startedAtMs, timeoutMs, whole }: Placement): Scope {
  const { env, now, random } = effects;
  const signal = new Cancellation();
  const deadlineMs = timeoutMs === undefined ? Infinity : startedAtMs + timeoutMs;
  const end = (reason: RunError): void => {
    signal.abort(reason);
  };
  const expire = (): void => {
    end(timedOut(timeoutMs ?? 0));
  };
  const endWithWhole = (): void => {
    signal.abort(whole?.signal.reason);
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(expire, Math.max(0, deadlineMs - now()));
  if (whole?.signal.aborted === true) endWithWhole();
  else whole?.signal.addEventListener('abort', endWithWhole);
  const scope: Scope = {
    signal,
    env,
    get log() {
      return effects.log;
    },
    run: { pid, id: runId() },
    startedAtMs,
    now,
    random,
    remainingMs: () => Math.min(deadlineMs - now(), whole?.remainingMs() ?? Infinity),
    end,
    throwIfEnded() {
      whole?.throwIfEnded();
      if (now() >= deadlineMs) expire();
      signal.throwIfAborted();
    },
    child({ timeoutMs: limit, startedAtMs: since = now(), log } = {}) {
      const part = log === undefined ? effects : { env, log, now, random };
      return openScope(part, { pid, startedAtMs: since, timeoutMs: limit, whole: scope });
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      whole?.signal.removeEventListener('abort', endWithWhole);
    },
  };
  return scope;
}

function timedOut(timeoutMs: number): RunError {
  return new RunError('deadline', `not finished within the timeout of ${String(timeoutMs / 1000)} s`, {
    hint: 'look at the retries above for what was slow or down; raise `timeout` or --timeout if the server needs longer',
  });
}

function runId(): string {
  return Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}

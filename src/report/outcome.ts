import { isStop, RunError } from '../base/errors.ts';
import type { Secrets } from '../base/secret-data.ts';
import { placeOf } from '../config/kubernetes-schema.ts';
import type { Scope } from '../host/scope.ts';
import type { Change } from '../publish/destination.ts';
import type { RenderedVariable } from '../render/render-variables.ts';
import type { ReusedSecret } from '../reuse/what-is-due.ts';
import type { Lease } from '../session/leases.ts';
import type { Session } from '../session/session.ts';
import type { OutputTokens } from '../session/tokens-for-outputs.ts';
import type { WireCounters } from '../vault/client.ts';

export type Stage = 'config' | 'login' | 'fetch' | 'render' | 'write';

/** The duration of each stage that has begun, in milliseconds. */
export type StageTimes = Readonly<Partial<Record<Stage, number>>>;

/** The result of a run; for a failed one, how far it got. */
export interface Outcome {
  /** Undefined: every output is complete. */
  readonly failure: RunError | undefined;
  readonly stageMs: StageTimes;
  readonly wire: WireCounters;
  /** Undefined: no login has succeeded. */
  readonly session: Pick<Session, 'method' | 'minted' | 'token_type' | 'revoked'> | undefined;
  readonly secrets: Secrets;
  /** The leases issued to this run. */
  readonly leases: readonly Lease[];
  /** Secrets of earlier runs that are still valid. */
  readonly reused: readonly ReusedSecret[];
  /** The single values of the plan. */
  readonly values: readonly RenderedVariable[];
  /** What outputs and values that hold the token were given. */
  readonly tokens: OutputTokens;
  readonly changes: readonly Change[];
}

export const NOTHING_DONE: Outcome = {
  failure: undefined,
  stageMs: {},
  wire: { requests: 0, retries: 0, bytes: 0 },
  session: undefined,
  secrets: new Map(),
  leases: [],
  reused: [],
  values: [],
  tokens: new Map(),
  changes: [],
};

/** The changes of one kind. */
export function changesOf<Kind extends Change['kind']>(
  { changes }: Pick<Outcome, 'changes'>,
  kind: Kind,
): readonly Extract<Change, { kind: Kind }>[] {
  return changes.filter((change): change is Extract<Change, { kind: Kind }> => change.kind === kind);
}

/** Measures the stages of a run. */
export interface Stopwatch {
  readonly stageMs: StageTimes;
  /** Does the work of a stage and notes its duration, whether it succeeds or not. */
  time<T>(stage: Stage, work: () => T | Promise<T>): Promise<T>;
}

export function createStopwatch({ now }: Pick<Scope, 'now'>): Stopwatch {
  const stageMs: Partial<Record<Stage, number>> = {};
  return {
    stageMs,
    async time(stage, work) {
      const startMs = now();
      try {
        return await work();
      } finally {
        stageMs[stage] = roundMs(now() - startMs);
      }
    },
  };
}

export function roundMs(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

/**
 * The failure, with the changes made before it, and those that are uncertain.
 * @param kept what of the run was not given back because of them, one line each
 */
export function withRemains(
  failure: RunError,
  changes: readonly Change[],
  kept: readonly string[] = [],
): RunError {
  const remains = [...remainsOf(changes), ...kept];
  return new RunError(
    failure.failures.map((one) => {
      const details = [...(one.details ?? []), ...remains];
      const isStopped = isStop(one.kind);
      return {
        ...one,
        ...(details.length === 0 ? {} : { details }),
        ...(isStopped ? { hint: hintAfterStop(remains) } : {}),
      };
    }),
    failure.exitCode,
  );
}

function remainsOf(changes: readonly Change[]): string[] {
  const lines: string[] = [];
  const say = (what: string, places: readonly string[]): void => {
    if (places.length > 0) lines.push(`${what}: ${places.join(', ')}`);
  };
  const applied = changesOf({ changes }, 'applied');
  const written = changesOf({ changes }, 'file').filter(({ changed }) => changed);
  const pruned = changesOf({ changes }, 'pruned').filter(({ problem }) => problem === undefined);
  say(
    'applied before',
    applied.map(({ namespace, name }) => placeOf({ name, namespace, key: undefined })),
  );
  say(
    'may have been applied',
    changesOf({ changes }, 'unknown').map(({ place }) => place),
  );
  say(
    'written before',
    written.map(({ path }) => path),
  );
  say(
    'removed before',
    pruned.map(({ path }) => path),
  );
  return lines;
}

function hintAfterStop(remains: readonly string[]): string {
  return remains.length === 0
    ? 'nothing was changed; it can be run again'
    : 'everything else is unchanged; run it again to complete the outputs';
}

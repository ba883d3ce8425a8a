import type { FailureKind } from '../../base/errors.ts';

/** What is told of the watching: by `/livez`, `/readyz` and `/metrics`. All times are in seconds since 1970. */
export interface HealthStatus {
  /** The loop turns. */
  readonly isAlive: boolean;
  /** Everything was written once. */
  readonly isReady: boolean;
  readonly startedAtS: number;
  readonly secrets: readonly SecretHealth[];
  /** Handlers whose last try failed, as messages name them. */
  readonly failingHandlers: readonly string[];
  readonly counts: HealthCounts;
}

export interface SecretHealth {
  readonly name: string;
  /** It could not be read, rendered or written when it was due. */
  readonly isStale: boolean;
  /** When it was last read or renewed; undefined: by an earlier run only. */
  readonly lastSuccessAtS: number | undefined;
  /** Undefined: it says nothing of an end. */
  readonly endsAtS: number | undefined;
  /** Undefined: nothing is ever to be done. */
  readonly nextAtS: number | undefined;
  readonly nextAction: 'renew' | 'fetch';
  /** Of its lease. */
  readonly renewals: number;
  /** How often other data came than before. */
  readonly rotations: number;
}

/** How often, since the start. */
export interface HealthCounts {
  readonly logins: number;
  readonly tokenRenewals: number;
  readonly requests: number;
  /** Outputs that were written. */
  readonly writes: number;
  readonly handlersTold: number;
  readonly handlerFailures: number;
  /** Of the command; undefined: there is none. */
  readonly restarts: number | undefined;
  readonly errors: ReadonlyMap<FailureKind, number>;
}

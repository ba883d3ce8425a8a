import type { HealthStatus, SecretHealth } from './health-status.ts';
import { BUILD_INFO, one, prometheusText, type Metric } from './prometheus-text.ts';

const METRICS: readonly Metric<HealthStatus>[] = [
  BUILD_INFO,
  one('start_time_seconds', 'gauge', 'When it was started.', ({ startedAtS }) => startedAtS),
  one('ready', 'gauge', '1 once everything was written.', ({ isReady }) => Number(isReady)),
  ofSecrets(
    'secret_last_success_timestamp_seconds',
    'gauge',
    'When the secret was last read, or its lease renewed.',
    ({ lastSuccessAtS }) => lastSuccessAtS,
  ),
  ofSecrets(
    'secret_end_timestamp_seconds',
    'gauge',
    'When the secret ends; absent if it says nothing of an end.',
    ({ endsAtS }) => endsAtS,
  ),
  {
    name: 'secret_next_action_timestamp_seconds',
    type: 'gauge',
    help: 'When the secret is renewed or fetched next; absent if never.',
    samples: ({ secrets }) =>
      secrets.map(({ name, nextAtS, nextAction }) => [nextAtS, { secret: name, action: nextAction }]),
  },
  ofSecrets('secret_stale', 'gauge', '1 if the last try failed.', ({ isStale }) => Number(isStale)),
  ofSecrets('secret_renewals_total', 'counter', 'Renewals of its lease.', ({ renewals }) => renewals),
  ofSecrets('secret_rotations_total', 'counter', 'How often other data came.', ({ rotations }) => rotations),
  one('logins_total', 'counter', 'Logins.', ({ counts }) => counts.logins),
  one('token_renewals_total', 'counter', 'Renewals of the token.', ({ counts }) => counts.tokenRenewals),
  one('requests_total', 'counter', 'Requests to the server.', ({ counts }) => counts.requests),
  one('writes_total', 'counter', 'Outputs written.', ({ counts }) => counts.writes),
  one(
    'handlers_told_total',
    'counter',
    'Handlers of on_change that succeeded.',
    ({ counts }) => counts.handlersTold,
  ),
  one(
    'handler_failures_total',
    'counter',
    'Tries of on_change that failed.',
    ({ counts }) => counts.handlerFailures,
  ),
  one(
    'handlers_failing',
    'gauge',
    'Handlers whose last try failed.',
    ({ failingHandlers }) => failingHandlers.length,
  ),
  one('command_restarts_total', 'counter', 'Restarts of the command.', ({ counts }) => counts.restarts),
  {
    name: 'errors_total',
    type: 'counter',
    help: 'Failures by kind; the kinds are those of exit codes.',
    samples: ({ counts }) => [...counts.errors].map(([kind, count]) => [count, { kind }]),
  },
];

/** No path and no value of a secret is in them. Pure. */
export function metricsText(status: HealthStatus): string {
  return prometheusText(METRICS, status);
}

function ofSecrets(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  valueOf: (secret: SecretHealth) => number | undefined,
): Metric<HealthStatus> {
  return {
    name,
    type,
    help,
    samples: ({ secrets }) => secrets.map((secret) => [valueOf(secret), { secret: secret.name }]),
  };
}

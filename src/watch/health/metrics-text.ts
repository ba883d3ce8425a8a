import { VERSION } from '../../base/version.ts';
import type { HealthStatus, SecretHealth } from './health-status.ts';

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [value: number | undefined, labels: Labels | undefined];

interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  /** Without those that have no value. */
  readonly samples: (status: HealthStatus) => readonly Sample[];
}

const METRICS: readonly Metric[] = [
  one('build_info', 'gauge', 'Always 1; the labels say what runs.', () => 1, {
    version: VERSION,
    runtime: process.versions['bun'] === undefined ? 'node' : 'bun',
  }),
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

/** All metrics in the text format of Prometheus 0.0.4. No path and no value of a secret is in them. Pure. */
export function metricsText(status: HealthStatus): string {
  return METRICS.map(({ name, type, help, samples }) => {
    const lines = samples(status).flatMap(([value, labels]) =>
      value === undefined ? [] : [`vaultonce_${name}${labelsText(labels)} ${String(value)}\n`],
    );
    const head = `# HELP vaultonce_${name} ${help}\n# TYPE vaultonce_${name} ${type}\n`;
    return lines.length === 0 ? '' : `${head}${lines.join('')}`;
  }).join('');
}

function one(
  name: string,
  type: Metric['type'],
  help: string,
  valueOf: (status: HealthStatus) => number | undefined,
  labels?: Labels,
): Metric {
  return { name, type, help, samples: (status) => [[valueOf(status), labels]] };
}

function ofSecrets(
  name: string,
  type: Metric['type'],
  help: string,
  valueOf: (secret: SecretHealth) => number | undefined,
): Metric {
  return {
    name,
    type,
    help,
    samples: ({ secrets }) => secrets.map((secret) => [valueOf(secret), { secret: secret.name }]),
  };
}

function labelsText(labels: Labels = {}): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return texts.length === 0 ? '' : `{${texts.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

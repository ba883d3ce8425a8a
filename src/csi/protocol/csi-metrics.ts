import {
  BUILD_INFO,
  one,
  prometheusText,
  type Metric,
  type Sample,
} from '../../watch/health/prometheus-text.ts';
import type { VolumeCounts } from '../mount.ts';
import type { MountStatistics } from './mount-statistics.ts';

/** How the provider is, for those who ask. */
export interface ProviderStatus {
  /** Seconds since 1970. */
  readonly startedAtS: number;
  readonly mounts: Pick<MountStatistics, 'outcomes' | 'underWay' | 'durations'>;
  readonly volumes: VolumeCounts;
}

const METRICS: readonly Metric<ProviderStatus>[] = [
  BUILD_INFO,
  one('start_time_seconds', 'gauge', 'When it was started.', ({ startedAtS }) => startedAtS),
  {
    name: 'mounts_total',
    type: 'counter',
    help: 'Mounts that the driver asked for, by their outcome: ok, or the kind of failure as exit codes have them.',
    samples: ({ mounts }) => [...mounts.outcomes].map(([code, count]) => [count, { code }]),
  },
  one('mounts_under_way', 'gauge', 'Mounts without an answer yet.', ({ mounts }) => mounts.underWay),
  {
    name: 'mount_duration_seconds',
    type: 'histogram',
    help: 'How long mounts took, whatever came of them.',
    samples: ({ mounts: { durations } }): readonly Sample[] => [
      ...durations.buckets.map(([bound, count]) => [count, { le: String(bound) }, '_bucket'] as const),
      [durations.count, { le: '+Inf' }, '_bucket'],
      [durations.sumS, undefined, '_sum'],
      [durations.count, undefined, '_count'],
    ],
  },
  ofVolumes('volumes', 'gauge', 'Volumes that are kept good.', 'volumes'),
  ofVolumes('volumes_stale', 'gauge', 'Volumes whose last mount failed.', 'staleVolumes'),
  ofVolumes('logins_total', 'counter', 'Logins.', 'logins'),
  ofVolumes('token_renewals_total', 'counter', 'Renewals of tokens.', 'tokenRenewals'),
  ofVolumes('lease_renewals_total', 'counter', 'Renewals of leases.', 'leaseRenewals'),
  ofVolumes('requests_total', 'counter', 'Requests to servers.', 'requests'),
];

/** No name of a pod, no path and no value of a secret is in them. Pure. */
export function csiMetricsText(status: ProviderStatus): string {
  return prometheusText(METRICS, status);
}

function ofVolumes(
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  key: keyof VolumeCounts,
): Metric<ProviderStatus> {
  return one(name, type, help, ({ volumes }) => volumes[key]);
}

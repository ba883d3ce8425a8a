import { alignColumns } from '../../../src/commands/table.ts';
import type { Changes } from './changes.ts';
import type { Churn } from './churn.ts';
import { hourOf, USUAL_INTERVAL_S, type Steady } from './steady.ts';

export interface WatchResults {
  readonly date: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly steady: readonly Steady[];
  readonly changes: readonly Changes[];
  readonly churn: readonly Churn[];
}

/** All tables. */
export function reportOf({ steady, changes, churn }: WatchResults): string {
  return [steadyTable(steady), changesTable(changes), churnTable(churn)]
    .flatMap(({ title, header, rows }) => [`\n${title}`, ...alignColumns(header, rows)])
    .join('\n');
}

interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function steadyTable(all: readonly Steady[]): Table {
  const rows = all.map((steady) => {
    const { client, secrets, idle, polling, windowS, idleCpuMs } = steady;
    const hour = hourOf(steady);
    return [
      client,
      String(secrets),
      idle.rssMb.toFixed(0),
      idle.pssMb.toFixed(0),
      idle.anonymousMb.toFixed(0),
      polling.rssMb.toFixed(0),
      polling.anonymousMb.toFixed(0),
      (idleCpuMs / windowS / 10).toFixed(3),
      hour.cpuS.toFixed(2),
      hour.requests.toFixed(0),
    ];
  });
  const [first] = all;
  const polls = String(first?.intervalS ?? NaN);
  return {
    title: `Steady: idle with KV read every ${String(USUAL_INTERVAL_S)} s, polling with every ${polls} s; an hour is one of the former`,
    header: [
      '',
      'secrets',
      'idle RSS MB',
      'PSS',
      'anonymous',
      'polling RSS MB',
      'anonymous',
      'idle CPU %',
      'CPU s/hour',
      'requests/hour',
    ],
    rows,
  };
}

function changesTable(all: readonly Changes[]): Table {
  const rows = all.map(({ client, kvS, tokenS, leaseS }) => {
    const sorted = kvS.toSorted((a, b) => a - b);
    return [
      client,
      secondsOf(sorted[Math.floor(sorted.length / 2)]),
      secondsOf(sorted.at(-1)),
      secondsOf(tokenS),
      secondsOf(leaseS),
    ];
  });
  const [first] = all;
  return {
    title: `Seconds until the new file; KV is read every ${String(first?.intervalS ?? NaN)} s, token and certificate live for 30 s`,
    header: ['', 'KV changed, median', 'longest', 'token revoked', 'lease revoked'],
    rows,
  };
}

function churnTable(all: readonly Churn[]): Table {
  const [first] = all;
  return {
    title: `For nothing: ${String(first?.windowS ?? NaN)} s with a certificate of 72 h, and tokens of 8 to 12 s`,
    header: ['', 'logins', 'certificates issued', 'files written', 'reloads'],
    rows: all.map(({ client, logins, certificates, writes, told }) => [
      client,
      ...[logins, certificates, writes, told].map(String),
    ]),
  };
}

function secondsOf(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(1);
}

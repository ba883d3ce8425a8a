import { execFileSync } from 'node:child_process';
import { arch, cpus, release, totalmem, type } from 'node:os';
import packageJson from '../../package.json' with { type: 'json' };
import { alignColumns } from '../../src/commands/table.ts';
import { median, quantile, type Sample } from './measure.ts';
import { STANDALONE } from './tools.ts';

/** What one tool needed for one job. */
export interface Row {
  readonly tool: string;
  /** Medians; of the wall time the quartiles, too. */
  readonly wallMs: number;
  readonly wallQuartilesMs: readonly [number, number];
  /**
   * The wall time as a multiple of that of the Go program in the same turn, median: a machine that slows down for a while does so
   * for both. Undefined where there is no Go program.
   */
  readonly toGo?: number | undefined;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly requests: number;
  readonly connections: number;
  readonly resumptions: number;
}

/** All tools on the same job, in turns. */
export interface Comparison {
  readonly secrets: number;
  /** Undefined: over plain HTTP on the loopback. */
  readonly roundTripMs: number | undefined;
  readonly rounds: number;
  readonly rows: readonly Row[];
}

export interface Results {
  readonly date: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly comparisons: readonly Comparison[];
}

/** @param ofGo the samples of the Go program, turn by turn; undefined: there are none */
export function rowOf(tool: string, samples: readonly Sample[], ofGo?: readonly Sample[]): Row {
  const round = (value: number): number => Math.round(value * 10) / 10;
  return {
    tool,
    wallMs: round(median(samples, 'wallMs')),
    wallQuartilesMs: [round(quantile(samples, 'wallMs', 0.25)), round(quantile(samples, 'wallMs', 0.75))],
    toGo: ofGo && medianRatio(samples, ofGo),
    cpuMs: round(median(samples, 'cpuMs')),
    rssMb: round(median(samples, 'rssMb')),
    requests: median(samples, 'requests'),
    connections: median(samples, 'connections'),
    resumptions: median(samples, 'resumptions'),
  };
}

function medianRatio(samples: readonly Sample[], ofGo: readonly Sample[]): number {
  const ratios = samples
    .map(({ wallMs }, turn) => wallMs / (ofGo[turn]?.wallMs ?? NaN))
    .sort((a, b) => a - b);
  return Math.round((ratios[Math.round((ratios.length - 1) / 2)] ?? NaN) * 1000) / 1000;
}

export function ratioText({ toGo }: Pick<Row, 'toGo'>): string {
  return toGo?.toFixed(2) ?? '-';
}

/** @param serverBinary what answers `--version` with its name and version */
export function describeMachine(serverBinary: string): Record<string, string> {
  const [cpu] = cpus();
  return {
    cpu: `${String(cpus().length)} x ${cpu?.model ?? 'unknown'}`,
    memory: `${(totalmem() / 1024 ** 3).toFixed(0)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
    node: process.versions.node,
    bun: packageJson.devDependencies.bun,
    server: execFileSync(serverBinary, ['--version'], { encoding: 'utf8' }).trim(),
    vaultonce: packageJson.version,
  };
}

export function title({ secrets, roundTripMs, rounds }: Comparison): string {
  const way = roundTripMs === undefined ? 'plain HTTP' : `TLS, ${String(roundTripMs)} ms round trip`;
  return `${String(secrets)} secrets, ${way}, median of ${String(rounds)} turns`;
}

/** A table, with a bar for the wall time of each tool. */
export function tableOf(comparison: Comparison): string {
  const { rows } = comparison;
  const oursMs = rows.find(({ tool }) => tool === STANDALONE)?.wallMs ?? NaN;
  const longestMs = Math.max(...rows.map(({ wallMs }) => wallMs));
  const header = [
    '',
    'wall ms',
    '× ours',
    '× Go',
    'CPU ms',
    'RSS MB',
    'requests',
    'connections',
    'resumed',
    '',
  ];
  const cells = rows.map(({ tool, wallMs, toGo, cpuMs, rssMb, requests, connections, resumptions }) => [
    tool,
    wallMs.toFixed(0),
    (wallMs / oursMs).toFixed(2),
    ratioText({ toGo }),
    cpuMs.toFixed(0),
    rssMb.toFixed(0),
    ...[requests, connections, resumptions].map((count) => (Number.isNaN(count) ? '-' : String(count))),
    '#'.repeat(Math.max(1, Math.round((40 * wallMs) / longestMs))),
  ]);
  return `\n${title(comparison)}\n${alignColumns(header, cells).join('\n')}`;
}

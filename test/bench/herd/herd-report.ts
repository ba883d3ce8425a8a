import { ANSWER_WITHIN_MS, type Advice } from './advice.ts';
import type { Forecast } from './forecasts.ts';
import type { HerdResults, Measurement } from './herd-results.ts';
import type { MeasuredHerd } from './measure-herd.ts';
import { replay } from './model.ts';
import { reachedBy } from './simulate.ts';

/** How far the simulated times may be from the measured ones on a quiet machine. */
const TOLERANCE = 0.25;
const SHARES = [0.5, 0.99, 1];

/** Everything as Markdown. */
export function reportOf(results: HerdResults): string {
  return [
    measuredTable(results),
    agreementOf(results),
    forecastTable(results.forecasts),
    adviceTable(results.advice),
  ].join('\n\n');
}

function measuredTable(results: Measurement): string {
  const header = [
    'real runs',
    'HTTP',
    'jitter s',
    'quota/s',
    'requests',
    '429s',
    'logins/s',
    'client CPU ms',
    'server CPU ms',
    'left tokens',
    'ready: 50 % s',
    '99 % s',
    '100 % s',
    'simulated: 50 % s',
    '99 % s',
    '100 % s',
  ];
  const rows = results.herds.map((herd) => [
    `${String(herd.runs)} x ${herd.client}`,
    herd.http2 ? '2' : '1.1',
    seconds(herd.jitterMs),
    herd.quota === undefined ? '-' : String(herd.quota),
    herd.requests.toFixed(1),
    herd.rejected.toFixed(1),
    ((1000 * herd.runs) / (herd.readyMs.at(-1) ?? NaN)).toFixed(1),
    herd.clientCpuMs.toFixed(0),
    herd.serverCpuMs.toFixed(1),
    String(herd.tokensLeft),
    ...SHARES.map((share) => seconds(reachedBy(herd.readyMs, share))),
    ...simulatedMs(results, herd).map(seconds),
  ]);
  return markdownTable(header, rows);
}

function simulatedMs(results: Measurement, herd: MeasuredHerd): number[] {
  const { readyMs } = replay(results, herd);
  return SHARES.map((share) => reachedBy(readyMs, share));
}

/** Whether the model is to be believed, by the runs that it can be compared with. */
function agreementOf(results: Measurement): string {
  const off = results.herds.flatMap((herd) => {
    const simulated = simulatedMs(results, herd);
    return SHARES.map((share, index) => (simulated[index] ?? NaN) / reachedBy(herd.readyMs, share) - 1);
  });
  const worst = off.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  const isWithin = off.every((one) => Math.abs(one) <= TOLERANCE);
  const mean = off.reduce((sum, one) => sum + Math.abs(one), 0) / off.length;
  const verdict = isWithin
    ? `within the tolerance of ${percent(TOLERANCE)}`
    : `not within the tolerance of ${percent(TOLERANCE)}: believe the forecasts only as far as that`;
  return `Simulated times differ from the measured ones by ${percent(mean)} in the mean, and by ${percent(worst)} at most: ${verdict}.`;
}

function forecastTable(forecasts: readonly Forecast[]): string {
  const header = [
    'pods',
    'start',
    'client',
    'jitter s',
    'quota/s',
    'ready: 50 % s',
    '99 % s',
    '100 % s',
    '99 % of answers ms',
    'requests',
    '429s',
    'restarts',
    'server CPU s',
  ];
  const rows = forecasts.map((one) => [
    String(one.pods),
    one.arrivals,
    one.client,
    seconds(one.jitterMs),
    one.quota === undefined ? '-' : String(one.quota),
    ...one.readyMs.map(seconds),
    one.answerMs.toFixed(0),
    String(one.requests),
    String(one.rejected),
    String(one.restarts),
    seconds(one.serverCpuMs),
  ]);
  return markdownTable(header, rows);
}

function adviceTable(advice: readonly Advice[]): string {
  const servers = [...new Set(advice.map(nameOfServer))];
  const rows = [...Map.groupBy(advice, ({ pods }) => pods)].map(([pods, some]) => [
    String(pods),
    ...servers.map((name) => seconds(some.find((one) => nameOfServer(one) === name)?.jitterMs ?? NaN)),
  ]);
  const header = ['pods at once', ...servers.map((name) => `jitter s, ${name}`)];
  return `The shortest startup_jitter with which 99 % of answers come within ${String(ANSWER_WITHIN_MS)} ms:\n\n${markdownTable(header, rows)}`;
}

function nameOfServer({ cores, quota }: Advice): string {
  return `${String(cores)} cores${quota === undefined ? '' : `, ${String(quota)} requests/s`}`;
}

function seconds(ms: number): string {
  const value = ms / 1000;
  return value === 0 ? '-' : value.toFixed(value < 10 ? 1 : 0);
}

function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = header.map((_, column) => (column === 0 ? '---' : '--:'));
  return [header, rule, ...rows].map(line).join('\n');
}

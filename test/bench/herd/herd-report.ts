import { markdownOf, type Table } from '../markdown.ts';
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
    markdownOf(measuredTable(results)),
    agreementOf(results),
    markdownOf(forecastTable(results.forecasts)),
    `The shortest startup_jitter with which 99 % of the answers come within ${String(ANSWER_WITHIN_MS)} ms:`,
    markdownOf(adviceTable(results.advice)),
  ].join('\n\n');
}

export function measuredTable(results: Measurement): Table {
  const rows = results.herds.map((herd) => [
    herd.client,
    herd.http2 ? '2' : '1.1',
    seconds(herd.jitterMs),
    numberOf(herd.quota),
    herd.requests.toFixed(1),
    herd.rejected.toFixed(1),
    ((1000 * herd.runs) / (herd.readyMs.at(-1) ?? NaN)).toFixed(1),
    herd.clientCpuMs.toFixed(0),
    herd.serverCpuMs.toFixed(1),
    threeOf(SHARES.map((share) => reachedBy(herd.readyMs, share))),
    threeOf(simulatedMs(results, herd)),
    String(herd.tokensLeft),
  ]);
  return {
    header: [
      'runs of',
      'HTTP',
      'jitter s',
      'quota/s',
      'requests',
      '429s',
      'logins/s',
      'CPU ms',
      'server CPU ms',
      'ready s',
      'simulated s',
      'tokens left',
    ],
    rows,
  };
}

function simulatedMs(results: Measurement, herd: MeasuredHerd): number[] {
  const { readyMs } = replay(results, herd);
  return SHARES.map((share) => reachedBy(readyMs, share));
}

/** Whether the model is to be believed, by the runs that it can be compared with. */
export function agreementOf(results: Measurement): string {
  const off = results.herds.flatMap((herd) => {
    const simulated = simulatedMs(results, herd);
    return SHARES.map((share, index) => (simulated[index] ?? NaN) / reachedBy(herd.readyMs, share) - 1);
  });
  const sizes = off.map(Math.abs).sort((a, b) => a - b);
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
  const mean = sizes.reduce((sum, one) => sum + one, 0) / sizes.length;
  const worst = sizes.at(-1) ?? NaN;
  const verdict =
    worst <= TOLERANCE
      ? `within the tolerance of ${percent(TOLERANCE)}`
      : `beyond the tolerance of ${percent(TOLERANCE)}: measure again, with more runs or on a quieter machine`;
  return `Simulated times are off by ${percent(mean)} in the mean and by ${percent(worst)} at most: ${verdict}.`;
}

export function forecastTable(forecasts: readonly Forecast[]): Table {
  const rows = forecasts.map((one) => [
    String(one.pods),
    one.arrivals,
    one.client,
    seconds(one.jitterMs),
    numberOf(one.quota),
    threeOf(one.readyMs),
    one.answerMs.toFixed(0),
    String(one.requests),
    String(one.rejected),
    String(one.restarts),
    seconds(one.serverCpuMs),
  ]);
  return {
    header: [
      'pods',
      'start',
      'client',
      'jitter s',
      'quota/s',
      'ready s',
      'answers ms',
      'requests',
      '429s',
      'restarts',
      'server CPU s',
    ],
    rows,
  };
}

export function adviceTable(advice: readonly Advice[]): Table {
  const servers = [...new Set(advice.map(nameOfServer))];
  const rows = [...Map.groupBy(advice, ({ pods }) => pods)].map(([pods, some]) => [
    String(pods),
    ...servers.map((name) => durationOf(some.find((one) => nameOfServer(one) === name))),
  ]);
  return { header: ['pods at once', ...servers], rows };
}

/** As it is written in a config. */
function durationOf(advice: Advice | undefined): string {
  const all = (advice?.jitterMs ?? NaN) / 1000;
  return all >= 60 && all % 60 === 0 ? `${String(all / 60)}m` : `${String(all)}s`;
}

function nameOfServer({ cores, quota }: Advice): string {
  return `${String(cores)} cores${quota === undefined ? '' : `, ${String(quota)} requests/s`}`;
}

function threeOf(ms: readonly number[]): string {
  return ms.map(seconds).join(' / ');
}

function seconds(ms: number): string {
  const value = ms / 1000;
  return value === 0 ? '-' : value.toFixed(value < 9.95 ? 1 : 0);
}

function numberOf(quota: number | undefined): string {
  return quota === undefined ? '-' : String(quota);
}

import { barChart, fillOf, type Panel } from '../plot.ts';
import type { Forecast } from './forecasts.ts';
import type { HerdResults } from './herd-results.ts';
import { reachedBy } from './simulate.ts';
import { replay } from './model.ts';

const SIMULATED = '#d9a441';

/** In the first column the real runs, each with the same herd in the model; beside it the forecasts, a panel for each number of pods. */
export function herdPlotOf(results: HerdResults): string {
  const { date, machine, forecasts } = results;
  const quotas = [...new Set(forecasts.map(quotaOf))];
  const sizes = [...new Set(forecasts.map(({ pods }) => pods))];
  const panels = quotas.flatMap((quota, column) =>
    sizes.map((pods, row) => forecastPanel(forecasts, { pods, quota, column: column + 1, row })),
  );
  const head = `time until 99 % of the pods are ready, in s, ${date.slice(0, 10)}, ${machine['cpu'] ?? ''}, ${machine['server'] ?? ''}`;
  return barChart(head, [...measuredPanels(results), ...panels]);
}

function measuredPanels(results: HerdResults): Panel[] {
  const clients = [...Map.groupBy(results.herds, ({ client }) => client)];
  return clients.map(([client, herds], row) => ({
    title: `${String(herds[0]?.runs)} real runs of ${client}, and the model`,
    column: 0,
    row,
    bars: herds.flatMap((herd) => {
      const label = [
        herd.http2 ? 'HTTP/2' : 'HTTP/1.1',
        ...(herd.jitterMs === 0 ? [] : [`jitter ${String(herd.jitterMs / 1000)} s`]),
        ...(herd.quota === undefined ? [] : [`${String(herd.quota)}/s`]),
      ].join(', ');
      return [
        bar(label, reachedBy(herd.readyMs, 0.99), fillOf(client)),
        bar('simulated', reachedBy(replay(results, herd).readyMs, 0.99), SIMULATED),
      ];
    }),
  }));
}

interface Place extends Pick<Panel, 'column' | 'row'> {
  readonly pods: number;
  readonly quota: string;
}

function forecastPanel(forecasts: readonly Forecast[], { pods, quota, column, row }: Place): Panel {
  const shown = forecasts.filter((one) => one.pods === pods && quotaOf(one) === quota);
  return {
    title: `${String(pods)} pods, simulated, ${quota}`,
    column,
    row,
    bars: shown.map(({ arrivals, client, jitterMs, readyMs }) => {
      const jitter = jitterMs === 0 ? '' : `, ${String(jitterMs / 1000)} s`;
      return bar(`${shortNameOf(client)}${jitter}; ${arrivals}`, readyMs[1], fillOf(client));
    }),
  };
}

function bar(label: string, ms: number, fill: string): Panel['bars'][number] {
  return { label, value: ms, note: (ms / 1000).toFixed(1), fill };
}

function shortNameOf(client: string): string {
  return client.split(' ')[0] ?? client;
}

function quotaOf({ quota }: Pick<Forecast, 'quota'>): string {
  return quota === undefined ? 'no quota' : `${String(quota)} requests/s`;
}

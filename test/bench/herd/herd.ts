import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { advise } from './advice.ts';
import { forecast } from './forecasts.ts';
import { HERD_CLIENTS } from './herd-clients.ts';
import { herdPlotOf } from './herd-plot.ts';
import { reportOf } from './herd-report.ts';
import type { HerdResults, Measurement } from './herd-results.ts';
import { measureAll } from './measure.ts';

/**
 * What happens when many pods start at once: some hundred real runs against a real server, with and without `startup_jitter`, a
 * quota and HTTP/2, beside the agent; and, from what those cost, a simulation of up to 10,000 pods.
 */

const { values: flags } = parseArgs({
  options: {
    /** Of `standalone`, `node` and `agent`. */
    clients: { type: 'string', default: Object.keys(HERD_CLIENTS).join(',') },
    runs: { type: 'string', default: '200' },
    'at-once': { type: 'string', default: '16' },
    secrets: { type: 'string', default: '10' },
    /** Seconds, of the real runs. */
    jitter: { type: 'string', default: '2' },
    /** Requests in a second, for the real runs. */
    quota: { type: 'string', default: '100' },
    pods: { type: 'string', default: '100,1000,10000' },
    /** Of the simulated server; advice is given for four times as many, too. */
    cores: { type: 'string', default: '2' },
    /** Requests in a second, for the simulated pods. */
    'pods-quota': { type: 'string', default: '500' },
    /** Results whose measurement is taken in place of a new one. */
    measured: { type: 'string' },
    out: { type: 'string', default: join(import.meta.dirname, '../../../dist/bench') },
  },
});

async function measurement(): Promise<Measurement> {
  if (flags.measured !== undefined) return JSON.parse(readFileSync(flags.measured, 'utf8')) as Measurement;
  return measureAll({
    clients: flags.clients.split(',').map((name) => {
      const client = HERD_CLIENTS[name];
      if (client === undefined) throw new Error(`--clients: of ${Object.keys(HERD_CLIENTS).join(', ')}`);
      return client;
    }),
    runs: Number(flags.runs),
    atOnce: Number(flags['at-once']),
    secrets: Number(flags.secrets),
    jitterMs: Number(flags.jitter) * 1000,
    quota: Number(flags.quota),
  });
}

/** Of milliseconds; more digits would say nothing. */
function toMicroseconds(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value * 1000) / 1000 : value;
}

const measured = await measurement();
const pods = flags.pods.split(',').map(Number);
const cores = Number(flags.cores);
const quota = Number(flags['pods-quota']);
console.log('simulating, which takes a minute or two on an idle core');
const servers = [
  { cores, quota: undefined },
  { cores: 4 * cores, quota: undefined },
  { cores, quota },
];
const advice = advise(measured, pods, servers);
const forecasts = forecast(measured, advice, { pods, cores, quota });
const results: HerdResults = { date: new Date().toISOString(), ...measured, forecasts, advice };
console.log(`\n${reportOf(results)}`);
mkdirSync(flags.out, { recursive: true });
writeFileSync(join(flags.out, 'herd.json'), `${JSON.stringify(results, toMicroseconds, 1)}\n`);
writeFileSync(join(flags.out, 'herd.svg'), herdPlotOf(results));
console.log(`\nherd.json and herd.svg are in ${relative(process.cwd(), flags.out)}/`);

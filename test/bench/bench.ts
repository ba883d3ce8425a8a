import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { findServer } from '../support/binary.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { createWorkspace } from '../support/workspace.ts';
import { createJob, storeSecrets, type Job, type Tool } from './job.ts';
import { measure, type Sample } from './measure.ts';
import { plotOf } from './plot.ts';
import { describeMachine, rowOf, tableOf, type Comparison, type Results } from './results.ts';
import { noLink, openSlowLink, type SlowLink } from './slow-link.ts';
import { tablesOf } from './tables.ts';
import { IN_GO, ON_NODE, prepareTools, STANDALONE } from './tools.ts';

/**
 * Runs every tool on the same job, in turns, against a real server over TLS, by way of a link with a round trip time, or
 * over plain HTTP without one, and prints the medians side by side. Compare within one table only: absolute times say more about the machine.
 */

const { values: flags } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1,10,100,1000' },
    /** Round trips over TLS in ms; `plain`: plain HTTP, straight to the server. */
    latencies: { type: 'string', default: 'plain,0,5,20' },
    rounds: { type: 'string', default: '11' },
    /** Only tools with one of these in their name. */
    tools: { type: 'string', default: '' },
    out: { type: 'string', default: join(import.meta.dirname, '../../dist/bench') },
  },
});
const sizes = flags.sizes.split(',').map(Number);
const latencies = flags.latencies
  .split(',')
  .map((latency) => (latency === 'plain' ? undefined : Number(latency)));
const rounds = Number(flags.rounds);

/** The first turn warms the page cache, and shows which of the other tools cannot do this job. */
async function able(tools: readonly Tool[], server: TestServer, link: SlowLink): Promise<Tool[]> {
  const wanted = flags.tools.split(',');
  const able: Tool[] = [];
  for (const tool of tools.filter(({ name }) => wanted.some((part) => name.includes(part)))) {
    try {
      await measure(tool, server, link);
      able.push(tool);
    } catch (error) {
      if (tool.name === ON_NODE || tool.name === STANDALONE) throw error;
      console.log(`left out: ${error instanceof Error ? error.message.slice(-400) : tool.name}`);
    }
  }
  return able;
}

async function compare(job: Job, server: TestServer, link: SlowLink): Promise<Comparison['rows']> {
  const tools = await able(await prepareTools(job), server, link);
  const samples = new Map<string, Sample[]>(tools.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const tool of tools) samples.get(tool.name)?.push(await measure(tool, server, link));
  }
  return [...samples].map(([name, all]) => rowOf(name, all, samples.get(IN_GO)));
}

/** @param roundTripMs undefined: plain HTTP, straight to the server */
async function compareAt(roundTripMs: number | undefined): Promise<Comparison[]> {
  // A server of its own: audit log and tokens of thousands of runs would slow it down.
  const server = await startServer({ tls: roundTripMs !== undefined });
  const workspace = createWorkspace();
  const link =
    roundTripMs === undefined
      ? noLink(server.address)
      : await openSlowLink(Number(new URL(server.tlsAddress).port), roundTripMs);
  try {
    const credentials = await createJob(server);
    const names = await storeSecrets(server, Math.max(...sizes));
    const comparisons: Comparison[] = [];
    for (const secrets of sizes) {
      const caFile = roundTripMs === undefined ? '' : server.certificates.caFile;
      const { address } = link;
      const job = { ...credentials, address, caFile, workspace, paths: names.slice(0, secrets) };
      const comparison = { secrets, roundTripMs, rounds, rows: await compare(job, server, link) };
      comparisons.push(comparison);
      console.log(tableOf(comparison));
    }
    return comparisons;
  } finally {
    link.stop();
    workspace.remove();
    await server.stop();
  }
}

const machine = describeMachine((await findServer()).path);
console.log(
  Object.entries(machine)
    .map((entry) => entry.join(': '))
    .join('\n'),
);
const comparisons: Comparison[] = [];
for (const roundTripMs of latencies) comparisons.push(...(await compareAt(roundTripMs)));
const results: Results = { date: new Date().toISOString(), machine, comparisons };
mkdirSync(flags.out, { recursive: true });
writeFileSync(join(flags.out, 'results.json'), `${JSON.stringify(results, undefined, 1)}\n`);
writeFileSync(join(flags.out, 'results.svg'), plotOf(results));
writeFileSync(join(flags.out, 'results.md'), `${tablesOf(results)}\n`);
console.log(`\nresults.json, results.md and results.svg are in ${relative(process.cwd(), flags.out)}/`);

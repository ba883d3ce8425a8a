import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { alignColumns } from '../../../src/commands/table.ts';
import { needsPublishing, type MountResult } from '../../support/csi-driver.ts';
import type { RunningProvider } from '../../support/csi-provider.ts';
import { startCsiWorld, type CsiWorld } from '../../support/csi-world.ts';
import type { ApiPod } from '../../support/kubernetes-api.ts';
import { findServer } from '../../support/binary.ts';
import { describeMachine } from '../results.ts';
import { noLink, openSlowLink } from '../slow-link.ts';
import { findContestants, startContestant, type Contestant } from './csi-providers.ts';

/**
 * Mounts volumes by the CSI driver's own code: from each provider in turns, for a new pod and then once more for the same one, as at
 * a republish. Then many pods start at once. Compare within one table only.
 */

const { values: flags } = parseArgs({
  options: {
    /** Secrets of a volume. */
    sizes: { type: 'string', default: '1,10,50,100' },
    /** Round trips over TLS in ms; `plain`: plain HTTP, straight to the server. */
    latencies: { type: 'string', default: 'plain,20' },
    rounds: { type: 'string', default: '11' },
    /** How many pods start at once, with ten secrets each. */
    pods: { type: 'string', default: '200' },
    /** How many volumes a provider keeps, over plain HTTP and with ten secrets each, when its memory is looked at; 0: none. */
    kept: { type: 'string', default: '0' },
    /** Only providers with one of these in their name. */
    providers: { type: 'string', default: '' },
    out: { type: 'string', default: join(import.meta.dirname, '../../../dist/bench') },
  },
});
const sizes = flags.sizes.split(',').map(Number);
const latencies = flags.latencies
  .split(',')
  .map((latency) => (latency === 'plain' ? undefined : Number(latency)));
const rounds = Number(flags.rounds);
const SECRETS_OF_MANY = 10;
/** Mounts of kept volumes. */
const AT_ONCE = 16;
/** A runtime gives memory back only after a while. */
const IDLE_MS = 3_000;

interface Sample {
  readonly ms: number;
  readonly requests: number;
}

interface Row {
  readonly provider: string;
  readonly secrets: number;
  readonly first: Sample;
  readonly republish: Sample;
}

interface Herd {
  readonly provider: string;
  readonly startMs: number;
  readonly idleMib: number;
  readonly idlePrivateMib: number;
  /** Until the last of them had its files. */
  readonly allMs: number;
  readonly slowestMs: number;
  readonly failed: number;
  readonly requests: number;
  readonly afterMib: number;
}

interface Comparison {
  readonly roundTripMs: number | undefined;
  readonly rows: readonly Row[];
  readonly herds: readonly Herd[];
}

interface Started extends Contestant {
  readonly running: RunningProvider;
}

const median = (values: readonly number[]): number =>
  Math.round((values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN) * 10) / 10;

function parametersFor(secrets: number): Record<string, string> {
  const objects = Array.from({ length: secrets }, (_, index) => {
    const name = `s${String(index)}`;
    return `- { objectName: ${name}, secretPath: secret/data/bench/${name}, secretKey: password }`;
  });
  return { roleName: 'any-audience', audience: 'vault', objects: objects.join('\n') };
}

async function mountAll(world: CsiWorld, name: string, pod: ApiPod, secrets: number): Promise<MountResult> {
  const result = await world.mount(name, pod, parametersFor(secrets));
  if (!result.ok || result.files.length !== secrets)
    throw new Error(
      `${name} mounted ${String(result.files.length)} of ${String(secrets)}: ${result.message}`,
    );
  return result;
}

/** The time is that of the call to the provider: what the driver then writes is the same for all. */
async function sampleOf(world: CsiWorld, name: string, pod: ApiPod, secrets: number): Promise<Sample> {
  world.server.takeAudit();
  const { calls } = await mountAll(world, name, pod, secrets);
  return { ms: calls[0]?.ms ?? NaN, requests: world.server.takeAudit().length };
}

async function compareSize(world: CsiWorld, providers: readonly Started[], secrets: number): Promise<Row[]> {
  const samples = new Map<string, { readonly first: Sample; readonly republish: Sample }[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const { title, name } of providers) {
      const pod = world.startPod(`${name}-${String(secrets)}-${String(round)}`);
      const first = await sampleOf(world, name, pod, secrets);
      const republish = await sampleOf(world, name, pod, secrets);
      samples.set(title, [...(samples.get(title) ?? []), { first, republish }]);
    }
  }
  const middle = (all: readonly Sample[]): Sample => ({
    ms: median(all.map(({ ms }) => ms)),
    requests: median(all.map(({ requests }) => requests)),
  });
  return [...samples].map(([provider, all]) => ({
    provider,
    secrets,
    first: middle(all.map(({ first }) => first)),
    republish: middle(all.map(({ republish }) => republish)),
  }));
}

/** Of a provider that has just been started. */
async function manyAtOnce(world: CsiWorld, provider: Contestant, address: string): Promise<Herd> {
  const running = await startContestant(world, provider, address);
  try {
    await delay(IDLE_MS);
    const idle = running.memory();
    const pods = Array.from({ length: Number(flags.pods) }, (_, index) =>
      world.startPod(`${provider.name}-many-${String(index)}`),
    );
    const parameters = parametersFor(SECRETS_OF_MANY);
    world.server.takeAudit();
    const began = performance.now();
    const results = await Promise.all(pods.map((pod) => world.mount(provider.name, pod, parameters)));
    const allMs = performance.now() - began;
    const failures = results.filter(({ ok }) => !ok);
    if (failures[0] !== undefined) console.log(`${provider.title}: ${failures[0].message.slice(0, 300)}`);
    return {
      provider: provider.title,
      startMs: Math.round(running.startMs),
      idleMib: Math.round(idle.residentMib),
      idlePrivateMib: Math.round(idle.privateMib),
      allMs: Math.round(allMs),
      slowestMs: Math.round(Math.max(...results.map(({ durationMs }) => durationMs))),
      failed: failures.length,
      requests: world.server.takeAudit().length,
      afterMib: Math.round(running.memory().residentMib),
    };
  } finally {
    await running.stop();
  }
}

/** Of a provider that keeps many volumes, a few of which are asked for at the same time. */
async function manyKept(
  world: CsiWorld,
  provider: Contestant,
  address: string,
  kept: number,
): Promise<string> {
  const running = await startContestant(world, provider, address);
  try {
    await delay(IDLE_MS);
    const before = running.memory().residentMib;
    const pods = Array.from({ length: kept }, (_, index) =>
      world.startPod(`${provider.name}-kept-${String(index)}`),
    );
    const mountAllOnce = async (): Promise<number> => {
      const left = [...pods];
      world.server.takeAudit();
      const mountSome = async (): Promise<void> => {
        for (let pod = left.shift(); pod !== undefined; pod = left.shift())
          await mountAll(world, provider.name, pod, SECRETS_OF_MANY);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, mountSome));
      return world.server.takeAudit().length;
    };
    await mountAllOnce();
    const requests = await mountAllOnce();
    await delay(IDLE_MS);
    const { residentMib, privateMib } = running.memory();
    const each = ((residentMib - before) * 1024) / kept;
    return `${provider.title}: ${String(kept)} volumes take ${String(Math.round(residentMib))} MiB (${String(Math.round(privateMib))} private), ${String(Math.round(each))} KiB each above an idle one; a republish of one takes ${String(requests / kept)} requests`;
  } finally {
    await running.stop();
  }
}

/** Those that can do the least of it. */
async function startAll(
  world: CsiWorld,
  contestants: readonly Contestant[],
  address: string,
): Promise<Started[]> {
  const started: Started[] = [];
  for (const contestant of contestants) {
    try {
      const running = await startContestant(world, contestant, address);
      started.push({ ...contestant, running });
      await mountAll(world, contestant.name, world.startPod(`${contestant.name}-first`), 1);
    } catch (error) {
      console.log(
        `left out: ${contestant.title}: ${error instanceof Error ? error.message.slice(-400) : 'failed'}`,
      );
      await started.find(({ name }) => name === contestant.name)?.running.stop();
      const at = started.findIndex(({ name }) => name === contestant.name);
      if (at !== -1) started.splice(at, 1);
    }
  }
  return started;
}

/** @param roundTripMs undefined: plain HTTP, straight to the server */
async function compareAt(
  roundTripMs: number | undefined,
  contestants: readonly Contestant[],
): Promise<Comparison> {
  const world = await startCsiWorld({ tls: roundTripMs !== undefined });
  const { server } = world;
  const link =
    roundTripMs === undefined
      ? noLink(server.address)
      : await openSlowLink(Number(new URL(server.tlsAddress).port), roundTripMs);
  try {
    for (let index = 0; index < Math.max(...sizes, SECRETS_OF_MANY); index += 1)
      await world.putKv2(`bench/s${String(index)}`, { password: `value of ${String(index)}` });
    const started = await startAll(world, contestants, link.address);
    if (started.length === 0) throw new Error('there is no provider to measure');
    const rows: Row[] = [];
    for (const secrets of sizes) rows.push(...(await compareSize(world, started, secrets)));
    for (const { running } of started) await running.stop();
    const herds: Herd[] = [];
    for (const provider of started) herds.push(await manyAtOnce(world, provider, link.address));
    const kept = Number(flags.kept);
    if (kept > 0 && roundTripMs === undefined)
      for (const provider of started) console.log(await manyKept(world, provider, link.address, kept));
    return { roundTripMs, rows, herds };
  } finally {
    link.stop();
    await world.stop();
  }
}

function tablesOf({ roundTripMs, rows, herds }: Comparison): string {
  const way = roundTripMs === undefined ? 'plain HTTP' : `TLS, ${String(roundTripMs)} ms round trip`;
  const mounts = rows.map(({ provider, secrets, first, republish }) =>
    [provider, secrets, first.ms, first.requests, republish.ms, republish.requests].map(String),
  );
  const many = herds.map((herd) => Object.values(herd).map(String));
  return [
    `\nMounts, ${way}, median of ${String(rounds)}`,
    ...alignColumns(['', 'secrets', 'first ms', 'requests', 'republish ms', 'requests'], mounts),
    `\n${flags.pods} pods at once, ${String(SECRETS_OF_MANY)} secrets each, ${way}`,
    ...alignColumns(
      ['', 'start ms', 'idle MiB', 'private', 'all ms', 'slowest ms', 'failed', 'requests', 'MiB after'],
      many,
    ),
  ].join('\n');
}

const { skip } = await needsPublishing();
if (skip !== false) throw new Error(`the benchmark ${skip}`);
const machine = describeMachine((await findServer()).path);
console.log(
  Object.entries(machine)
    .map((entry) => entry.join(': '))
    .join('\n'),
);
const wanted = flags.providers.split(',');
const contestants = (await findContestants()).filter(({ title }) =>
  wanted.some((part) => title.includes(part)),
);
const comparisons: Comparison[] = [];
for (const roundTripMs of latencies) {
  const comparison = await compareAt(roundTripMs, contestants);
  comparisons.push(comparison);
  console.log(tablesOf(comparison));
}
mkdirSync(flags.out, { recursive: true });
const results = { date: new Date().toISOString(), machine, comparisons };
writeFileSync(join(flags.out, 'csi.json'), `${JSON.stringify(results, undefined, 1)}\n`);
console.log(`\ncsi.json is in ${relative(process.cwd(), flags.out)}/`);

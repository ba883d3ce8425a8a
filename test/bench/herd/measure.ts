import { cpus } from 'node:os';
import { findServer } from '../../support/binary.ts';
import { describeMachine } from '../results.ts';
import type { HerdClient, Variant } from './herd-clients.ts';
import type { Measurement } from './herd-results.ts';
import { openHerdSite, type HerdSite } from './herd-site.ts';
import { measureHerd, type MeasuredHerd } from './measure-herd.ts';
import { rehearse, type Rehearsal } from './rehearse.ts';
import { measureServiceTimes } from './service-times.ts';

export interface MeasureSettings {
  readonly clients: readonly HerdClient[];
  readonly runs: number;
  readonly atOnce: number;
  readonly secrets: number;
  readonly jitterMs: number;
  readonly quota: number;
}

/** Real runs against a real server, and what the model needs to know of both. */
export async function measureAll(settings: MeasureSettings): Promise<Measurement> {
  const machine = describeMachine((await findServer()).path);
  const site = await openHerdSite(settings.secrets);
  try {
    console.log('measuring the server, one kind of request after the other');
    const serviceMs = await measureServiceTimes(site);
    const rehearsals: Rehearsal[] = [];
    const herds: MeasuredHerd[] = [];
    for (const client of settings.clients) {
      for (const http2 of client.hasSettings ? [true, false] : [true]) {
        console.log(`rehearsing ${client.name}, HTTP/${http2 ? '2' : '1.1'}`);
        rehearsals.push(await rehearse(site, client, http2, serviceMs, settings.atOnce));
      }
      herds.push(...(await measureClient(site, client, settings)));
    }
    return { machine, cores: cpus().length, secrets: settings.secrets, serviceMs, rehearsals, herds };
  } finally {
    await site.stop();
  }
}

async function measureClient(
  site: HerdSite,
  client: HerdClient,
  settings: MeasureSettings,
): Promise<MeasuredHerd[]> {
  const { runs, atOnce } = settings;
  const herds: MeasuredHerd[] = [];
  for (const variant of variantsOf(client, settings)) {
    const herd = await measureHerd(site, client, variant, runs, atOnce);
    const lastS = ((herd.readyMs.at(-1) ?? NaN) / 1000).toFixed(1);
    console.log(`${String(runs)} runs of ${client.name} in ${lastS} s: ${JSON.stringify(variant)}`);
    herds.push(herd);
  }
  return herds;
}

function variantsOf({ hasSettings }: HerdClient, { jitterMs, quota }: MeasureSettings): readonly Variant[] {
  const plain = { http2: true, jitterMs: 0, quota: undefined };
  if (!hasSettings) return [plain, { ...plain, quota }];
  return [
    plain,
    { ...plain, jitterMs },
    { ...plain, quota },
    { ...plain, jitterMs, quota },
    { ...plain, http2: false },
  ];
}

import { AGENT, type Variant } from './herd-clients.ts';
import type { Measurement } from './herd-results.ts';
import type { MeasuredHerd } from './measure-herd.ts';
import type { ServiceTimes } from './sim-server.ts';
import { simulate, type Herd, type SimOutcome } from './simulate.ts';

/** The default of `timeout`, in milliseconds; a `startup_jitter` is added to it, which it includes. */
const TIMEOUT_MS = 60_000;

/** Between pods and server, in the forecasts. */
export const ROUND_TRIP_MS = 1;
export const SEED = 1;

export const ALONE: Omit<Herd, 'client' | 'cost' | 'secrets' | 'serviceMs'> = {
  pods: 1,
  arrivals: { kind: 'at once' },
  cores: 1,
  roundTripMs: 0,
  seed: 1,
};

export function simClientOf(name: string, { http2, jitterMs }: Omit<Variant, 'quota'>): Herd['client'] {
  if (name === AGENT) return { kind: 'agent' };
  return { kind: 'once', http2, jitterMs, timeoutMs: TIMEOUT_MS + jitterMs };
}

/** The first client measured that is ours: forecasts are about it. */
export function ownClientOf({ rehearsals }: Measurement): string | undefined {
  return rehearsals.find(({ client }) => client !== AGENT)?.client;
}

/** What a measurement says about a client. */
export function partsOf(
  { rehearsals, serviceMs, secrets }: Measurement,
  client: string,
  http2: boolean,
): Pick<Herd, 'cost' | 'serviceMs' | 'secrets'> {
  const rehearsal = rehearsals.find((one) => one.client === client && one.http2 === http2);
  if (rehearsal === undefined) throw new Error(`there was no rehearsal of ${client}`);
  return { cost: rehearsal.cost, serviceMs: times(serviceMs, rehearsal.serverFactor), secrets };
}

function times(serviceMs: ServiceTimes, factor: number): ServiceTimes {
  const scaled = Object.entries(serviceMs).map(([name, ms]) => [name, ms * factor] as const);
  return Object.fromEntries(scaled) as Record<keyof ServiceTimes, number>;
}

/** The same herd in the model: clients and server share the cores of the machine, as far as others left them. */
export function replay(measurement: Measurement, herd: MeasuredHerd): SimOutcome {
  return simulate({
    ...partsOf(measurement, herd.client, herd.http2),
    pods: herd.runs,
    arrivals: { kind: 'lanes', atOnce: herd.atOnce },
    client: simClientOf(herd.client, herd),
    cores: measurement.cores,
    speed: herd.speed,
    sharesCores: true,
    roundTripMs: 0,
    quota: herd.quota,
    seed: 1,
  });
}

import type { Advice } from './advice.ts';
import type { Forecast } from './forecasts.ts';
import type { MeasuredHerd } from './measure-herd.ts';
import type { Rehearsal } from './rehearse.ts';
import type { ServiceTimes } from './sim-server.ts';

/** Everything that a simulation needs from a real server and real runs. */
export interface Measurement {
  readonly machine: Readonly<Record<string, string>>;
  readonly cores: number;
  readonly secrets: number;
  readonly serviceMs: ServiceTimes;
  readonly rehearsals: readonly Rehearsal[];
  readonly herds: readonly MeasuredHerd[];
}

export interface HerdResults extends Measurement {
  readonly date: string;
  readonly forecasts: readonly Forecast[];
  readonly advice: readonly Advice[];
}

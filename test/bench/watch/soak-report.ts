import { alignColumns } from '../../../src/commands/table.ts';
import { parseDuration } from '../../../src/base/duration.ts';
import { standaloneBinary } from '../../../.config/targets.ts';
import { join } from 'node:path';
import { soak, type SoakOutcome, type SoakSample } from './soak.ts';

type Counted = Exclude<keyof SoakSample, 'atS'>;

/** How much more the last quarter may have than the second one, in the median. */
const TOLERANCE: Readonly<Record<Counted, (before: number) => number>> = {
  // Noise of collections, and of pages of the program that are needed now and then.
  rssMb: (before) => 0.1 * before + 4,
  anonymousMb: (before) => 0.1 * before + 4,
  // A connection that is just being made, and one that is just being given up.
  descriptors: () => 2,
  threads: () => 1,
  tokens: () => 1,
  leases: () => 1,
  files: () => 0,
  children: () => 0,
};

export interface Growth {
  readonly what: Counted;
  readonly before: number;
  readonly after: number;
  readonly isGrowth: boolean;
}

/** The second quarter against the last one. */
export function growthOf(samples: readonly SoakSample[]): readonly Growth[] {
  const quarter = (index: number): readonly SoakSample[] =>
    samples.slice(Math.floor((index * samples.length) / 4), Math.floor(((index + 1) * samples.length) / 4));
  return (Object.keys(TOLERANCE) as Counted[]).map((what) => {
    const [before, after] = [typicalOf(quarter(1), what), typicalOf(quarter(3), what)];
    return { what, before, after, isGrowth: !(after <= before + TOLERANCE[what](before)) };
  });
}

/** The median; of files the most, because there are two sets of them in turns. */
function typicalOf(samples: readonly SoakSample[], what: Counted): number {
  const values = samples.map((sample) => sample[what]).sort((a, b) => a - b);
  return values[what === 'files' ? values.length - 1 : Math.floor(values.length / 2)] ?? NaN;
}

/** What is wrong with it, whatever it takes of memory. */
export function faultsOf({ samples, strange, exitCode, tokensLeft, leasesLeft }: SoakOutcome): string[] {
  const grown = growthOf(samples)
    .filter(({ what, isGrowth }) => isGrowth && !what.endsWith('Mb'))
    .map(({ what, before, after }) => `${what} grew from ${String(before)} to ${String(after)}`);
  return [
    ...grown,
    ...strange.map((line) => `stderr: ${line}`),
    ...(exitCode === 0 ? [] : [`exit code ${String(exitCode)}`]),
    ...(tokensLeft === 0 ? [] : [`${String(tokensLeft)} tokens are left`]),
    ...(leasesLeft === 0 ? [] : [`${String(leasesLeft)} leases are left`]),
  ];
}

const STARTS: Readonly<Record<string, readonly string[]>> = {
  node: [process.execPath, join(import.meta.dirname, '../../../bin/vaultonce.mjs')],
  standalone: [standaloneBinary()],
};

/** @returns whether nothing grew */
export async function soakAll(duration: string, names: readonly string[]): Promise<boolean> {
  const seconds = (parseDuration(duration) ?? NaN) / 1000;
  if (Number.isNaN(seconds)) throw new Error('--soak: a duration such as 10m');
  let isClean = true;
  for (const name of names) {
    const start = STARTS[name];
    if (start === undefined) throw new Error(`--clients: of ${Object.keys(STARTS).join(', ')}`);
    console.log(`\n${name}, ${duration}`);
    const outcome = await soak({ start, seconds });
    isClean = print(outcome) && isClean;
  }
  return isClean;
}

function print(outcome: SoakOutcome): boolean {
  const growth = growthOf(outcome.samples);
  const rows = growth.map(({ what, before, after, isGrowth }) => [
    what,
    before.toFixed(what.endsWith('Mb') ? 1 : 0),
    after.toFixed(what.endsWith('Mb') ? 1 : 0),
    isGrowth ? 'grows' : '',
  ]);
  console.log(alignColumns(['', 'second quarter', 'last quarter', ''], rows).join('\n'));
  console.log(JSON.stringify(Object.fromEntries(outcome.events)));
  console.log(JSON.stringify(Object.fromEntries(outcome.metrics)));
  const faults = faultsOf(outcome);
  for (const fault of faults.slice(0, 20)) console.log(fault);
  return faults.length === 0 && growth.every(({ isGrowth }) => !isGrowth);
}

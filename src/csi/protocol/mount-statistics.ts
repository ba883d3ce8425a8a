/** Upper bounds in seconds: a mount takes milliseconds, and two minutes at most. */
const BOUNDS_S = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] as const;

/** How long things took: as Prometheus counts it, in cumulative buckets. */
export interface Durations {
  /** By their upper bound in seconds; each has those of the smaller ones in it. */
  readonly buckets: readonly (readonly [boundS: number, count: number])[];
  readonly sumS: number;
  readonly count: number;
}

/** What has become of the mounts that were asked for. */
export interface MountStatistics {
  /** By their outcome: `ok`, or the kind of the failure. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly underWay: number;
  readonly durations: Durations;
  begin(): void;
  /** @param seconds from its beginning */
  end(outcome: string, seconds: number): void;
}

export function createMountStatistics(): MountStatistics {
  const outcomes = new Map([['ok', 0]]);
  const counts = BOUNDS_S.map(() => 0);
  let [underWay, sumS, count] = [0, 0, 0];
  return {
    outcomes,
    get underWay() {
      return underWay;
    },
    get durations() {
      let below = 0;
      const buckets = BOUNDS_S.map((bound, index) => [bound, (below += counts[index] ?? 0)] as const);
      return { buckets, sumS, count };
    },
    begin() {
      underWay += 1;
    },
    end(outcome, seconds) {
      underWay -= 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      sumS += seconds;
      count += 1;
      const index = BOUNDS_S.findIndex((bound) => seconds <= bound);
      if (index >= 0) counts[index] = (counts[index] ?? 0) + 1;
    },
  };
}

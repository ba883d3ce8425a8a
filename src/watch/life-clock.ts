/**
 * The time by which lives end, in seconds since 1970. It goes on while the machine sleeps, which a monotonic clock may not,
 * and never goes back, as that of the system does when it is set: of two looks at both, the longer way counts.
 */
export interface LifeClock {
  now(): number;
  /** How far the clock of the system has moved away from a monotonic one since the last call, in seconds. */
  takeJump(): number;
}

/**
 * @param monotonicMs since whenever
 * @param wallMs since 1970
 */
export function createLifeClock(monotonicMs: () => number, wallMs: () => number): LifeClock {
  let monotonic = monotonicMs();
  let wall = wallMs();
  let nowS = wall / 1000;
  let jumpedS = 0;
  const look = (): void => {
    const [nextMonotonic, nextWall] = [monotonicMs(), wallMs()];
    const passed = [nextMonotonic - monotonic, nextWall - wall] as const;
    nowS += Math.max(0, ...passed) / 1000;
    jumpedS += (passed[1] - passed[0]) / 1000;
    monotonic = nextMonotonic;
    wall = nextWall;
  };
  return {
    now() {
      look();
      return nowS;
    },
    takeJump() {
      look();
      const jump = jumpedS;
      jumpedS = 0;
      return jump;
    },
  };
}

/** For the log: to a tenth of a second. Undefined: never. */
export function secondsUntil(dueAtS: number, nowS: number): number | undefined {
  return dueAtS === Infinity ? undefined : Math.max(0, Math.round((dueAtS - nowS) * 10) / 10);
}

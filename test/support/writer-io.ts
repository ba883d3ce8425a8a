import { createLifetime } from '../../src/host/lifetime.ts';

/** What the writer needs of the outside. */
export function createWriterIo(random: () => number = Math.random) {
  const now = (): number => performance.now();
  return { now, pid: process.pid, random, lifetime: createLifetime(now) };
}

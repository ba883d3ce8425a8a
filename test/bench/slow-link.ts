import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Counts } from './proxy.ts';

/** A connection to the server that takes its time, and knows how often it was made. */
export interface SlowLink {
  readonly address: string;
  /** What has happened since the last call. */
  takeCounts(): Promise<Counts>;
  stop(): void;
}

export async function openSlowLink(targetPort: number, roundTripMs: number): Promise<SlowLink> {
  const child = fork(join(import.meta.dirname, 'proxy.ts'), [String(targetPort), String(roundTripMs)]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    address: `https://127.0.0.1:${String(port)}`,
    async takeCounts() {
      const answer = once(child, 'message');
      child.send('counts');
      const [counts] = (await answer) as [Counts];
      return counts;
    },
    stop() {
      child.disconnect();
    },
  };
}

/** Straight to the server: nobody counts the connections. */
export function noLink(address: string): SlowLink {
  return {
    address,
    takeCounts: () => Promise.resolve({ connections: NaN, resumptions: NaN }),
    stop: () => undefined,
  };
}

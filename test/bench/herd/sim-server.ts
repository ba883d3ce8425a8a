import type { Cores } from './cores.ts';
import { sleep, type Start, type VirtualTime } from './virtual-time.ts';

/** `mounts`: the table of all mounts; `mount`: the one that serves a path. */
export type Operation = 'login' | 'mounts' | 'mount' | 'read' | 'renew' | 'revoke';

/** CPU milliseconds of the server. */
export interface ServiceTimes extends Readonly<Record<Operation, number>> {
  /** A TLS connection. */
  readonly handshake: number;
  /** A 429. */
  readonly rejected: number;
}

export interface SimServerSettings {
  readonly serviceMs: ServiceTimes;
  readonly roundTripMs: number;
  readonly cores: Cores;
  readonly letsThrough: (address: number) => boolean;
}

/** The server as its clients see it. */
export interface SimServer {
  connect(): Start<void>;
  request(operation: Operation, address: number): Start<200 | 429>;
  /** Requests answered, those of the quota aside. */
  served(): number;
  rejected(): number;
  /** How long each of them took, in the order of their ends. */
  readonly answerMs: readonly number[];
}

/** TCP takes one round trip, TLS 1.3 another. */
const ROUND_TRIPS_OF_CONNECTION = 2;

export function createSimServer(time: VirtualTime, settings: SimServerSettings): SimServer {
  const { serviceMs, roundTripMs, cores, letsThrough } = settings;
  const answerMs: number[] = [];
  let served = 0;
  let rejected = 0;
  return {
    connect: () => (resume) => {
      sleep(
        time,
        roundTripMs * ROUND_TRIPS_OF_CONNECTION,
      )(() => {
        cores.work(serviceMs.handshake)(resume);
      });
    },
    request: (operation, address) => (resume) => {
      const startMs = time.now();
      sleep(
        time,
        roundTripMs,
      )(() => {
        const isServed = letsThrough(address);
        cores.work(isServed ? serviceMs[operation] : serviceMs.rejected)(() => {
          answerMs.push(time.now() - startMs);
          if (isServed) served += 1;
          else rejected += 1;
          resume(isServed ? 200 : 429);
        });
      });
    },
    served: () => served,
    rejected: () => rejected,
    answerMs,
  };
}

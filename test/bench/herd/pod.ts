import type { Process, Start, VirtualTime } from './virtual-time.ts';
import type { SimServer } from './sim-server.ts';

/** What one run of a client needs of its own machine. */
export interface ClientCost {
  /** CPU milliseconds. */
  readonly cpuMs: number;
  /** Milliseconds in which neither it nor the server works: its own pauses. */
  readonly idleMs: number;
}

/** What a pod has around it. */
export interface PodContext {
  readonly time: VirtualTime;
  readonly server: SimServer;
  /** In [0, 1). */
  readonly random: () => number;
  /** The client address that the server's quota counts it under. */
  readonly address: number;
  readonly secrets: number;
  readonly cost: ClientCost;
  /** Takes CPU time of the pod's own machine. */
  readonly compute: (cpuMs: number) => Start<void>;
}

/** One run of the client in a pod. @returns whether it has all secrets */
export type PodRun = (pod: PodContext) => Process<boolean>;

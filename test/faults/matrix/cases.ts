import { FAULTS, SOCKET_FAULTS, type Fault } from './faults.ts';
import { EVERYWHERE, STAGES, type Stage } from './stages.ts';
import type { Dialect, Transport } from './double.ts';
import { WRONG_CERTIFICATES, type WrongCertificate } from './wrong-certificates.ts';
import type { Socket } from 'node:net';

/** One run: a fault, where it strikes, how often, and over what. */
export interface Case {
  readonly name: string;
  readonly stage: Stage;
  readonly transport: Transport;
  /** The first time only, or each time. */
  readonly always: boolean;
  readonly fault: Fault | undefined;
  readonly onSocket: ((socket: Socket) => void) | undefined;
  readonly certificate?: WrongCertificate;
  readonly logFormat: 'json' | 'text';
  /** Whose words the server has. */
  readonly dialect: Dialect;
}

const TRANSPORTS: readonly Transport[] = ['http', 'https', 'h2'];

type Named = Omit<Case, 'logFormat' | 'dialect'>;

/** What goes wrong with a connection before there is a request. */
function beforeRequests(transport: Transport): readonly Named[] {
  const common = { stage: EVERYWHERE, transport, always: true, fault: undefined };
  const certificates = transport === 'http' ? [] : WRONG_CERTIFICATES;
  return [
    ...Object.entries(SOCKET_FAULTS).map(([what, onSocket]) => ({
      ...common,
      name: `${transport}, ${what}`,
      onSocket,
    })),
    ...certificates.map((certificate) => ({
      ...common,
      name: `${transport}, a certificate ${certificate}`,
      onSocket: undefined,
      certificate,
    })),
  ];
}

/** Every case there is, in an order of its own. */
export function allCases(): readonly Case[] {
  const cases: Named[] = [];
  for (const transport of TRANSPORTS) {
    cases.push(...beforeRequests(transport));
    for (const stage of STAGES) {
      for (const fault of FAULTS) {
        if (fault.transports?.includes(transport) === false) continue;
        // The API of a cluster speaks TLS only.
        if (stage.scenario.cluster && transport === 'http') continue;
        for (const always of [false, true])
          cases.push({
            name: `${transport}, ${stage.name}, ${always ? 'each time' : 'once'}: ${fault.name}`,
            stage,
            transport,
            always,
            fault,
            onSocket: undefined,
          });
      }
    }
  }
  return cases.map((one, at) => ({
    ...one,
    logFormat: at % 3 === 0 ? 'text' : 'json',
    dialect: at % 2 === 0 ? 'openbao' : 'vault',
  }));
}

/** The same for the same seed: what failed on another machine can be run again here. */
export function sampleOf<T>(all: readonly T[], count: number, seed: number): readonly T[] {
  const random = mulberry32(seed);
  const left = [...all];
  const sample: T[] = [];
  while (sample.length < count && left.length > 0) {
    const [taken] = left.splice(Math.floor(random() * left.length), 1);
    if (taken !== undefined) sample.push(taken);
  }
  return sample;
}

/** A generator of 32 bits of state: good enough to choose cases, and the same everywhere. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

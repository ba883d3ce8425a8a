import { parseDuration } from '../base/duration.ts';
import { RunError } from '../base/errors.ts';
import { loadDefaults } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import { warmUp } from '../http/open.ts';
import { createLifeClock } from '../watch/life-clock.ts';
import { clusterOf } from './cluster.ts';
import { endpointOf } from './protocol/socket-endpoint.ts';
import { reachesServer } from './reaches-server.ts';
import { serveCsi } from './serve.ts';
import { createSharedWires } from './shared-wires.ts';
import { createVersionKey } from './version-key.ts';
import { createVolumes } from './volumes.ts';

export interface CsiOptions {
  readonly endpoint: readonly string[];
  readonly health?: string;
  /** Name of the Secret with the key of versions. */
  readonly hmacSecret: string;
  /** In bytes, as it is written. */
  readonly maxCallRecvMsgSize: string;
  /** A duration. */
  readonly keep: string;
  /** Directory of the provider's own. */
  readonly serviceAccount?: string;
}

/** What gRPC can take, in Go: its limit is an int32 where it counts. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * Serves the Secrets Store CSI driver until it is told to end.
 * @throws RunError `usage` for a bad flag, `config` where it cannot serve
 */
export async function csi(options: CsiOptions, flags: Flags, io: Io): Promise<void> {
  const { scope } = io;
  const largestAnswerBytes = bytesOf(options.maxCallRecvMsgSize);
  const endpoints = endpointsOf(options.endpoint, io.cwd);
  const keepMs = parseDuration(options.keep);
  if (keepMs === undefined) throw notValid('--keep', 'a duration, such as 1h');
  const [defaults] = await Promise.all([loadDefaults(flags, io), warmUp()]);
  const cluster = clusterOf(io.env, options.serviceAccount);
  const wires = createSharedWires();
  const volumes = createVolumes({
    defaults,
    cluster,
    versionKey: createVersionKey(cluster, options.hmacSecret, scope),
    wires,
    clock: createLifeClock(() => scope.now(), Date.now),
    keepS: keepMs / 1000,
    scope,
  });
  const isServerReachable = await reachesServer(defaults, wires, scope);
  const { health } = options;
  await serveCsi({ endpoints, health, largestAnswerBytes, volumes, isServerReachable }, io);
}

function bytesOf(text: string): number {
  const bytes = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (bytes > 0 && bytes <= MOST_BYTES) return bytes;
  throw notValid('--max-call-recv-msg-size', 'a number of bytes');
}

/** @throws RunError `config`; `usage` for one that is named twice */
function endpointsOf(texts: readonly string[], cwd: string): readonly string[] {
  const endpoints = texts.map((text) => endpointOf(text, cwd));
  if (new Set(endpoints).size === endpoints.length) return endpoints;
  throw new RunError('usage', '--endpoint names a socket twice', { hint: 'name each once' });
}

function notValid(flag: string, expected: string): RunError {
  return new RunError('usage', `${flag} is not valid: it must be ${expected}`, {
    hint: 'see `vaultonce csi --help`',
  });
}

import { RunError } from '../base/errors.ts';
import { onEndSignals } from '../host/end-signals.ts';
import type { Io } from '../host/io.ts';
import { surviveStrayErrors } from '../host/stray-errors.ts';
import { openHealth } from '../watch/health/health-server.ts';
import { isSocket } from '../watch/health/socket-file.ts';
import type { Volumes } from './mount.ts';
import { providerAnswers } from './protocol/ask-provider.ts';
import { csiPages } from './protocol/csi-pages.ts';
import { createMountStatistics, type MountStatistics } from './protocol/mount-statistics.ts';
import { serveProvider, type Provider } from './protocol/provider-server.ts';

export interface CsiServing {
  /** Absolute, as `endpointOf` has them. */
  readonly endpoints: readonly string[];
  /** Where health is served; undefined: nowhere. */
  readonly health: string | undefined;
  /** What the driver takes, in bytes. */
  readonly largestAnswerBytes: number;
  readonly volumes: Volumes;
  /** That of classes which name none; undefined: they all do. */
  readonly isServerReachable: (() => Promise<boolean>) | undefined;
}

/** A pod has 30 s after SIGTERM: what the driver has asked for may take so long, */
const CALLS_MS = 10_000;
/** and giving back tokens, after it, so long. */
const GIVE_BACK_MS = 10_000;

/**
 * Serves the driver until SIGTERM or SIGINT; a second one ends it at once.
 * @throws RunError `config` for an address that cannot be listened at; what ends the volumes
 */
export async function serveCsi(serving: CsiServing, io: Io): Promise<void> {
  const { endpoints, volumes, largestAnswerBytes } = serving;
  const { scope } = io;
  const stopped = stopOnSignals(io);
  const survival = surviveStrayErrors(() => scope.log);
  const statistics = createMountStatistics();
  const providers: Provider[] = [];
  let health: AsyncDisposable | undefined;
  try {
    // First, so that what is wrong with its address does not cost another process its socket.
    health = await healthOf(
      serving,
      statistics,
      { isServing: () => providers.length === endpoints.length, stopped },
      io,
    );
    const mount: Volumes['mount'] = (request, part) => volumes.mount(request, part);
    for (const endpoint of endpoints) {
      providers.push(await serveProvider({ endpoint, mount, scope, largestAnswerBytes, statistics }));
      scope.log.write({ event: 'csi_serving', endpoint });
    }
    await Promise.race([stopped.promise, volumes.watchOver()]);
  } finally {
    await Promise.all(providers.map((provider) => provider.close(CALLS_MS)));
    using last = scope.child({ timeoutMs: GIVE_BACK_MS });
    await volumes.close(last);
    await health?.[Symbol.asyncDispose]();
    survival[Symbol.dispose]();
  }
}

interface Stop {
  readonly isAsked: boolean;
  readonly promise: Promise<undefined>;
}

/** That it is to end is no failure. */
function stopOnSignals({ scope }: Io): Stop {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = { isAsked: false, promise };
  onEndSignals(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'], (kind, signal) => {
    if (stop.isAsked) scope.end(new RunError(kind, `stopped by ${signal}`));
    stop.isAsked = true;
    resolve(undefined);
  });
  return stop;
}

async function healthOf(
  { endpoints, health, volumes, isServerReachable }: CsiServing,
  statistics: MountStatistics,
  { isServing, stopped }: { readonly isServing: () => boolean; readonly stopped: Stop },
  { scope }: Io,
): Promise<AsyncDisposable | undefined> {
  if (health === undefined) return undefined;
  const startedAtS = Date.now() / 1000;
  const pages = csiPages({
    status: () => ({ startedAtS, mounts: statistics, volumes: volumes.counts }),
    hasSocket: () => !isServing() || endpoints.every(isSocket),
    answers: async () => !(await Promise.all(endpoints.map(providerAnswers))).includes(false),
    isServerReachable,
    isStopping: () => stopped.isAsked,
    now: () => scope.now(),
  });
  return openHealth(health, pages, '--health', scope);
}

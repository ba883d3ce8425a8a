import { RunError, throwIfAny } from '../base/errors.ts';
import type { Config, DeclaredVariable } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import type { Io } from '../host/io.ts';
import type { PlanScope } from '../plan/plan.ts';
import { perform } from '../run/perform.ts';
import type { Application } from './application.ts';
import { firstRun } from './first-run.ts';
import { nobodySees, problemsOf, singleUseOf } from './foresight.ts';
import { formerOutputs } from './former-outputs.ts';
import { openHealth, probe } from './health/health-server.ts';
import type { HealthStatus } from './health/health-status.ts';
import { watchPages } from './health/watch-pages.ts';
import { createLifeClock } from './life-clock.ts';
import { statusOf } from './status.ts';
import { stay, type Live, type Started } from './stay.ts';
import { openServiceManager } from './service-manager.ts';
import { createReloadSignal } from './reload-signal.ts';
import { createTokenKeeper } from './token-keeper.ts';

export { foresee, problemsOf } from './foresight.ts';

export interface WatchJob {
  /** Undefined: files only. */
  readonly application: Application | undefined;
  readonly values: (config: Config) => readonly DeclaredVariable[];
}

/**
 * Does what `render` does, then keeps every secret good until the process is told to end, or the command ends.
 * @throws RunError of the first run, with its exit code; `unavailable` where `max_stale` says so; the exit code of the command
 */
export async function watch({ application, values }: WatchJob, flags: Flags, io: Io): Promise<void> {
  const reloads = createReloadSignal();
  const clock = createLifeClock(() => io.scope.now(), Date.now);
  const scopeOf = (config: Config): PlanScope => ({
    secrets: 'all',
    outputs: config.outputs,
    values: application === undefined ? [] : values(config),
    isWatched: true,
  });
  const startedAtS = Date.now() / 1000;
  const live: Live = {};
  const status = (): HealthStatus => statusOf({ startedAtS, clock, ...live });
  let health: AsyncDisposable | undefined;
  let started: Started | undefined;
  try {
    await perform(
      flags,
      {
        printsValues: false,
        declares: '`outputs:` in the config, or `environment:` and a command',
        scope: scopeOf,
        run: async (config, plan, scope, stopwatch) => {
          const hasCommand = application !== undefined;
          throwIfAny([
            ...problemsOf(config, { env: io.env, cwd: io.cwd, hasCommand }),
            ...nobodySees(plan, config, hasCommand),
          ]);
          for (const warning of await singleUseOf(config))
            io.scope.log.write({ event: 'watch_warning', ...warning });
          const { health: address, where } = config.watch;
          if (address !== undefined)
            health = await openHealth(address, watchPages(status), `${where}.health.address`, io.scope);
          const keeper = createTokenKeeper({ config, clock, random: () => io.scope.random() });
          const former = formerOutputs(plan);
          const first = await firstRun(config, plan, keeper, scope, stopwatch);
          started = { present: { config, plan, keeper }, first, former };
          return first.outcome;
        },
        deliver: () => undefined,
      },
      io,
    );
    if (started === undefined) return;
    const manager = application?.notifies === true ? undefined : openServiceManager(io, status);
    const context = { flags, io, clock, scopeOf, manager, hasCommand: application !== undefined, reloads };
    await stay(started, context, application, live);
  } finally {
    await health?.[Symbol.asyncDispose]();
  }
}

/** @throws RunError `unavailable` if not everything was written once */
export async function probeReady(flags: Flags, io: Io): Promise<void> {
  const { watch: settings } = await loadConfig(flags, io);
  const where = `${settings.where}.health.address`;
  if (settings.health === undefined) {
    throw new RunError('config', 'there is nobody to ask: the config does not say where health is served', {
      where,
      hint: 'declare `watch: { health: { address: 127.0.0.1:9102 } }`',
    });
  }
  if (await probe(settings.health, '/readyz', where, io.scope)) return;
  throw new RunError('unavailable', 'not ready: not everything was written yet', { where });
}

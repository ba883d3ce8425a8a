import { isStop, RunError } from '../base/errors.ts';
import { onEndSignals } from '../host/end-signals.ts';
import type { Io } from '../host/io.ts';
import type { Scope } from '../host/scope.ts';
import { credentialVariables } from '../session/prepare.ts';
import { createAlarm } from './alarm.ts';
import type { Application, Start } from './application.ts';
import { createChild, forwardSignals, type Child } from './child.ts';
import { createCommandVariables } from './command-variables.ts';
import type { FirstRun } from './first-run.ts';
import { replacedOutputs } from './former-outputs.ts';
import { createTeller, type Teller } from './on-change/teller.ts';
import { tendOrphans } from './orphans.ts';
import type { Context, Present } from './reload.ts';
import { openSite } from './site.ts';
import { createWatcher, type Audience, type Watcher } from './watcher.ts';

/** What the first run leaves to be kept good. */
export interface Started {
  readonly present: Omit<Present, 'site'>;
  readonly first: FirstRun;
  /** Paths that were there before it. */
  readonly former: ReadonlySet<string>;
}

/** What is at work, for who asks how it is. */
export interface Live {
  watcher?: Watcher;
  teller?: Teller;
  child?: Child | undefined;
}

/**
 * Keeps everything good until the process is told to end, or the command ends; then the command is ended first, and the token and
 * its leases after it.
 * @param live is filled in
 * @throws RunError `unavailable` where `max_stale` says so; without failures, the exit code of the command
 */
export async function stay(
  started: Started,
  context: Context,
  application: Application | undefined,
  live: Live,
): Promise<void> {
  const { io, manager, reloads } = context;
  endOnSignals(io);
  // Its clock does not hold up the exit.
  tendOrphans(io.scope);
  const { watcher, teller, child, start } = await assembled(started, context, application);
  Object.assign(live, { watcher, teller, child });
  if (child !== undefined) forwardSignals(child, true);
  reloads.hear(() => {
    manager?.reloading();
    void watcher.reloadSoon().then(() => manager?.ready());
  });
  const end = async (): Promise<number> => {
    manager?.stopping();
    await teller.close();
    const status = await child?.stop();
    await watcher.close();
    await manager?.close();
    return status ?? 0;
  };
  try {
    if (child !== undefined) await runChild(child, start, io.scope);
    manager?.ready();
    await watcher.watchOver();
  } catch (error) {
    const status = await end();
    if (!isToldToEnd(error)) throw error;
    // It is ours, and there is no failure to report.
    if (status !== 0) throw new RunError([], status);
  }
}

interface Assembled extends Required<Live> {
  /** What the command is started with. */
  readonly start: Start;
}

async function assembled(
  { present, first, former }: Started,
  context: Context,
  application: Application | undefined,
): Promise<Assembled> {
  const { io, clock } = context;
  const { scope: whole } = io;
  const { watch: settings } = present.config;
  const site = await openSite({ ...present, first, clock }, whole);
  const { stopMs, settleMs } = settings;
  const child = application && createChild(application.program, { stopMs, settleMs, scope: whole });
  const variables = await createCommandVariables(application, site.display.variables, whole.log);
  const { start } = variables;
  const teller = createTeller({
    settings,
    child,
    envOf: () => variables.start.env,
    masksOf: () => variables.start.masks,
    credentials: await credentialVariables(present.config),
    cwd: io.cwd,
    scope: whole,
    random: () => whole.random(),
  });
  const audience: Audience = {
    async tell(news, { site: { display } }) {
      const areTaken = !news.areVariablesChanged || (await variables.take(display.variables));
      await teller.tell(areTaken ? news : { ...news, areVariablesChanged: false });
      // Until then the command runs on with the variables that it has.
      if (!areTaken) await variables.taken;
      await child?.restarted;
    },
    redeclare({ config, plan }) {
      teller.redeclare({ settings: config.watch, outputs: plan.outputs });
    },
  };
  // Another process kept them before this one, and somebody may have read them. A command starts with what there is now.
  const outputs = child === undefined ? replacedOutputs(former, first.outcome, present.plan) : [];
  if (outputs.length > 0) void teller.tell({ outputs, areVariablesChanged: false });
  const watcher = createWatcher({ ...present, site }, context, createAlarm(clock, whole), audience);
  return { watcher, teller, child, start };
}

/** Its end is the end of this process. */
async function runChild(child: Child, { env, masks }: Start, scope: Scope): Promise<void> {
  await child.start(env, masks);
  child.ended.then(
    () => {
      scope.end(new RunError('terminated', 'the command has ended'));
    },
    (error: unknown) => {
      scope.end(
        error instanceof RunError ? error : new RunError('internal', 'the command cannot be followed'),
      );
    },
  );
}

/** The signals that end this process end it in good order, and that is no failure. */
function endOnSignals({ scope }: Io): void {
  onEndSignals(['SIGINT', 'SIGTERM', 'SIGQUIT'], (kind, signal) => {
    scope.end(new RunError(kind, `stopped by ${signal}`));
  });
}

function isToldToEnd(error: unknown): boolean {
  return error instanceof RunError && error.failures.some(({ kind }) => isStop(kind));
}

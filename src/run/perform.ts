import { RunError } from '../base/errors.ts';
import type { Secrets } from '../base/secret-data.ts';
import type { Config } from '../config/config.ts';
import type { ConfigFile } from '../config/config-definition.ts';
import { loadConfig, type LoadOptions } from '../config/load.ts';
import type { Merged } from '../config/merge.ts';
import { overrideOf, placeOfSetting, type Flags } from '../config/settings.ts';
import { readFixtures } from '../fetch/fixtures.ts';
import { withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import { lowMemoryLimit, peakMemory } from '../host/memory.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import { warmUp } from '../http/open.ts';
import type { Wire } from '../http/wire.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { PlacedOutput } from '../plan/outputs.ts';
import { planConfig } from '../plan/plan-config.ts';
import type { Plan, PlanScope } from '../plan/plan.ts';
import type { Change } from '../publish/destination.ts';
import { readInputs } from '../render/format-inputs.ts';
import type { RenderedVariable } from '../render/render-variables.ts';
import {
  changesOf,
  createStopwatch,
  NOTHING_DONE,
  withRemains,
  type Outcome,
  type Stopwatch,
} from '../report/outcome.ts';
import { modeText, openReport, reportText, type ReportTarget } from '../report/report.ts';
import { writeTerminationMessage } from '../report/termination-message.ts';
import { connectAhead } from './connect-ahead.ts';
import { runWithFixtures } from './run-offline.ts';
import { run } from './run.ts';

/** The differences between commands that log in and fetch. */
export interface Job<T> {
  /** Whether the values go to stdout, which a report must not share. */
  readonly printsValues: boolean;
  /** No config is needed: references are enough. */
  readonly configOptional?: boolean;
  /** Outputs in addition to those of the config: `PATH=REF` each. */
  readonly outputs?: readonly string[] | undefined;
  /** What `deliver` writes. */
  readonly file?: PlacedOutput | undefined;
  /** What to declare where there is nothing to do; undefined: the arguments say it. */
  readonly declares?: string;
  /** A file with secrets that replaces the server. */
  readonly fixtures?: string | undefined;
  readonly scope: (config: Config) => PlanScope;
  /** In place of a one-shot run. */
  readonly run?: (config: Config, plan: Plan, scope: Scope, stopwatch: Stopwatch) => Promise<Outcome>;
  /** Uses the values while a failure still counts as one of the run. */
  readonly deliver: (
    values: readonly RenderedVariable[],
    note: (change: Change) => void,
    scope: Scope,
  ) => T | Promise<T>;
}

/**
 * Runs a command that logs in: config, plan, run, delivery, and a report of how it went.
 * @throws RunError
 */
export async function perform<T>(flags: Flags, job: Job<T>, io: Io): Promise<T> {
  const { scope: whole } = io;
  const reportPlace = placeOfSetting('report', flags, io.env);
  const report = openReport(reportPath(flags, job.printsValues, io), io, reportPlace);
  const stopwatch = createStopwatch(whole);
  const conclude = (concluded: Outcome): void => {
    const durationMs = whole.now() - whole.startedAtMs;
    report.write(() => reportText(concluded, durationMs, peakMemory()));
    writeTerminationMessage(concluded, durationMs, io);
  };
  let outcome: Outcome = { ...NOTHING_DONE, stageMs: stopwatch.stageMs };
  const delivered: Change[] = [];
  let wire: Wire | undefined;
  try {
    // With fixtures, no server is used.
    if (job.fixtures === undefined) await warmUp();
    const { config, plan } = await stopwatch.time('config', async () => {
      const connect = async (file: ConfigFile, merged: Merged): Promise<void> => {
        wire = await connectAhead(file, merged, { flags, env: io.env, cwd: io.cwd }, whole);
      };
      const connects = job.fixtures === undefined && job.run === undefined;
      const loaded = await load(flags, job, io, connects ? connect : undefined);
      warnOfMemoryLimit(whole);
      const planned = await planJob(loaded, job, whole);
      checkReport(report, reportPlace, [...planned.outputs, ...(job.file === undefined ? [] : [job.file])]);
      return { config: loaded, plan: planned };
    });
    using scope = withinTimeout(config, whole);
    const once = job.run ?? run;
    outcome =
      job.fixtures === undefined
        ? await once(config, plan, scope, stopwatch, wire)
        : await runWithFixtures(await fixturesOf(config, plan, job.fixtures, io), plan, scope, stopwatch);
    if (outcome.failure !== undefined) throw outcome.failure;
    scope.log.stopProgress();
    const result = await job.deliver(outcome.values, (change) => delivered.push(change), scope);
    await io.stdout.flush(scope.signal);
    const complete = { ...outcome, changes: [...outcome.changes, ...delivered] };
    conclude(complete);
    logSuccess(complete, scope);
    return result;
  } catch (error) {
    const failure = outcome.failure ?? withRemains(asRunError(error), [...outcome.changes, ...delivered]);
    conclude({ ...outcome, failure });
    throw failure;
  } finally {
    wire?.close();
  }
}

/** Early, because a run that has too little may never end: while the server shakes hands, this costs no time. */
function warnOfMemoryLimit({ log }: Scope): void {
  const low = lowMemoryLimit();
  if (low !== undefined) log.write({ event: 'memory_limit_low', ...low });
}

async function planJob<T>(config: Config, job: Job<T>, whole: Scope): Promise<Plan> {
  const planned = await planConfig(config, job.scope(config));
  checkSomethingToDo(planned, job);
  using scope = withinTimeout(config, whole);
  return { ...planned, outputs: await withPipes(scope.signal, () => readInputs(planned.outputs)) };
}

/** The part of the process's scope in which a run must end. */
export function withinTimeout({ timeoutMs }: Pick<Config, 'timeoutMs'>, whole: Scope): Scope {
  return whole.child({ timeoutMs, startedAtMs: whole.startedAtMs });
}

/** The file may have the secrets of `environment:`, too, so that the same does for `check`. */
async function fixturesOf(config: Config, plan: Plan, path: string, io: Io): Promise<Secrets> {
  using scope = withinTimeout(config, io.scope);
  const values = config.environment;
  const { secrets } = await planConfig(config, { secrets: 'needed', outputs: [], values });
  const names = secrets.map(({ name }) => name);
  return await readFixtures(path, plan.secrets, { ...io, scope }, names);
}

/** A run without a declaration would log in, change nothing, and hide that a name was misspelled. */
function checkSomethingToDo<T>({ secrets, outputs, values }: Plan, { declares }: Job<T>): void {
  if (declares === undefined || secrets.length + outputs.length + values.length > 0) return;
  throw new RunError('config', 'nothing to do: nothing is declared', { hint: `declare ${declares}` });
}

/** It would be written over an output that is complete, or lost below one that is new. */
function checkReport(report: ReportTarget, place: string, outputs: readonly PlacedOutput[]): void {
  const output = outputs.find((one) => !isSecretOutput(one) && report.isIn(one.target));
  if (output === undefined) return;
  report.abandon();
  throw new RunError('config', `the report would be written into ${output.where}`, {
    where: place,
    hint: 'give it a path of its own',
  });
}

function reportPath(flags: Flags, printsValues: boolean, io: Io): string | undefined {
  const path = overrideOf('report', flags, io.env);
  if (path === '-' && !printsValues) io.stdout.checkOpen();
  if (path !== '-' || !printsValues) return path;
  throw new RunError('usage', 'a report on stdout would mix with the values', {
    hint: 'name a file: --report FILE',
  });
}

async function load<T>(
  flags: Flags,
  { configOptional = false, outputs, fixtures }: Job<T>,
  io: Io,
  accepted: LoadOptions['accepted'],
): Promise<Config> {
  const given = fixtures === undefined ? flags : withAnyAddress(flags);
  const config = await loadConfig(given, io, { optional: configOptional, outputs, accepted });
  io.scope.log.write({ event: 'config_loaded', sources: config.sources, defaults: config.defaults });
  return config;
}

/** With fixtures, no address needs to be configured. */
export function withAnyAddress(flags: Flags): Flags {
  return { ...flags, address: 'http://fixtures' };
}

function logSuccess(outcome: Outcome, scope: Scope): void {
  const { log } = scope;
  const files = changesOf(outcome, 'file');
  for (const secret of outcome.reused) log.write({ event: 'secret_reused', ...secret });
  for (const { path, mode, changed } of files) {
    log.write({ event: 'output_written', path, mode: modeText(mode), changed });
  }
  const applied = changesOf(outcome, 'applied');
  for (const { namespace, name, entries, created, changed } of applied) {
    log.write({ event: 'secret_applied', namespace, name, entries: entries.length, created, changed });
  }
  for (const { path, problem } of changesOf(outcome, 'pruned')) {
    log.write(
      problem === undefined
        ? { event: 'output_pruned', path }
        : { event: 'prune_failed', path, reason: problem },
    );
  }
  for (const { path, problem } of changesOf(outcome, 'set')) {
    log.write(
      problem === undefined ? { event: 'output_pruned', path } : { event: 'set_left', path, reason: problem },
    );
  }
  const costs = {
    secrets: outcome.secrets.size,
    requests: outcome.wire.requests,
    duration_ms: Math.round(scope.now() - scope.startedAtMs),
    peak_memory_bytes: peakMemory().bytes,
  };
  // A script that captures a value needs no summary.
  if (files.length + applied.length === 0 && outcome.values.length > 0) {
    log.write({ event: 'delivered', values: outcome.values.length, ...costs });
    return;
  }
  const changed = files.filter((file) => file.changed).length;
  const kubernetes = {
    kubernetes_secrets: applied.length,
    kubernetes_secrets_changed: applied.filter((secret) => secret.changed).length,
  };
  log.write({ event: 'finished', files: files.length, changed, ...kubernetes, ...costs });
}

import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { overrideOf, type Flags } from '../config/settings.ts';
import { RunError, type Failure } from '../base/errors.ts';
import { readFixtures } from '../fetch/fixtures.ts';
import type { Io } from '../host/io.ts';
import type { Value } from '../render/found-values.ts';
import { readInputs } from '../render/format-inputs.ts';
import { planRun, type PlanScope } from '../plan/plan.ts';
import { createRecord, modeText, openReport, reportText, timed, type RunRecord } from '../report/report.ts';
import { connectAhead, wakeHttpClient } from './connect-ahead.ts';
import { run, runWith } from './run.ts';
import { writeTerminationMessage } from '../report/termination-message.ts';
import { explain } from '../host/unexpected.ts';
import type { Http2Sessions } from '../http/http2-sessions.ts';

/** What makes one command differ from another that logs in and fetches. */
export interface Job<T> {
  /** Whether the values go to stdout, where a report has no place then. */
  readonly printsValues: boolean;
  /** A config is a choice: references carry all that is needed. */
  readonly configOptional?: boolean;
  /** Outputs more than those of the config: `PATH=REF` each. */
  readonly outputs?: readonly string[] | undefined;
  /** A file that stands in for the server. */
  readonly fixtures?: string | undefined;
  readonly scope: (config: Config) => PlanScope;
  /** Uses the values while a failure still counts as one of the run. */
  readonly deliver: (values: readonly Value[], record: RunRecord) => T | Promise<T>;
}

/**
 * Runs a command that logs in: config, plan, run, delivery, and a report of how it went.
 * @throws RunError
 */
export async function perform<T>(flags: Flags, job: Job<T>, io: Io): Promise<T> {
  const report = openReport(reportPath(flags, job.printsValues, io), io);
  const record = createRecord();
  const conclude = (failures: readonly Failure[], exitCode: number): void => {
    report.write(reportText(record, failures, exitCode, io));
    writeTerminationMessage(record, failures, exitCode, io);
  };
  let ahead: Http2Sessions | undefined;
  try {
    // A file stands in for the server.
    if (job.fixtures === undefined) await wakeHttpClient();
    const { config, plan } = await timed(record, 'config', io, async () => {
      const loaded = await load(flags, job, io);
      if (job.fixtures === undefined) ahead = await connectAhead(loaded, io);
      const planned = planRun(loaded, job.scope(loaded));
      return { config: loaded, plan: { ...planned, outputs: readInputs(planned.outputs) } };
    });
    const values =
      job.fixtures === undefined
        ? await run(config, plan, record, io, ahead)
        : await runWith(await readFixtures(job.fixtures, plan.secrets, io), plan, record, io);
    io.log.stopProgress();
    const delivered = await job.deliver(values, record);
    conclude([], 0);
    logSuccess(record, values, io);
    return delivered;
  } catch (error) {
    const failed = error instanceof RunError ? error : explain(error);
    conclude(failed.failures, failed.exitCode);
    throw failed;
  } finally {
    ahead?.close();
  }
}

function reportPath(flags: Flags, printsValues: boolean, io: Io): string | undefined {
  const path = overrideOf('report', flags, io.env);
  if (path !== '-' || !printsValues) return path;
  throw new RunError('usage', 'a report on stdout would mix with the values', {
    hint: 'name a file: --report FILE',
  });
}

async function load<T>(
  flags: Flags,
  { configOptional = false, outputs, fixtures }: Job<T>,
  io: Io,
): Promise<Config> {
  const given = fixtures === undefined ? flags : withAnyAddress(flags);
  const config = await loadConfig(given, io, { optional: configOptional, outputs });
  io.lifetime.limit(config.timeoutMs);
  io.log.write({ event: 'config_loaded', sources: config.sources });
  return config;
}

/** Without a server none is asked for, so that a machine without one needs no address. */
export function withAnyAddress(flags: Flags): Flags {
  return { ...flags, address: 'http://fixtures' };
}

function logSuccess(
  { files, pruned, reused, applied, secrets, wire }: RunRecord,
  values: readonly Value[],
  io: Io,
): void {
  for (const secret of reused) io.log.write({ event: 'secret_reused', ...secret });
  for (const { path, mode, changed } of files) {
    io.log.write({ event: 'output_written', path, mode: modeText(mode), changed });
  }
  for (const { namespace, name, entries, created } of applied) {
    io.log.write({ event: 'secret_applied', namespace, name, entries: entries.length, created });
  }
  for (const { path, problem } of pruned) {
    io.log.write(
      problem === undefined
        ? { event: 'output_pruned', path }
        : { event: 'prune_failed', path, reason: problem },
    );
  }
  const costs = { secrets: secrets.size, requests: wire.requests, duration_ms: Math.round(io.now()) };
  // Whoever captures a value does not want to hear about it.
  if (files.length === 0 && values.length > 0) {
    io.log.write({ event: 'delivered', values: values.length, ...costs });
    return;
  }
  const changed = files.filter((file) => file.changed).length;
  io.log.write({ event: 'finished', files: files.length, changed, ...costs });
}

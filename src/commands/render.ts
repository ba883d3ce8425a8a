import { loadConfig } from '../config/load.ts';
import { overrideOf, type Flags } from '../config/settings.ts';
import { RunError, type Failure } from '../errors.ts';
import type { Io } from '../io.ts';
import { planRun } from '../plan.ts';
import { createRecord, modeText, openReport, reportText, timed, type RunRecord } from '../report.ts';
import { run } from '../run.ts';
import { writeTerminationMessage } from '../termination-message.ts';
import { explain } from '../unexpected.ts';

/**
 * `vaultonce render`: the main job.
 * @throws RunError
 */
export async function render(flags: Flags, io: Io): Promise<void> {
  const report = openReport(overrideOf('report', flags, io.env), io);
  const record = createRecord();
  const conclude = (failures: readonly Failure[], exitCode: number): void => {
    report.write(reportText(record, failures, exitCode, io));
    writeTerminationMessage(record, failures, exitCode, io);
  };
  try {
    const { config, plan } = await timed(record, 'config', io, () => prepare(flags, io));
    await run(config, plan, record, io);
    io.log.stopProgress();
    conclude([], 0);
    logSuccess(record, io);
  } catch (error) {
    const failed = error instanceof RunError ? error : explain(error);
    conclude(failed.failures, failed.exitCode);
    throw failed;
  }
}

async function prepare(flags: Flags, io: Io) {
  const config = await loadConfig(flags, io);
  io.lifetime.limit(config.timeoutMs);
  io.log.write({ event: 'config_loaded', sources: config.sources });
  if (config.server.tls.skipVerify) {
    io.log.write({
      event: 'insecure',
      reason: 'TLS certificates are not verified (skip_verify): anyone in between can read the secrets',
    });
  }
  return { config, plan: planRun(config) };
}

function logSuccess({ files, secrets, wire }: RunRecord, io: Io): void {
  for (const { path, mode, changed } of files) {
    io.log.write({ event: 'output_written', path, mode: modeText(mode), changed });
  }
  io.log.write({
    event: 'finished',
    secrets: secrets.size,
    files: files.length,
    changed: files.filter(({ changed }) => changed).length,
    requests: wire.requests,
    duration_ms: Math.round(io.now()),
  });
}

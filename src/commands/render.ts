import type { Flags } from '../config/settings.ts';
import { loadConfig } from '../config/load.ts';
import { RunError } from '../errors.ts';
import type { Io } from '../io.ts';
import { planRun } from '../plan.ts';
import { createRecord, modeText, openReport, reportText, timed, type RunRecord } from '../report.ts';
import { run } from '../run.ts';

/**
 * `vaultonce render`: the main job.
 * @throws RunError
 */
export async function render(flags: Flags, io: Io): Promise<void> {
  const report = openReport(flags.report, io);
  const record = createRecord();
  try {
    const { config, plan } = await timed(record, 'config', io, () => prepare(flags, io));
    await run(config, plan, record, io);
    io.log.stopProgress();
    report.write(reportText(record, [], 0, io));
    logSuccess(record, io);
  } catch (error) {
    if (error instanceof RunError) report.write(reportText(record, error.failures, error.exitCode, io));
    throw error;
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

import { mostImportantFirst, RunError } from './base/errors.ts';
import { runCommandLine } from './cli/program.ts';
import { leaveBlockedThreads } from './host/blocked-threads.ts';
import { handleEndSignals } from './host/end-signals.ts';
import { failureSummary } from './host/failure-summary.ts';
import { peakMemory } from './host/memory.ts';
import { createProcessIo } from './host/process-io.ts';
import { SHUTDOWN } from './host/shutdown-budget.ts';
import { explain } from './host/unexpected.ts';

const { io, configureLog } = createProcessIo();

const fail = (error: unknown): void => {
  const { log } = io.scope;
  log.stopProgress();
  const failed = error instanceof RunError ? error : explain(error);
  const { failures, exitCode } = failed;
  for (const failure of failures) log.write({ event: 'failed', exit_code: exitCode, ...failure });
  // Where only the end of a log is kept. Whoever sits at a terminal has just read the same. A command of `exec` speaks for itself.
  if (failures.length > (io.stderr.isTTY ? 1 : 0)) tellSummary(failed);
  process.exitCode = exitCode;
};

const tellSummary = (failed: RunError): void => {
  io.scope.log.write({
    event: 'run_failed',
    exit_code: failed.exitCode,
    failures: failed.failures.length,
    summary: failureSummary(mostImportantFirst(failed)),
    duration_ms: Math.round(io.scope.now() - io.scope.startedAtMs),
    peak_memory_bytes: peakMemory().bytes,
  });
};

handleEndSignals((kind, signal) => {
  const endInAnyCase = (): void => {
    const limit = `${String(SHUTDOWN.totalMs / 1000)} s`;
    fail(
      new RunError(kind, `stopped by ${signal}; cleaning up was not done after ${limit}`, {
        hint: 'a token that this run has minted, and leases that it holds, may live until their TTL ends',
      }),
    );
    leave();
  };
  io.scope.end(new RunError(kind, `stopped by ${signal}`));
  setTimeout(endInAnyCase, SHUTDOWN.totalMs).unref();
});
process.on('uncaughtException', (error) => {
  fail(error);
  leave();
});

/** Node's own exit would wait for a name that is being resolved. */
const leave = (): never => {
  leaveBlockedThreads(Number(process.exitCode ?? 0));
  process.exit();
};

const main = async (): Promise<void> => {
  try {
    await runCommandLine(process.argv.slice(2), io, configureLog);
  } catch (error) {
    fail(error);
  }
  io.scope.log.stopProgress();
  try {
    await io.stdout.flush(io.scope.signal);
  } catch (error) {
    if (process.exitCode === undefined) fail(error);
  }
  // All streams have been written to; taking the rest down in good order takes a millisecond or two.
  leave();
};

void main();

import { EXIT_CODES, RunError } from './base/errors.ts';
import { createProcessIo } from './host/process-io.ts';
import { runCommandLine } from './cli/program.ts';
import { explain } from './host/unexpected.ts';

/** After a signal the clean-up has this long; then the process ends in any case. */
const CLEAN_UP_LIMIT_MS = 1900;

const { io, configureLog } = createProcessIo();

const endOnSignal = (signal: 'SIGINT' | 'SIGTERM', kind: 'interrupted' | 'terminated'): void => {
  process.on(signal, () => {
    io.lifetime.end(
      new RunError(kind, `stopped by ${signal}`, {
        hint: 'nothing was changed; the outputs are as they were before this run',
      }),
    );
    setTimeout(() => process.exit(EXIT_CODES[kind]), CLEAN_UP_LIMIT_MS).unref();
  });
};

const fail = (error: unknown): void => {
  io.log.stopProgress();
  const { failures, exitCode } = error instanceof RunError ? error : explain(error);
  for (const failure of failures) io.log.write({ event: 'failed', exit_code: exitCode, ...failure });
  process.exitCode = exitCode;
};

// As PID 1 the process has no default handlers: without these it would ignore SIGTERM.
endOnSignal('SIGINT', 'interrupted');
endOnSignal('SIGTERM', 'terminated');
process.on('uncaughtException', (error) => {
  fail(error);
  process.exit();
});

const main = async (): Promise<void> => {
  try {
    await runCommandLine(process.argv.slice(2), io, configureLog);
  } catch (error) {
    fail(error);
  } finally {
    io.log.stopProgress();
    io.lifetime[Symbol.dispose]();
    // Every stream has been written to synchronously; taking the rest down in good order takes a millisecond or two.
    process.exit();
  }
};

void main();

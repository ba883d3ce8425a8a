import type { Log } from './log.ts';
import { asRunError } from './unexpected.ts';

/**
 * Until it is disposed of, an error that nobody has caught is logged, and ends nothing: where many are served, one of them must not
 * end the others.
 */
export function surviveStrayErrors(log: () => Log): Disposable {
  const former = process.listeners('uncaughtException');
  const tell = (error: unknown): void => {
    const { failures, exitCode } = asRunError(error);
    for (const failure of failures) log().write({ event: 'failed', exit_code: exitCode, ...failure });
  };
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
  return {
    [Symbol.dispose]() {
      process.removeListener('uncaughtException', tell);
      process.removeListener('unhandledRejection', tell);
      for (const listener of former) process.on('uncaughtException', listener);
    },
  };
}

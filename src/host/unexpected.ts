import packageJson from '../../package.json' with { type: 'json' };
import { RunError } from '../base/errors.ts';
import { PendingPipe } from './input-file.ts';

/** A failure unchanged, or the report of an unexpected error. */
export function asRunError(error: unknown): RunError {
  return error instanceof RunError ? error : explain(error);
}

/**
 * Reports an unexpected error. Its message is left out, because it may quote anything, even a secret; the stack is enough
 * to find it.
 */
export function explain(error: unknown): RunError {
  if (error instanceof PendingPipe) {
    return new RunError('config', 'the file is a pipe, which cannot be waited for here', {
      where: error.path,
      hint: 'name a file',
    });
  }
  const isError = error instanceof Error;
  const frames = isError ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  return new RunError('internal', `a bug in vaultonce: ${isError ? error.name : typeof error}`, {
    details: frames.slice(0, 10).map((line) => line.trim()),
    hint: `please report it with these lines at ${packageJson.bugs.url}`,
  });
}

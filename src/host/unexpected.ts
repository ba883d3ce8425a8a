import packageJson from '../../package.json' with { type: 'json' };
import { RunError } from '../base/errors.ts';

/** A failure as it is, or what there is to say of an error that nobody foresaw. */
export function asRunError(error: unknown): RunError {
  return error instanceof RunError ? error : explain(error);
}

/**
 * What is told of an error that nobody foresaw. Its message stays out, because it may quote anything, a secret
 * included; where it happened is enough to find it.
 */
export function explain(error: unknown): RunError {
  const isError = error instanceof Error;
  const frames = isError ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : [];
  return new RunError('internal', `a bug in vaultonce: ${isError ? error.name : typeof error}`, {
    details: frames.slice(0, 10).map((line) => line.trim()),
    hint: `please report it with these lines at ${packageJson.bugs.url}`,
  });
}

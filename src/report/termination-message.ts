import { closeSync, constants, openSync } from 'node:fs';
import type { Failure } from '../base/errors.ts';
import { VERSION } from '../base/version.ts';
import type { Scope } from '../host/scope.ts';
import { changesOf, type Outcome } from './outcome.ts';
import { replaceContent } from './report.ts';

/** The default of `terminationMessagePath`, where the kubelet reads why a container ended. */
const DEFAULT_PATH = '/dev/termination-log';
/** The most that the kubelet keeps. https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
const LARGEST_BYTES = 4096;

/**
 * Writes a summary of the run for the kubelet, in place. Nothing happens where the file does not exist, as outside a
 * container, or is not writable.
 */
export function writeTerminationMessage(
  outcome: Outcome,
  durationMs: number,
  { env }: Pick<Scope, 'env'>,
): void {
  const path = env['VAULTONCE_TERMINATION_LOG'] || DEFAULT_PATH;
  try {
    // Without O_CREAT: outside a container, none may be made.
    const file = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      replaceContent(file, terminationMessage(outcome, durationMs));
    } finally {
      closeSync(file);
    }
  } catch {
    // The exit code and the log say the same.
  }
}

/** One line of JSON, at most 4096 bytes; failures that do not fit are counted. */
function terminationMessage(outcome: Outcome, durationMs: number): string {
  const { failure, wire, secrets } = outcome;
  const failures = failure?.failures ?? [];
  const message = (shown: readonly Failure[]): string =>
    JSON.stringify({
      vaultonce: VERSION,
      exit_code: failure?.exitCode ?? 0,
      failures: shown.map(({ kind, message: text, where, hint }) => ({ kind, message: text, where, hint })),
      ...(shown.length < failures.length ? { more_failures: failures.length - shown.length } : {}),
      secrets: secrets.size,
      outputs: changesOf(outcome, 'file').length,
      requests: wire.requests,
      retries: wire.retries,
      duration_ms: Math.round(durationMs),
    });
  for (let shown = failures.length; shown > 0; shown -= 1) {
    const text = message(failures.slice(0, shown));
    if (Buffer.byteLength(text) <= LARGEST_BYTES) return text;
  }
  return message([]);
}

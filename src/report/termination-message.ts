import { closeSync, constants, openSync } from 'node:fs';
import { mostImportantFirst, type Failure } from '../base/errors.ts';
import { harmlessJson } from '../base/harmless.ts';
import { VERSION } from '../base/version.ts';
import { shortened } from '../host/failure-summary.ts';
import type { Scope } from '../host/scope.ts';
import { changesOf, type Outcome } from './outcome.ts';
import { replaceContent } from './report.ts';

/** The default of `terminationMessagePath`, where the kubelet reads why a container ended. */
const DEFAULT_PATH = '/dev/termination-log';
/** The most that the kubelet keeps. https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
const LARGEST_BYTES = 4096;
/** Of one failure. */
const MOST_DETAILS_BYTES = 1024;
const MOST_DETAILS = 32;

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
  const failures = failure === undefined ? [] : mostImportantFirst(failure);
  const applied = changesOf(outcome, 'applied').length;
  const message = (shown: readonly ShownFailure[]): string =>
    jsonOf({
      vaultonce: VERSION,
      exit_code: failure?.exitCode ?? 0,
      failures: shown,
      ...(shown.length < failures.length ? { more_failures: failures.length - shown.length } : {}),
      secrets: secrets.size,
      outputs: changesOf(outcome, 'file').length,
      ...(applied > 0 ? { kubernetes_secrets: applied } : {}),
      requests: wire.requests,
      retries: wire.retries,
      duration_ms: Math.round(durationMs),
    });
  const shown: ShownFailure[] = [];
  let room = LARGEST_BYTES - Buffer.byteLength(message([]));
  for (const one of failures) {
    // One that fits at no length would leave the message empty.
    const fitting = fittingIn(one, room) ?? (shown.length === 0 ? fittingIn(cutOff(one), room) : undefined);
    if (fitting === undefined) break;
    shown.push(fitting);
    room -= bytesOf(fitting);
  }
  return message(shown);
}

type ShownFailure = Pick<Failure, 'kind' | 'message' | 'where' | 'details' | 'hint'>;

/** A failure with as many of its details as fit; undefined: not even without any. */
function fittingIn(
  { kind, message, where, details = [], hint }: Failure,
  room: number,
): ShownFailure | undefined {
  for (let count = Math.min(details.length, MOST_DETAILS); count >= 0; count -= 1) {
    const some = details.slice(0, count);
    // A long list must leave room for other failures.
    if (count > 1 && bytesOf(some) > MOST_DETAILS_BYTES) continue;
    const shown = { kind, message, where, ...(count > 0 && { details: some }), hint };
    if (bytesOf(shown) <= room) return shown;
  }
  return undefined;
}

/** Even if every character takes six bytes. */
const LONGEST_PART = 240;

function cutOff({ kind, message, where }: Failure): Failure {
  return { kind, message: shortened(message, LONGEST_PART), where: where && shortened(where, LONGEST_PART) };
}

/** With the comma between two. */
function bytesOf(value: unknown): number {
  return Buffer.byteLength(jsonOf(value)) + 1;
}

function jsonOf(value: unknown): string {
  return harmlessJson(JSON.stringify(value));
}

import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { RunError, systemErrorCode } from '../base/errors.ts';
import type { FetchedSecret } from '../base/secret-data.ts';
import { VERSION } from '../base/version.ts';
import type { Io } from '../host/io.ts';
import { changesOf, roundMs, type Outcome } from './outcome.ts';

/** The JSON report, one document and a newline. */
export function reportText(outcome: Outcome, durationMs: number): string {
  const { failure, session, wire } = outcome;
  const report = {
    vaultonce: VERSION,
    status: failure === undefined ? 'success' : 'failure',
    exit_code: failure?.exitCode ?? 0,
    failures: failure?.failures ?? [],
    duration_ms: roundMs(durationMs),
    stages_ms: outcome.stageMs,
    requests: wire.requests,
    retries: wire.retries,
    bytes: wire.bytes,
    session:
      session === undefined
        ? null
        : {
            method: session.method,
            minted: session.minted,
            token_type: session.token_type ?? null,
            revoked: session.revoked,
          },
    secrets: [...outcome.secrets.values()].map(reportSecret),
    reused: outcome.reused,
    outputs: changesOf(outcome, 'file').map(({ path, mode, changed, bytes }) => ({
      path,
      mode: modeText(mode),
      changed,
      bytes,
    })),
    pruned: [...changesOf(outcome, 'pruned'), ...changesOf(outcome, 'set')].map(({ path, problem }) => ({
      path,
      removed: problem === undefined,
    })),
    kubernetes_secrets: changesOf(outcome, 'applied').map(
      ({ namespace, name, entries, created, changed }) => ({
        namespace,
        name,
        entries,
        created,
        changed,
      }),
    ),
  };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

function reportSecret(secret: FetchedSecret): Record<string, unknown> {
  switch (secret.kind) {
    case 'found':
      return { name: secret.name, status: secret.kind, ...secret.metadata };
    case 'absent':
      return { name: secret.name, status: secret.kind, path: secret.path };
    case 'failed':
      return { name: secret.name, status: secret.kind };
  }
}

/** `0400` */
export function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** The target of the report. */
export interface ReportTarget {
  write(text: string): void;
}

/**
 * Opens the target before anything is requested, so that an unwritable one is reported early.
 * It is written in place: a termination log or a mounted file cannot be replaced.
 * @param path `-` is stdout
 * @throws RunError `output`
 */
export function openReport(path: string | undefined, io: Io): ReportTarget {
  if (path === undefined) return { write: () => undefined };
  if (path === '-')
    return {
      write: (text) => {
        io.stdout.write(text);
      },
    };
  let file: number;
  try {
    file = openSync(path, 'a', 0o644);
  } catch (error) {
    throw new RunError(
      'output',
      `the report cannot be written (${systemErrorCode(error) ?? 'unknown error'})`,
      {
        where: path,
        hint: 'name a file in an existing directory that this user may write to, or `-` for stdout',
      },
    );
  }
  return {
    write(text) {
      try {
        replaceContent(file, text);
      } catch (error) {
        io.scope.log.write({ event: 'report_failed', reason: systemErrorCode(error) ?? 'unknown error' });
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Writes in place: a file that others have mounted or hold open cannot be replaced. */
export function replaceContent(file: number, text: string): void {
  // A pipe or a device cannot be truncated, and need not be.
  if (fstatSync(file).isFile()) ftruncateSync(file);
  writeSync(file, text);
}

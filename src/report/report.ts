import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { RunError, systemErrorCode, type Failure } from '../base/errors.ts';
import type { Io } from '../host/io.ts';
import type { AppliedSecret } from '../publish/cluster/cluster.ts';
import type { PrunedFile, WrittenFile } from '../plan/outputs.ts';
import type { ReusedSecret } from '../reuse/reuse.ts';
import type { FetchedSecret, Secrets } from '../base/secret-data.ts';
import type { Session } from '../session/session.ts';
import type { WireCounters } from '../vault/client.ts';
import { VERSION } from '../base/version.ts';

export type Stage = 'config' | 'login' | 'fetch' | 'render' | 'write';

/** What is known about a run so far; the report of a failed run says how far it came. No field can hold a value. */
export interface RunRecord {
  readonly stageMs: Partial<Record<Stage, number>>;
  wire: WireCounters;
  session: Pick<Session, 'method' | 'minted' | 'token_type' | 'revoked'> | undefined;
  secrets: Secrets;
  reused: readonly ReusedSecret[];
  files: readonly WrittenFile[];
  pruned: readonly PrunedFile[];
  applied: readonly AppliedSecret[];
}

export function createRecord(): RunRecord {
  return {
    stageMs: {},
    wire: { requests: 0, retries: 0, bytes: 0 },
    session: undefined,
    secrets: new Map(),
    reused: [],
    files: [],
    pruned: [],
    applied: [],
  };
}

/** Runs one stage and notes how long it took, whether it succeeds or not. */
export async function timed<T>(
  record: RunRecord,
  stage: Stage,
  io: Io,
  work: () => T | Promise<T>,
): Promise<T> {
  const startMs = io.now();
  try {
    return await work();
  } finally {
    record.stageMs[stage] = roundMs(io.now() - startMs);
  }
}

/** The JSON report, one document and a newline. */
export function reportText(
  record: RunRecord,
  failures: readonly Failure[],
  exitCode: number,
  io: Io,
): string {
  const { session, wire } = record;
  const report = {
    vaultonce: VERSION,
    status: exitCode === 0 ? 'success' : 'failure',
    exit_code: exitCode,
    failures,
    duration_ms: roundMs(io.now()),
    stages_ms: record.stageMs,
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
    secrets: [...record.secrets.values()].map(reportSecret),
    reused: record.reused,
    outputs: record.files.map((file) => ({ ...file, mode: modeText(file.mode) })),
    pruned: record.pruned.map(({ path, problem }) => ({ path, removed: problem === undefined })),
    kubernetes_secrets: record.applied,
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

function roundMs(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}

/** Where the report goes. */
export interface ReportTarget {
  write(text: string): void;
}

/**
 * Opens the target before anything is requested, so that an unwritable one is told while nothing has happened.
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
        io.log.write({ event: 'report_failed', reason: systemErrorCode(error) ?? 'unknown error' });
      } finally {
        closeSync(file);
      }
    },
  };
}

/** Writes in place: what others have mounted or hold open cannot be replaced. */
export function replaceContent(file: number, text: string): void {
  // A pipe or a device cannot be truncated, and needs not be.
  if (fstatSync(file).isFile()) ftruncateSync(file);
  writeSync(file, text);
}

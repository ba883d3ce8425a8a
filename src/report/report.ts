import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  realpathSync,
  statSync,
  unlinkSync,
  type Stats,
} from 'node:fs';
import { writePatiently, writeSome } from '../host/descriptor.ts';
import { RunError, systemErrorCode } from '../base/errors.ts';
import type { FetchedSecret } from '../base/secret-data.ts';
import { harmlessJson } from '../base/harmless.ts';
import { isBelow } from '../base/paths-below.ts';
import { PATH_HINT, shownPath } from '../base/shown-text.ts';
import { VERSION } from '../base/version.ts';
import { statusOf } from '../host/file-systems.ts';
import type { Io } from '../host/io.ts';
import { memoryLimit, type PeakMemory } from '../host/memory.ts';
import type { Target } from '../plan/outputs.ts';
import { changesOf, roundMs, type Outcome } from './outcome.ts';

/** The JSON report, one document and a newline. */
export function reportText(outcome: Outcome, durationMs: number, peak: PeakMemory): string {
  const { failure, session, wire } = outcome;
  const report = {
    vaultonce: VERSION,
    status: failure === undefined ? 'success' : 'failure',
    exit_code: failure?.exitCode ?? 0,
    failures: failure?.failures ?? [],
    duration_ms: roundMs(durationMs),
    peak_memory_bytes: peak.bytes,
    peak_memory_of: peak.of,
    memory_limit_bytes: memoryLimit() ?? null,
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
  return `${harmlessJson(JSON.stringify(report, undefined, 2))}\n`;
}

function reportSecret(secret: FetchedSecret): Record<string, unknown> {
  switch (secret.kind) {
    case 'found': {
      const { path, version, lease_id, lease_duration, expires_at } = secret.metadata;
      return { name: secret.name, status: secret.kind, path, version, lease_id, lease_duration, expires_at };
    }
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

/** Not waiting for a reader of a pipe. */
const REPORT_FILE = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
/** How long the reader of a pipe may read nothing. */
const PATIENCE_MS = 1000;

/** The target of the report. */
export interface ReportTarget {
  /** @param text is asked for only if it is written */
  write(text: () => string): void;
  /** Whether it is the file of an output, or would be among its files. */
  isIn(target: Pick<Target, 'path' | 'kind'>): boolean;
  /** Writes nothing any more, and removes a file that was made for it. */
  abandon(): void;
}

const NO_FILE = { isIn: () => false, abandon: () => undefined };

/**
 * Opens the target before anything is requested, so that an unwritable one is reported early.
 * It is written in place: a termination log or a mounted file cannot be replaced.
 * @param path `-` is stdout
 * @param field where the path stands, for messages: `--report`
 * @throws RunError `output`
 */
export function openReport(path: string | undefined, io: Io, field: string): ReportTarget {
  if (path === undefined) return { ...NO_FILE, write: () => undefined };
  if (path === '-')
    return {
      ...NO_FILE,
      write: (text) => {
        io.stdout.write(text());
      },
    };
  let file: number | undefined;
  let isNew = false;
  try {
    isNew = statusOf(path) === undefined;
    file = openSync(path, REPORT_FILE, 0o644);
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown error';
    const where = shownPath(path, field, code === 'EACCES' || code === 'EISDIR');
    throw new RunError('output', `the report cannot be written (${code})`, {
      where,
      hint:
        where === path
          ? 'name a file in an existing directory that this user may write to, or `-` for stdout'
          : PATH_HINT,
    });
  }
  const opened = fstatSync(file);
  return {
    write(text) {
      if (file === undefined) return;
      const content = text();
      try {
        replaceContent(file, content);
      } catch (error) {
        io.scope.log.write({ event: 'report_failed', reason: systemErrorCode(error) ?? 'unknown error' });
      } finally {
        closeSync(file);
      }
    },
    isIn: (target) => holds(target, path, opened),
    abandon() {
      if (file === undefined) return;
      closeSync(file);
      file = undefined;
      if (isNew) unlinkSync(path);
    },
  };
}

function holds({ path: target, kind }: Pick<Target, 'path' | 'kind'>, file: string, opened: Stats): boolean {
  try {
    if (kind === 'directory') return isBelow(realpathSync(target), realpathSync(file));
    const { ino, dev } = statSync(target);
    return ino === opened.ino && dev === opened.dev;
  } catch {
    // What does not exist, or cannot be looked at.
    return false;
  }
}

/** Writes in place: a file that others have mounted or hold open cannot be replaced. */
export function replaceContent(file: number, text: string): void {
  // A pipe or a device cannot be truncated, and need not be.
  if (fstatSync(file).isFile()) ftruncateSync(file);
  const rest = writePatiently((bytes) => writeSome(file, bytes), Buffer.from(text, 'utf8'), PATIENCE_MS);
  if (rest.length > 0) throw Object.assign(new Error('nobody reads it'), { code: 'EAGAIN' });
}

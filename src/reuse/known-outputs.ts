import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../base/secret.ts';
import { readOwnFile } from '../host/own-file.ts';
import type { PlacedOutput, RenderedFile } from '../plan/outputs.ts';
import type { Plan } from '../plan/plan.ts';

/** A written output. Hashes only: the secrets are in the output itself. */
interface OutputState {
  /** The target. */
  readonly path: string;
  /** Hash of the requests, and of the declaration of the output. */
  readonly made_of: string;
  /** The earliest end of its secrets, in seconds since 1970; undefined: none has one. */
  readonly expires_at?: number | undefined;
  /** When its secrets were read, in seconds since 1970; undefined: unknown. */
  readonly read_at?: number | undefined;
  /** The names of its secrets that have no end. */
  readonly without_end?: readonly string[] | undefined;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

/** An output of an earlier run that is unchanged, with its content. */
export interface KnownOutput extends Omit<OutputState, 'files'> {
  readonly files: readonly (RenderedFile & { readonly sha256: string })[];
}

/** The outputs of earlier runs that are unchanged. */
export function knownFromFiles(plan: Plan): readonly KnownOutput[] {
  if (plan.state === undefined) return [];
  const declared = new Set(plan.outputs.map(({ target }) => target.path));
  const written = readState(statePathToRead(plan, plan.state));
  return written.flatMap((output) => {
    if (!declared.has(output.path)) return [];
    const files = unchangedFiles(output);
    return files === undefined ? [] : [{ ...output, files }];
  });
}

export function stateText(outputs: readonly OutputState[]): string {
  const hashes = outputs.map(({ files, ...output }) => ({
    ...output,
    files: files.map(({ path, sha256 }) => ({ path, sha256 })),
  }));
  const sorted = hashes.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return `${JSON.stringify({ outputs: sorted }, undefined, 2)}\n`;
}

/** The record of earlier runs; empty if it is invalid, or could have been written by others. */
function readState(path: string): readonly OutputState[] {
  try {
    const { outputs } = JSON.parse(readOwnFile(path) ?? '{}') as { readonly outputs?: unknown };
    return Array.isArray(outputs) && outputs.every(isOutputState) ? outputs : [];
  } catch {
    return [];
  }
}

function isOutputState(value: unknown): value is OutputState {
  const state = value as Partial<Record<keyof OutputState, unknown>>;
  const { path, made_of, expires_at, read_at = 0, without_end = [], files } = state;
  const isText = typeof path === 'string' && typeof made_of === 'string' && typeof read_at === 'number';
  if (!isText || !isListOf(without_end, (name) => typeof name === 'string')) return false;
  const hasEnd = typeof expires_at === 'number' || (expires_at === undefined && without_end.length > 0);
  return hasEnd && isListOf(files, isFileState);
}

function isListOf(value: unknown, isOne: (value: unknown) => boolean): value is readonly unknown[] {
  return Array.isArray(value) && value.every(isOne);
}

function isFileState(value: unknown): boolean {
  const { path, sha256 } = value as { readonly path?: unknown; readonly sha256?: unknown };
  return typeof path === 'string' && typeof sha256 === 'string';
}

/** With `swap` it is in the published set. */
function statePathToRead({ managed }: Plan, { target }: PlacedOutput): string {
  if (managed?.kind !== 'swap') return target.path;
  return join(managed.path, '..data', target.path.slice(managed.path.length + 1));
}

/** @returns undefined if one is missing or changed */
function unchangedFiles({ files }: OutputState): KnownOutput['files'] | undefined {
  try {
    const found = files.map(({ path, sha256: expected }) => {
      const bytes = readFileSync(path);
      return { path, bytes, sha256: expected, same: hashOf(bytes) === expected };
    });
    if (found.length === 0 || !found.every(({ same }) => same)) return undefined;
    return found.map(({ path, bytes, sha256 }) => ({ path, sha256, content: new Secret<Uint8Array>(bytes) }));
  } catch {
    // Whatever is wrong: the output is written again, and a persistent problem is reported then.
    return undefined;
  }
}

/** The module is loaded on demand. */
export function hashOf(data: string | Uint8Array): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', data);
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../base/secret.ts';
import { readOwnFile } from '../host/own-file.ts';
import type { PlacedOutput, RenderedFile } from '../plan/outputs.ts';
import type { Plan } from '../plan/plan.ts';

/** An output as it was written. Hashes only: what is secret is in the output itself. */
interface OutputState {
  /** The target. */
  readonly path: string;
  /** Hash of the requests and of what is made of their answers. */
  readonly made_of: string;
  /** Seconds since 1970. */
  readonly expires_at: number;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

/** An output of an earlier run that is as it was written, with what is in it. */
export interface KnownOutput extends Omit<OutputState, 'files'> {
  readonly files: readonly (RenderedFile & { readonly sha256: string })[];
}

/** What earlier runs have written and nobody has changed since. */
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

/** What earlier runs have written; nothing, if that cannot be told or could have been written by others. */
function readState(path: string): readonly OutputState[] {
  try {
    const { outputs } = JSON.parse(readOwnFile(path) ?? '{}') as { readonly outputs?: unknown };
    return Array.isArray(outputs) && outputs.every(isOutputState) ? outputs : [];
  } catch {
    return [];
  }
}

function isOutputState(value: unknown): value is OutputState {
  const { path, made_of, expires_at, files } = value as Partial<Record<keyof OutputState, unknown>>;
  const isText = typeof path === 'string' && typeof made_of === 'string' && typeof expires_at === 'number';
  return isText && Array.isArray(files) && files.every(isFileState);
}

function isFileState(value: unknown): boolean {
  const { path, sha256 } = value as { readonly path?: unknown; readonly sha256?: unknown };
  return typeof path === 'string' && typeof sha256 === 'string';
}

/** With `swap` it is in the set that is published. */
function statePathToRead({ managed }: Plan, { target }: PlacedOutput): string {
  if (managed?.kind !== 'swap') return target.path;
  return join(managed.path, '..data', target.path.slice(managed.path.length + 1));
}

/** @returns undefined if one is gone, or holds something else */
function unchangedFiles({ files }: OutputState): KnownOutput['files'] | undefined {
  try {
    const found = files.map(({ path, sha256: expected }) => {
      const bytes = readFileSync(path);
      return { path, bytes, sha256: expected, same: hashOf(bytes) === expected };
    });
    if (found.length === 0 || !found.every(({ same }) => same)) return undefined;
    return found.map(({ path, bytes, sha256 }) => ({ path, sha256, content: new Secret<Uint8Array>(bytes) }));
  } catch {
    // Whatever is wrong with it: it is written anew, and told then.
    return undefined;
  }
}

/** Loaded by those who use it only. */
export function hashOf(data: string | Uint8Array): string {
  return process.getBuiltinModule('node:crypto').hash('sha256', data);
}

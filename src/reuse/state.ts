import { readOwnFile } from '../host/own-file.ts';

/** An output as it was written. Hashes only: what is secret is in the output itself. */
export interface OutputState {
  /** The target. */
  readonly path: string;
  /** Hash of the requests and of what is made of their answers. */
  readonly made_of: string;
  /** Seconds since 1970. */
  readonly expires_at: number;
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

export function stateText(outputs: readonly OutputState[]): string {
  const sorted = outputs.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return `${JSON.stringify({ outputs: sorted }, undefined, 2)}\n`;
}

/** What earlier runs have written; nothing, if that cannot be told or could have been written by others. */
export function readState(path: string): readonly OutputState[] {
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

import { accessSync, constants, statSync } from 'node:fs';
import { systemErrorCode } from '../base/errors.ts';

/** Why a file cannot be executed; `refused` with the error code of the system. */
export type Obstacle =
  { readonly kind: 'missing' | 'not_a_file' } | { readonly kind: 'refused'; readonly code: string };

/** What keeps this user from executing a file; undefined: nothing, as far as the file system tells. */
export function obstacleTo(file: string | Buffer): Obstacle | undefined {
  try {
    if (!statSync(file).isFile()) return { kind: 'not_a_file' };
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = systemErrorCode(error) ?? 'unknown error';
    return code === 'ENOENT' || code === 'ENOTDIR' ? { kind: 'missing' } : { kind: 'refused', code };
  }
}

/**
 * Becomes another program by execve(2), in the same process; returns only where the system cannot. Node aborts if the kernel
 * refuses, so that must be ruled out before; Bun throws the error of the system.
 * @param args with the name that it is called by in front
 */
export function becomeProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  // Node calls it experimental, and would say so on stderr.
  process.removeAllListeners('warning');
  process.execve?.(file, [...args], { ...env });
}

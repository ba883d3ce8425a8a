import { accessSync, constants } from 'node:fs';

/** Whether this user may execute it. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
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

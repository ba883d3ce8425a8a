import { becomeProgram, obstacleTo } from './executable.ts';

/** What Node does in threads of its own, and cannot be cancelled: look-ups of names, and reads of files. */
const IN_A_THREAD = /^(?:GetAddrInfo|GetNameInfo|FS)Req/;

/**
 * Ends the process at once if one of its threads may be blocked; otherwise returns. Every exit of Node joins its threads, and
 * getaddrinfo(3) takes as long as the servers and search domains of resolv.conf make it: 20 s with three of them. execve(2) ends
 * all threads, and is the only way that also keeps the exit code. So the process becomes a Node that does nothing but exit, which
 * takes some 20 ms. Standard streams are written synchronously, so nothing is lost.
 */
export function leaveBlockedThreads(exitCode: number): void {
  if (process.versions['bun'] !== undefined) return;
  if (!process.getActiveResourcesInfo().some((name) => IN_A_THREAD.test(name))) return;
  const { execPath } = process;
  // The file may have been replaced since the start.
  if (obstacleTo(execPath) !== undefined) return;
  // The variable may load code into the new process.
  const env = Object.entries(process.env).filter(([name]) => name !== 'NODE_OPTIONS');
  becomeProgram(execPath, [execPath, '-e', `process.exit(${String(exitCode)})`], Object.fromEntries(env));
}

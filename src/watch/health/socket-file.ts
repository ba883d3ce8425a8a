import { chmodSync, lstatSync, renameSync, rmSync, type Stats } from 'node:fs';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { socketAccepts } from '../../http/accepts-connections.ts';

/** The owner and the group, as that of a pod's volumes: who asks may run as another user. */
const MODE = 0o660;
const PATIENCE_MS = 1000;

/** The name of a socket that is served. */
export interface SocketFile {
  /** Removes it, unless somebody else has put another one in its place. */
  remove(): void;
}

/**
 * Whether a socket can be served there: nothing is there, or a socket that nobody serves any more.
 * @throws RunError `config`
 */
export async function checkSocketPath(path: string, where: string): Promise<void> {
  const found = statusOf(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new RunError('config', 'something else is at the path of the socket', {
      where,
      hint: 'name a path at which there is nothing',
    });
  }
  if (!(await socketAccepts(path, PATIENCE_MS))) return;
  throw new RunError('config', 'another process serves this socket', {
    where,
    hint: 'does vaultonce run twice here? name another path',
  });
}

/**
 * Gives a socket its name: what was there is replaced at once, so that there is always one.
 * @param made where it listens
 * @throws RunError `config`
 */
export function publishSocket(made: string, path: string, where: string): SocketFile {
  try {
    chmodSync(made, MODE);
    const { ino } = lstatSync(made);
    renameSync(made, path);
    return {
      remove() {
        if (statusOf(path)?.ino === ino) rmSync(path, { force: true });
      },
    };
  } catch (error) {
    rmSync(made, { force: true });
    throw new RunError('config', `the socket cannot be made (${systemErrorCode(error) ?? 'unknown error'})`, {
      where,
      hint: 'may this user write to that directory?',
    });
  }
}

function statusOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

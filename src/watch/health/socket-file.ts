import { chmodSync, lstatSync, readdirSync, renameSync, rmSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import { socketAccepts } from '../../http/accepts-connections.ts';

/** How a socket is given its name. */
export interface SocketPlace {
  readonly path: string;
  /** For messages. */
  readonly where: string;
  /** Who may connect. */
  readonly mode: number;
  /** One that somebody else serves is replaced, too: they then end. */
  readonly takesOver: boolean;
}

const PATIENCE_MS = 1000;
/** What is younger may be about to be served. */
const LEFT_AFTER_MS = 10_000;

/** The name of a socket that is served. */
export interface SocketFile {
  /** Removes it, unless somebody else has put another one in its place. */
  remove(): void;
}

/**
 * Whether a socket can be served there: nothing is there, or a socket that may be replaced. What processes that are dead have
 * left beside it is removed.
 * @throws RunError `config`
 */
export async function checkSocketPath({ path, where, takesOver }: SocketPlace): Promise<void> {
  await removeLeftovers(path);
  const found = statusOf(path);
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new RunError('config', 'something else is at the path of the socket', {
      where,
      hint: 'name a path at which there is nothing',
    });
  }
  if (takesOver || !(await socketAccepts(path, PATIENCE_MS))) return;
  throw new RunError('config', 'another process serves this socket', {
    where,
    hint: 'does vaultonce run twice here? name another path',
  });
}

/** What a socket is called until it is ready. @param id of the run */
export function madeName(path: string, id: string): string {
  return `${path}.${id}`;
}

/** Of earlier processes that ended between the two names. */
async function removeLeftovers(path: string): Promise<void> {
  const directory = dirname(path);
  const start = `${basename(path)}.`;
  const isMade = (name: string): boolean =>
    name.startsWith(start) && /^[0-9a-f]{8}$/.test(name.slice(start.length));
  for (const name of namesIn(directory).filter(isMade)) {
    const made = join(directory, name);
    const found = statusOf(made);
    if (found?.isSocket() !== true || Date.now() - found.mtimeMs < LEFT_AFTER_MS) continue;
    if (!(await socketAccepts(made, PATIENCE_MS))) rmSync(made, { force: true });
  }
}

/** None for a directory that cannot be read: listening says what is wrong with it. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Gives a socket its name: what was there is replaced at once, so that there is always one.
 * @param made where it listens
 * @throws RunError `config`
 */
export function publishSocket(made: string, { path, where, mode }: SocketPlace): SocketFile {
  try {
    chmodSync(made, mode);
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

/** Whether there is a socket; that somebody serves it is not said. */
export function isSocket(path: string): boolean {
  return statusOf(path)?.isSocket() === true;
}

function statusOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

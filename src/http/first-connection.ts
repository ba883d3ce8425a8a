import type { BegunRequest } from './begun-request.ts';
import { DIRECT_AND_SILENT, type BunSession, type SessionSettings } from './bun-session.ts';

/** A session that was opened, and a request that was begun in it, before the program was loaded. */
export interface FirstConnection {
  readonly settings: SessionSettings;
  readonly used: BunSession;
  readonly begun: BegunRequest<BunSession>;
}

const NOWHERE: RequestInit & SessionSettings = { ...DIRECT_AND_SILENT, unix: '/dev/null' };

let first: FirstConnection | undefined;
let isAwake = false;

/**
 * Starts the thread of Bun's HTTP client, and TLS in it, so that the first request need not wait for that. Only a request does
 * so: this one goes to a file that is not a socket. Calling it again changes nothing.
 */
export function wakeHttpThread(): void {
  if (isAwake) return;
  isAwake = true;
  fetch('https://localhost', NOWHERE).catch(() => undefined);
}

export function leaveFirst(connection: FirstConnection): void {
  first = connection;
}

/** @returns undefined: there is none with these settings. One with others is closed. */
export function takeFirst(settings: SessionSettings): FirstConnection | undefined {
  const taken = first;
  if (taken === undefined) return undefined;
  if (JSON.stringify(taken.settings) !== JSON.stringify(settings)) {
    closeFirst();
    return undefined;
  }
  first = undefined;
  return taken;
}

/** Unless it was taken. */
export function closeFirst(): void {
  first?.begun.takeBack();
  first?.used.session.close();
  first = undefined;
}

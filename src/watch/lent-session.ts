import type { Session } from '../session/session.ts';

/** What the first run has of a session: it ends nothing, because all that hangs on it goes on, or ends with the token if the run fails. */
export function lent(session: Session): Session {
  const nothing = (): Promise<void> => Promise.resolve();
  return Object.create(session, {
    // Its leases need not be revoked one by one.
    revoked: { value: session.revocable },
    giveBack: { value: nothing },
    keepAlive: { value: nothing },
    [Symbol.asyncDispose]: { value: nothing },
  }) as Session;
}

/**
 * Time limits after SIGTERM, SIGINT or the deadline, in milliseconds. A run ends within 2 s of a signal, whatever the
 * server does: first, requests under way are awaited if their answers are needed to revoke something; then the token is
 * given back, and after it the leases, if the token stays alive.
 */
export const SHUTDOWN = {
  /** All together; then the process ends regardless. */
  totalMs: 1900,
  /** A login under way: its token must be revoked. */
  loginMs: 500,
  /** A request under way that mints a lease which would outlive the run: it must be revoked by its id. */
  mintMs: 800,
  /** Giving the token back. */
  tokenMs: 1000,
  /** Revoking leases one by one. */
  leasesMs: 700,
} as const;

/** The limit for revocations when no signal came: a server that hangs must not hold up the exit. */
export const GIVE_BACK_LIMIT_MS = 5000;

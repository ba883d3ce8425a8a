/**
 * What may go on after SIGTERM, SIGINT or the deadline, in milliseconds. A run has ended within 2 s of a signal, whatever
 * the server does: first what is under way is awaited, if its answer is needed to take something back; then the token is
 * given back, and leases after it where the token stays.
 */
export const SHUTDOWN = {
  /** All together; the process then ends in any case. */
  totalMs: 1900,
  /** A login under way: its token has to be revoked. */
  loginMs: 500,
  /** A request that mints, where its lease would outlive the run: it has to be revoked by its id. */
  mintMs: 800,
  /** Giving the token back. */
  tokenMs: 1000,
  /** Revoking leases one by one. */
  leasesMs: 700,
} as const;

/** The most that giving something back takes when nothing ends the run: a server that hangs must not hold it up. */
export const GIVE_BACK_LIMIT_MS = 5000;

const WINDOW_MS = 1000;

interface Window {
  readonly startMs: number;
  index: number;
  left: number;
}

/**
 * A rate limit quota as the server counts it: for each client address by itself, so many requests in each second, counted from
 * the first request of that address.
 * https://openbao.org/api-docs/system/rate-limit-quotas/; the counting is that of the package go-limiter, memorystore.
 * @param perSecond undefined: there is none
 * @returns whether a request of this address is let through now
 */
export function createQuota(perSecond: number | undefined, now: () => number): (address: number) => boolean {
  if (perSecond === undefined) return () => true;
  const windows = new Map<number, Window>();
  return (address) => {
    const nowMs = now();
    let window = windows.get(address);
    if (window === undefined) {
      window = { startMs: nowMs, index: 0, left: perSecond };
      windows.set(address, window);
    }
    const index = Math.floor((nowMs - window.startMs) / WINDOW_MS);
    if (index > window.index) {
      window.index = index;
      window.left = perSecond;
    }
    if (window.left === 0) return false;
    window.left -= 1;
    return true;
  };
}

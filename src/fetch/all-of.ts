/**
 * Waits for all of them, then rethrows the first rejection: when a run is ended, a lease that is still on its way must be
 * known before leases are revoked.
 */
export async function allOf<T>(works: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(works);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason as Error;
    return result.value;
  });
}

import type { Attempt, VaultRequest } from './request.ts';

/**
 * Where a standby sends a request that only the active node can answer: to the same path at that node's `api_addr`, which
 * is another host. Nothing else is followed: the token goes with the request, and a login page or a downgrade to plain
 * HTTP must not get it. The standby has done nothing, so that a write may be sent again as it is.
 * https://openbao.org/docs/concepts/ha/#client-redirection
 * @param address the configured one
 * @returns the address of the active node; undefined: the answer is not such a redirect
 */
export function activeNodeOf(answer: Attempt, request: VaultRequest, address: string): string | undefined {
  if (answer.kind !== 'response' || answer.status !== 307) return undefined;
  const url = URL.parse(answer.location ?? '');
  if (url === null || url.username !== '' || url.password !== '') return undefined;
  const sameScheme = url.protocol === new URL(address).protocol;
  const query = request.query === undefined ? '' : `?${new URLSearchParams(request.query).toString()}`;
  // The server encodes fewer characters than we do.
  const samePath = decoded(url.pathname) === `/v1/${request.path}` && url.search === query;
  return sameScheme && samePath ? url.origin : undefined;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

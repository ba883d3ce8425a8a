import { queryTextOf, type Attempt, type VaultRequest, type VaultResponse } from './request.ts';

/** Whether a standby may have answered. */
export function isRedirect(answer: Attempt): answer is VaultResponse {
  return answer.kind === 'response' && answer.status === 307;
}

/**
 * Where a standby redirects a request that only the active node can answer: to the same path at that node's `api_addr`,
 * which is another host. No other redirect is followed: the token goes with the request, and must not reach a login page
 * or plain HTTP. The standby has done nothing, so a write may be repeated unchanged.
 * https://openbao.org/docs/concepts/ha/#client-redirection
 * @param address the configured one
 * @returns the address of the active node; undefined: the answer is not such a redirect
 */
export function activeNodeOf(answer: Attempt, request: VaultRequest, address: string): string | undefined {
  if (!isRedirect(answer)) return undefined;
  const url = URL.parse(answer.location ?? '');
  if (url === null || url.username !== '' || url.password !== '') return undefined;
  const sameScheme = url.protocol === new URL(address).protocol;
  const query = request.query === undefined ? '' : `?${queryTextOf(request.query)}`;
  // The server encodes fewer characters than this program.
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

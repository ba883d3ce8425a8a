import { isJsonObject } from '../base/lossless-json.ts';
import { Secret } from '../base/secret.ts';
import type { VaultRequest } from '../vault/request.ts';

/** https://openbao.org/api-docs/auth/token/#lookup-a-token-self */
export function selfLookUp(token: Secret, namespace: string | undefined): VaultRequest {
  return { method: 'GET', path: 'auth/token/lookup-self', namespace, token, mints: false };
}

/** What the answer to that says of the token's life. The TTL is in seconds; 0: it never expires. */
export function lifeIn(body: unknown): { readonly ttl: number | undefined; readonly renewable: boolean } {
  const data = isJsonObject(body) ? body['data'] : undefined;
  const { ttl, renewable } = isJsonObject(data) ? data : {};
  return { ttl: typeof ttl === 'number' ? ttl : undefined, renewable: renewable === true };
}

/** What a wrapping token is, without opening it. https://openbao.org/api-docs/system/wrapping-lookup/ */
export function wrappingLookUp(token: Secret, namespace: string | undefined): VaultRequest {
  return {
    method: 'POST',
    path: 'sys/wrapping/lookup',
    namespace,
    token: undefined,
    body: new Secret(JSON.stringify({ token: token.reveal() })),
    sensitive: [token],
    mints: false,
  };
}

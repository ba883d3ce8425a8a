import { Secret } from '../base/secret.ts';
import type { VaultRequest } from '../vault/request.ts';

/** https://openbao.org/api-docs/auth/token/#lookup-a-token-self */
export function selfLookUp(token: Secret, namespace: string | undefined): VaultRequest {
  return { method: 'GET', path: 'auth/token/lookup-self', namespace, token, mints: false };
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

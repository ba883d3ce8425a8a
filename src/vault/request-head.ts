import { RunError } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import { VERSION } from '../base/version.ts';
import { headerValueOf } from '../http/header-value.ts';
import { baseOf } from '../http/proxy.ts';
import type { RequestHead } from '../http/wire.ts';
import { urlPathOf, type VaultRequest } from './request.ts';

/**
 * What goes ahead of the body of a request.
 * @throws RunError `config` for a namespace or token that cannot be sent
 */
export function headOf(request: VaultRequest, address: string, vaultIndex?: string): RequestHead {
  return {
    method: request.method,
    url: `${baseOf(address)}/v1/${urlPathOf(request)}`,
    headers: headersOf(request, vaultIndex),
  };
}

/**
 * Of a login, which has no credential in it.
 * @param path below `auth/`
 */
export function headOfLogin(path: string, namespace: string | undefined, address: string): RequestHead {
  const body = new Secret('');
  return headOf(
    { method: 'POST', path: `auth/${path}`, namespace, token: undefined, body, mints: false },
    address,
  );
}

function headersOf(request: VaultRequest, vaultIndex: string | undefined): Record<string, string> {
  const { namespace, token, body, wrapTtl } = request;
  const headers: Record<string, string> = {
    Accept: 'application/json',
    'User-Agent': `vaultonce/${VERSION}`,
    // The server's own protection against forged cross-site requests; agents and proxies may insist on it.
    'X-Vault-Request': 'true',
  };
  if (namespace !== undefined) headers['X-Vault-Namespace'] = carried(namespace, 'the namespace');
  if (token !== undefined) headers['X-Vault-Token'] = carried(token.reveal(), 'the token');
  if (body !== undefined) headers['Content-Type'] = contentTypeOf(request);
  // https://openbao.org/docs/concepts/response-wrapping/
  if (wrapTtl !== undefined) headers['X-Vault-Wrap-TTL'] = String(wrapTtl);
  if (vaultIndex !== undefined) headers['X-Vault-Index'] = vaultIndex;
  return headers;
}

/** A PATCH takes no other. https://openbao.org/api-docs/secret/kv/kv-v2/#patch-secret */
function contentTypeOf({ method }: VaultRequest): string {
  return method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
}

/** @throws RunError `config`: sent without what does not fit, it would be another token, or another namespace */
function carried(text: string, what: string): string {
  const value = headerValueOf(text);
  if (value !== undefined) return value;
  throw new RunError('config', `${what} cannot be sent: no HTTP header carries it unchanged`, {
    hint: `${what} must be valid Unicode, without control characters, and without white space around it`,
  });
}

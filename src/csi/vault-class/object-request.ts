import { Secret, secretTexts } from '../../base/secret.ts';
import type { VaultRequest } from '../../vault/request.ts';
import type { VaultObject } from './object-list.ts';
import { readSecretPath, type QueryPair } from './secret-path.ts';

/** What an object asks for. */
export type ObjectRequest = Pick<VaultRequest, 'method' | 'path' | 'query' | 'body' | 'sensitive'>;

type Method = VaultRequest['method'];

/**
 * The verbs of the API. LIST and SCAN are no verbs of HTTP, and proxies may not let them through: a GET with this parameter is
 * the same. https://openbao.org/api-docs/#api-operations
 */
const VERBS: ReadonlyMap<string, { readonly method: Method; readonly parameter?: string }> = new Map([
  ['GET', { method: 'GET' }],
  ['HEAD', { method: 'HEAD' }],
  ['POST', { method: 'POST' }],
  ['PUT', { method: 'PUT' }],
  ['PATCH', { method: 'PATCH' }],
  ['DELETE', { method: 'DELETE' }],
  ['LIST', { method: 'GET', parameter: 'list' }],
  ['SCAN', { method: 'GET', parameter: 'scan' }],
]);

/** The only ones whose body the server reads. */
const WITH_BODY: ReadonlySet<Method> = new Set(['POST', 'PUT', 'PATCH']);

/** In any case; empty: the usual one. */
export function isVerb(method: string): boolean {
  return method === '' || VERBS.has(method.toUpperCase());
}

/** The request of an object that {@link parseObjects} has taken. */
export function requestOf({ secretPath, method: verb, secretArgs }: VaultObject): ObjectRequest {
  const read = readSecretPath(secretPath);
  const { method, parameter } = VERBS.get(verb.toUpperCase()) ?? { method: 'GET' as const };
  const { path, query } = read.kind === 'path' ? read.secretPath : { path: '', query: [] };
  const all = parameter === undefined ? query : withParameter(query, parameter);
  const body = WITH_BODY.has(method) ? secretArgs : undefined;
  return {
    method,
    path,
    query: all.length === 0 ? undefined : all,
    body,
    ...(body === undefined ? {} : { sensitive: textsIn(body) }),
  };
}

/** Objects with the same one ask for the same, and share a request. It contains secrets. */
export function identityOfObject(object: VaultObject): Secret {
  const { method, path, query, body } = requestOf(object);
  return new Secret(JSON.stringify([method, path, query, body?.reveal()]));
}

function withParameter(query: readonly QueryPair[], parameter: string): readonly QueryPair[] {
  return [...query.filter(([name]) => name !== parameter), [parameter, 'true']];
}

/** Numbers are no secrets: their digits need not be kept. */
function textsIn(body: Secret): readonly Secret[] {
  return secretTexts(JSON.parse(body.reveal()));
}

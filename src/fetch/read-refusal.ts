import type { Failure } from '../base/errors.ts';
import type { Answer } from '../vault/sender.ts';

/** The refused request, as messages describe it. */
export interface Asked {
  readonly path: string;
  readonly namespace: string | undefined;
  /** The declaration: `vaultonce.yaml:12 (db)`. */
  readonly where: string | undefined;
  /** Where the token came from; undefined: from a login. */
  readonly source: string | undefined;
  /** The capability that the policy must grant. */
  readonly capability?: 'read' | 'update' | 'list';
}

/** The cause of a 4xx answer: the token, a policy, the namespace, the path, or the request itself. */
export function refusalOf({ status, errors }: Answer, asked: Asked): Failure {
  const { path, namespace, where, capability = 'read' } = asked;
  const said = errors.length === 0 ? '' : `: ${errors.join('; ')}`;
  const inNamespace = namespace === undefined ? '' : ` in namespace ${namespace}`;
  if (errors.some((text) => text.includes('namespace not found'))) {
    return {
      kind: 'not_found',
      message: `the namespace ${namespace ?? '(root)'} does not exist`,
      where,
      hint: 'check vault.namespace, --namespace, $VAULT_NAMESPACE and the `namespace:` of secrets',
    };
  }
  if (status === 401 || (status === 403 && isTokenRefused(errors))) {
    return tokenRefused(`${path}${inNamespace}${said}`, asked);
  }
  if (status === 403) {
    return {
      kind: 'denied',
      message: `permission denied on ${path}${inNamespace}`,
      where,
      details: isPlainDenial(errors) ? [] : [`the server says${said}`],
      hint: `a policy of the token must allow it: path "${path}" { capabilities = ["${capability}"] }`,
    };
  }
  if (status === 404) {
    return {
      kind: 'not_found',
      message: `there is nothing at ${path}${inNamespace}${said}`,
      where,
      hint: notFoundHint(errors),
    };
  }
  return {
    kind: 'denied',
    message: `the server refused ${path}${inNamespace} (${String(status)})${said}`,
    where,
    hint: 'the request itself is wrong for this path: check `write:` and the path against the engine’s API',
  };
}

/** @param what the path, and what the server said */
function tokenRefused(what: string, { where, source }: Asked): Failure {
  const [from, hint] =
    source === undefined
      ? [
          '',
          'the login issued it, but it is unknown there, has expired or is used up: token_ttl and token_num_uses of the role must last for the run, and the namespace be that of the login or below it',
        ]
      : [
          ` from ${source}`,
          'the token is unknown there, has expired or is used up: get a new one, or log in with an auth method',
        ];
  return { kind: 'auth', message: `the server does not accept the token${from} for ${what}`, where, hint };
}

/** A policy's denial is wrapped in "1 error occurred"; a bare text means that the token itself is not accepted. */
function isTokenRefused(errors: readonly string[]): boolean {
  return errors.some((text) => text === 'permission denied' || text.includes('invalid token'));
}

function isPlainDenial(errors: readonly string[]): boolean {
  return errors.every((text) => /^1 error occurred: \* permission denied$/.test(text));
}

function notFoundHint(errors: readonly string[]): string {
  return errors.some((text) => text.includes('no handler for route'))
    ? 'no engine is mounted there: check the first part of the path, and the namespace'
    : 'check the path with `bao kv get` or `bao list`, or declare the secret `optional: true`';
}

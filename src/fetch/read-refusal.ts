import type { Failure } from '../base/errors.ts';
import { ENGINES } from '../engines/index.ts';
import { dataTakenAt } from '../engines/takes-data.ts';
import type { Answer } from '../vault/vault-answer.ts';

/** Where nothing of a mount is visible, a denial and a mount that does not exist look the same. */
export function hiddenMountHint(path: string, capability: string): string {
  const { kv2 } = ENGINES;
  const asked = { path, mount: undefined, version: undefined };
  const needed = capability === 'list' ? kv2.list(asked) : kv2.request(asked).path;
  return `no policy of the token allows anything there, or nothing is mounted; for KV version 2 a policy must say: path "${needed}" { capabilities = ["${capability}"] }; \`engine:\` names the engine without the mount table`;
}

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
  /** False: the server lists no mount for the path to the token. */
  readonly mountKnown?: boolean;
}

/** The cause of a 4xx answer: the token, a policy, the namespace, the path, or the request itself. */
export function refusalOf({ status, errors }: Answer, asked: Asked): Failure {
  const { path, namespace, where } = asked;
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
  const refused = { path: `${path}${inNamespace}`, said };
  if (status === 403) return deniedBy(errors, asked, refused);
  if (status === 404) {
    return {
      kind: 'not_found',
      message: `there is nothing at ${path}${inNamespace}${said}`,
      where,
      hint: notFoundHint(errors, where),
    };
  }
  return refusedRequest(status, asked, refused);
}

/** The path as messages name it, and what the server says. */
interface Refused {
  readonly path: string;
  readonly said: string;
}

function deniedBy(
  errors: readonly string[],
  { path, where, capability = 'read', mountKnown = true }: Asked,
  refused: Refused,
): Failure {
  return {
    kind: 'denied',
    message: `permission denied on ${refused.path}`,
    where,
    details: isPlainDenial(errors) ? [] : [`the server says${refused.said}`],
    hint: mountKnown
      ? `a policy of the token must allow it: path "${path}" { capabilities = ["${capability}"] }`
      : hiddenMountHint(path, capability),
  };
}

function refusedRequest(
  status: number,
  { path, where, capability = 'read' }: Asked,
  { path: shown, said }: Refused,
): Failure {
  if (status === 405 && capability === 'read') {
    return {
      kind: 'denied',
      message: `${shown} cannot be read (405)${said}`,
      where,
      hint: `it takes data: add \`write: { ${dataTakenAt(path) ?? '…'} }\` to the secret; \`write: {}\` sends none`,
    };
  }
  return {
    kind: 'denied',
    message: `the server refused ${shown} (${String(status)})${said}`,
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
          'the login issued it, but it is unknown there, has expired, is used up or bound to other addresses: token_ttl and token_num_uses of the role must last for the run, token_bound_cidrs contain the address of this machine, and the namespace be that of the login or below it',
        ]
      : [
          ` from ${source}`,
          'the token is unknown there, has expired, is used up or bound to other addresses (token_bound_cidrs): get a new one, or log in with an auth method',
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

function notFoundHint(errors: readonly string[], where: string | undefined): string {
  // Of a look-up, which belongs to no secret.
  if (where === undefined)
    return 'check vault.address and the namespace: something else than a Vault server may have answered';
  return errors.some((text) => text.includes('no handler for route'))
    ? 'no engine is mounted there: check the first part of the path, and the namespace; a namespace at the start of the path goes into `namespace:`'
    : 'check the path with `bao kv get` or `bao list`, or declare the secret `optional: true`';
}

import type { AuthMethod } from '../auth/method.ts';
import type { Secret } from '../base/secret.ts';
import { describeClaims } from './jwt-claims.ts';

/** A login that the server refused, without its token. */
interface RefusedLogin {
  readonly status: number;
  readonly errors: readonly string[];
  /** The server's clock, as its `Date` says. */
  readonly date: string | undefined;
  /** What was posted, if it is a JWT. */
  readonly jwt: Secret | undefined;
}

interface Explanation {
  readonly details: readonly string[];
  readonly hint: string;
}

const NAMESPACE =
  'check vault.namespace, auth.namespace, --namespace and $VAULT_NAMESPACE; the root namespace is called `root`';
const MOUNT =
  'the method mounted there has no such login path: check method, mount (`bao auth list`) and namespace of `auth:`';
const MOUNTED =
  'is the method mounted there, in this namespace (`bao auth list`)? does token_bound_cidrs, if the role or user has any, contain the address of this machine?';
const AUDIENCE =
  'bound_audiences of the role (`audience` with kubernetes) must contain the aud; or have the token issued for the audience of the role';

/** The texts of OpenBao 2.7 and HashiCorp Vault 1.21, and what to do about each; the first that matches counts. */
const HINTS: readonly (readonly [text: RegExp, hint: string])[] = [
  [/namespace not found/, NAMESPACE],
  [/no handler for route|unsupported (?:path|operation)/, MOUNT],
  [
    /plugin not found|unknown (?:backend|plugin) type/,
    'the server has no plug-in for the method of this mount: register it, or use another method',
  ],
  [
    /invalid role name|unknown role|\brole\b.*(?:not (?:be )?found|does not exist)/i,
    'there is no such role at this mount: check role, mount and namespace of `auth:`',
  ],
  [/missing role\b/, 'the mount has no default role: name one, in auth.role or by --role'],
  [/role_type is not allowed/, 'the role is for people with a browser: use one with `role_type: jwt`'],
  [
    /missing secret_id/,
    'the role asks for a secret_id: set auth.secret_id_file or auth.secret_id_env, or `bind_secret_id=false` on the role',
  ],
  [
    /CIDR/,
    'the server sees the address above, which secret_id_bound_cidrs of the role and cidr_list of the secret_id must contain; behind a proxy it sees that of the proxy',
  ],
  [
    /not yet valid|\(nbf\)|used before issued/,
    'the token is not valid yet by the clock of the server: check the clocks of its issuer and of the server; a role of the jwt method also has not_before_leeway and clock_skew_leeway',
  ],
  [
    /token is expired|\(exp\)/,
    'the token has expired: have it issued just before the login, and do not store it',
  ],
  [/no audiences bound/, 'the token has an aud, so the role must say which: set bound_audiences to the aud'],
  [/invalid audience|\(aud\)/, AUDIENCE],
  [/invalid issuer|\(iss\)/, 'bound_issuer of the mount must be the iss, to the letter'],
  [/invalid subject|\(sub\)/, 'bound_subject of the role must be the sub, to the letter'],
  [/no issued at/, 'the token says neither when it was issued nor when it ends: it needs iat, nbf or exp'],
  [
    /service account name not authorized/,
    'bound_service_account_names of the role must contain the name at the end of the sub',
  ],
  [
    /namespace not authorized/,
    'bound_service_account_namespaces of the role must contain the namespace in the sub',
  ],
  [
    /bound claim|error validating claims/,
    'bound_claims of the role asks for this claim: compare it with the token',
  ],
  [
    /claim .*not found|failed to fetch groups/,
    'user_claim, groups_claim or claim_mappings of the role name this claim, which the token does not have',
  ],
  [/JWS format|three parts/, 'what was sent is not a JWT: check what the file or variable contains'],
  [
    /no known key|token signature/,
    'no key of the mount has signed the token: check jwks_url, oidc_discovery_url or jwt_validation_pubkeys, and whether the token is of this issuer',
  ],
  [
    /invalid certificate or no client certificate/,
    'the certificate reached the server, but no role knows its issuer: `certificate` of the role must be the CA or the certificate itself, client_cert contain the CAs in between, and auth.name, if set, name such a role',
  ],
  [
    /no client certificate|client certificate must be supplied|tls connection required/i,
    'the certificate did not reach the server: a proxy in between ends TLS, or the listener has tls_disable_client_certs',
  ],
  [
    /second factor|\bMFA\b|multi-?factor/i,
    'an unattended run has no second factor: use a method or role without MFA',
  ],
  [
    /\block(?:ed|out)\b/i,
    'wait until lockout_duration has passed, or have the user unlocked; further refusals prolong it',
  ],
];

/**
 * What a refusal means, by its text, and what to do next.
 * @param method what its own hints say where the text says no more
 */
export function explainRefusal(
  { status, errors, date, jwt }: RefusedLogin,
  { refusedHint, deniedHint }: Pick<AuthMethod, 'refusedHint' | 'deniedHint'>,
): Explanation {
  const details = jwt === undefined ? [] : describeClaims(jwt, date);
  const said = errors.join('; ');
  if (status === 403 && said === 'permission denied') {
    const questions = [MOUNTED, ...(deniedHint === undefined ? [] : [deniedHint])];
    return { details, hint: `the server gives no reason, and may have logged one: ${questions.join(' ')}` };
  }
  const [, hint = refusedHint] = HINTS.find(([text]) => text.test(said)) ?? [];
  return { details, hint };
}

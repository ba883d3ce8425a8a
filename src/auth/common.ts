import type { Secret } from '../base/secret.ts';
import { holdsCredential } from '../base/shown-text.ts';
import { credentialFromText } from '../host/credential-files.ts';
import { optional, parsed, string, withDefault, type Parsed } from '../shape/definition.ts';
import { loginMount, namespace } from '../shape/fields.ts';

const NAMESPACE =
  'Namespace of the login, where it differs from `vault.namespace`; `root` is the root namespace.';

/** Fields of every method that logs in at a mount. */
export function loginFields(defaultMount: string) {
  return {
    mount: withDefault(
      loginMount,
      defaultMount,
      'Where the method is mounted; `auth/` in front of it may be left out.',
    ),
    namespace: optional(namespace, NAMESPACE),
  };
}

/** What else a bare 403 can mean where refusals lock. */
export const LOCKOUT =
  'has the server locked the role or user for a while (lockout_duration), because logins were refused before?';

/** What stands between two slashes of a path. */
export const pathSegment = parsed(
  string({ isFilled: true, pattern: { is: /^[^/]+$/, problem: 'must not hold a slash' } }),
  (value): Parsed<string> =>
    holdsCredential(value) ? { problem: 'looks like a credential, which belongs elsewhere' } : { value },
);

/**
 * The credential that the caller of a login has, instead of the config.
 * @param what how messages call it
 * @throws RunError `config` for an empty one, and for one that no HTTP header can carry
 */
export function handedIn(credential: Secret | undefined, what: string): Secret | undefined {
  return credential && credentialFromText(credential.reveal(), what, 'the caller of the login');
}

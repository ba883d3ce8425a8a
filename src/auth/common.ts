import type { Secret } from '../base/secret.ts';
import { credentialFromText } from '../host/credential-files.ts';
import { optional, string, withDefault } from '../shape/definition.ts';
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

/** What else a bare 403 can mean, whatever the method. */
export const DENIED = {
  cidrs: 'does token_bound_cidrs of the role or user contain the address of this machine?',
  lockout: 'has the server locked it for a while (lockout_duration), because logins were refused before?',
};

/** What stands between two slashes of a path. */
export const pathSegment = string({
  isFilled: true,
  pattern: { is: /^[^/]+$/, problem: 'must not hold a slash' },
});

/**
 * The credential that the caller of a login has, instead of the config.
 * @param what how messages call it
 * @throws RunError `config` for an empty one, and for one that no HTTP header can carry
 */
export function handedIn(credential: Secret | undefined, what: string): Secret | undefined {
  return credential && credentialFromText(credential.reveal(), what, 'the caller of the login');
}

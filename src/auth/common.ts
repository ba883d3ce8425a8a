import type { Secret } from '../base/secret.ts';
import { credentialFromText } from '../host/credential-files.ts';
import { optional, string, withDefault } from '../shape/definition.ts';
import { mountPath, namespace } from '../shape/fields.ts';

/** Fields of every method that logs in at a mount. */
export function loginFields(defaultMount: string) {
  return {
    mount: withDefault(mountPath, defaultMount, 'Where the method is mounted, without `auth/`.'),
    namespace: optional(namespace, 'Namespace of the login, where it differs from `vault.namespace`.'),
  };
}

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

import type { Secret } from '../base/secret.ts';
import { passwordFromFile } from '../host/credential-files.ts';
import { literal, object, optional, required } from '../shape/definition.ts';
import { secretText, text } from '../shape/fields.ts';
import { oneOf } from '../shape/combination.ts';
import { LOCKOUT, loginFields, pathSegment } from './common.ts';
import { defineMethod } from './method.ts';

const source = oneOf(['password', 'password_file'], true);

/** The methods that take a user name and a password are one but for their names. */
function passwordMethod<const Name extends string>(name: Name, about: string, refusedHint: string) {
  const fields = object(
    {
      method: required(literal(name), about),
      ...loginFields(name),
      username: required(pathSegment, 'The user name.'),
      password: optional(secretText, 'The password; better is a file.'),
      password_file: optional(
        text,
        'File that holds the password. Only a line break at its end is left out; blanks are a part of it.',
      ),
    },
    [source],
  );
  return defineMethod({
    fields,
    login({ mount, username, password, password_file }) {
      const file = { path: password_file ?? '', what: 'the password', field: 'auth.password_file' };
      const secret: Secret = password ?? passwordFromFile(file);
      return { kind: 'login', path: `${mount}/login/${username}`, body: { password: secret } };
    },
    isSelfContained: true,
    refusedHint,
    locksOut: true,
    deniedHint: LOCKOUT,
  });
}

/** https://openbao.org/api-docs/auth/userpass/#login */
export const userpass = passwordMethod(
  'userpass',
  'With a user name and a password that the server keeps.',
  'check user name and password; the login is not retried, because refusals lock the user',
);

/** https://openbao.org/api-docs/auth/ldap/#login-with-ldap-user */
export const ldap = passwordMethod(
  'ldap',
  'With a user name and a password of an LDAP directory.',
  'check user name and password, and userdn and userattr of the mount; the login is not retried, because refusals lock the user',
);

/** https://openbao.org/api-docs/auth/radius/#login */
export const radius = passwordMethod(
  'radius',
  'With a user name and a password of a RADIUS server.',
  'check user name and password, and whether the server reaches the RADIUS host; the login is not retried, because refusals lock the user',
);

/** https://developer.hashicorp.com/vault/api-docs/auth/okta#login */
export const okta = passwordMethod(
  'okta',
  'With a user name and a password of Okta.',
  'check user name and password, and whether Okta asks this user for a second factor; the login is not retried, because refusals lock the user',
);

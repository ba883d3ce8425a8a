import { approle } from './approle.ts';
import { cert } from './cert.ts';
import { custom } from './custom.ts';
import { github } from './github.ts';
import { jwt } from './jwt.ts';
import { kubernetes } from './kubernetes.ts';
import { ldap, okta, radius, userpass } from './password.ts';
import { token } from './token.ts';

/** Every way to log in, by the name that `auth.method` has. */
export const AUTH_METHODS = {
  token,
  approle,
  kubernetes,
  jwt,
  userpass,
  ldap,
  okta,
  radius,
  cert,
  github,
  custom,
};

import { alicloud } from './alicloud.ts';
import { approle } from './approle.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { cert } from './cert.ts';
import { cf } from './cf.ts';
import { custom } from './custom.ts';
import { gcp } from './gcp.ts';
import { github } from './github.ts';
import { jwt } from './jwt.ts';
import { kubernetes } from './kubernetes.ts';
import { oci } from './oci.ts';
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
  aws,
  gcp,
  azure,
  alicloud,
  oci,
  cf,
  custom,
};

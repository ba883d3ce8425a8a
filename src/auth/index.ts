import { alicloud } from './alicloud.ts';
import { approle } from './approle.ts';
import { aws } from './aws.ts';
import { azure } from './azure.ts';
import { cf } from './cf.ts';
import { gcp } from './gcp.ts';
import { jwt } from './jwt.ts';
import { kubernetes } from './kubernetes.ts';
import { oci } from './oci.ts';
import { token } from './token.ts';
import { userpass } from './userpass.ts';

/** Every way to log in, by the name that `auth.method` has. */
export const AUTH_METHODS = { token, approle, kubernetes, jwt, userpass, aws, gcp, azure, alicloud, oci, cf };

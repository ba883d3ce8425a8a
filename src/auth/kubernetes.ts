import { credentialFromFile } from '../host/credential-files.ts';
import { literal, object, required, withDefault } from '../shape/definition.ts';
import { text } from '../shape/fields.ts';
import { handedIn, loginFields } from './common.ts';
import { loginPath } from './login-mounts.ts';
import { defineMethod } from './method.ts';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

const fields = object({
  method: required(literal('kubernetes'), 'With the service account token of the pod.'),
  ...loginFields('kubernetes'),
  role: required(text, 'The role to log in with.'),
  token_file: withDefault(
    text,
    SERVICE_ACCOUNT_TOKEN,
    'File that holds the service account token; read again for each try, because it rotates.',
  ),
});

const WHAT = 'the service account token';

/** https://openbao.org/api-docs/auth/kubernetes/#login */
export const kubernetes = defineMethod({
  fields,
  login(config, _io, { credential }) {
    const { role, token_file: path } = config;
    const file = { path, what: WHAT, field: 'auth.token_file' };
    const jwt = handedIn(credential, WHAT) ?? credentialFromFile(file);
    return { kind: 'login', path: loginPath(config), body: { role, jwt }, jwt };
  },
  postsTo: (config) => loginPath(config),
  takesCredential: 'token_file',
  identityFile: ({ token_file: path }) => ({ field: 'token_file', path }),
  // Measured: the server answers so while the cluster's API is unreachable or its reviewer token is bad.
  waitsFor: 'the Kubernetes API',
  refusedHint:
    "compare the claims with the role: bound_service_account_names and _namespaces with sub, the role's audience with aud",
  deniedHint:
    'does the server reach the Kubernetes API (kubernetes_host, kubernetes_ca_cert)? may its reviewer (token_reviewer_jwt, or its own service account) create token reviews, and has that token not expired? is the service account token of this cluster, and its account not deleted?',
});

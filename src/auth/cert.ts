import { absentFile, whyUnreachable } from '../host/credential-files.ts';
import { literal, object, optional, required } from '../shape/definition.ts';
import { text } from '../shape/fields.ts';
import { together } from '../shape/combination.ts';
import { loginFields } from './common.ts';
import { loginPath } from './login-mounts.ts';
import { defineMethod } from './method.ts';

const fields = object(
  {
    method: required(literal('cert'), 'With a TLS client certificate.'),
    ...loginFields('cert'),
    name: optional(
      text,
      'The certificate role to log in with; without it the server tries all that trust the CA.',
    ),
    client_cert: optional(text, 'PEM file of the client certificate. Default: that of `vault.tls`.'),
    client_key: optional(text, 'PEM file of its key. Default: that of `vault.tls`.'),
  },
  [...together(['client_cert'], ['client_key'], 'needs both of `client_cert` and `client_key`, or none')],
);

/** https://openbao.org/api-docs/auth/cert/#login-with-tls-certificate-method */
export const cert = defineMethod({
  fields,
  login({ mount, name, client_cert: file }) {
    if (file !== undefined && whyUnreachable(file) === 'ENOENT') {
      throw absentFile({ path: file, what: 'the client certificate', field: 'auth.client_cert' });
    }
    return { kind: 'login', path: loginPath({ mount }), body: name === undefined ? {} : { name } };
  },
  clientCertificate: ({ client_cert: clientCert, client_key: clientKey }) =>
    clientCert === undefined || clientKey === undefined ? {} : { clientCert, clientKey },
  refusedHint:
    'the role must trust the CA of the certificate (`certificate`) and allow its names; a proxy in between that ends TLS hides the certificate',
});

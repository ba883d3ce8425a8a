import { literal, object, optional, required, type TypeOf } from '../../shape/definition.ts';
import { text } from '../../shape/fields.ts';
import { loginFields } from '../common.ts';
import { defineMethod } from '../method.ts';

const fields = object({
  method: required(literal('cf')),
  ...loginFields('cf'),
  role: required(text, 'The role to log in with.'),
  cf_instance_cert: optional(text, 'File of the certificate of the instance. Default: `$CF_INSTANCE_CERT`.'),
  cf_instance_key: optional(text, 'File of its key. Default: `$CF_INSTANCE_KEY`.'),
});

export type CfConfig = TypeOf<typeof fields>;

/** https://developer.hashicorp.com/vault/api-docs/auth/cf#login */
export const cf = defineMethod({
  fields,
  login: async (config, io) => (await import('./login.ts')).cfLogin(config, io),
  refusedHint:
    "compare the role's bound_application_ids, bound_space_ids and bound_organization_ids with the instance, and its clock with the server's: a signature is good for 5 minutes",
});

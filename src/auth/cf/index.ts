import { defineMethod } from '../method.ts';
import { fields } from './config.ts';

/** https://developer.hashicorp.com/vault/api-docs/auth/cf#login */
export const cf = defineMethod({
  fields,
  login: async (config, io) => (await import('./login.ts')).cfLogin(config, io),
  refusedHint:
    "compare the role's bound_application_ids, bound_space_ids and bound_organization_ids with the instance, and its clock with the server's: a signature is good for 5 minutes",
});

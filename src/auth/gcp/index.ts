import { defineMethod } from '../method.ts';
import { fields } from './config.ts';

/** https://developer.hashicorp.com/vault/api-docs/auth/gcp#login */
export const gcp = defineMethod({
  fields,
  login: async (config, io, { server }) => (await import('./login.ts')).gcpLogin(config, io, server),
  refusedHint:
    'compare the claims with the role: its type, bound_service_accounts, bound_projects and max_jwt_exp; `gce` roles also bind zones, regions, groups and labels',
});

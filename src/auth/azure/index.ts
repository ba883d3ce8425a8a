import { defineMethod } from '../method.ts';
import { fields } from './config.ts';

/** https://developer.hashicorp.com/vault/api-docs/auth/azure#login */
export const azure = defineMethod({
  fields,
  login: async (config, io) => (await import('./login.ts')).azureLogin(config, io),
  refusedHint:
    "compare auth.resource with the mount's resource (aud), and the identity (oid, its groups) with the role's bound_service_principal_ids, bound_group_ids, bound_subscription_ids and bound_resource_groups",
});

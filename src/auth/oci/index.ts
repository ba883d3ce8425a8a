import { defineMethod } from '../method.ts';
import { fields } from './config.ts';

/** https://developer.hashicorp.com/vault/api-docs/auth/oci#login */
export const oci = defineMethod({
  fields,
  login: async (config, io, { server }) => (await import('./login.ts')).ociLogin(config, io, server),
  refusedHint:
    "compare the mount's home_tenancy_id with the tenancy, the role's ocid_list with the groups of the user or the dynamic groups of the machine, and the clocks: a signature is good for 5 minutes",
});

import { defineMethod } from '../method.ts';
import { fields } from './config.ts';

/** https://developer.hashicorp.com/vault/api-docs/auth/alicloud#login */
export const alicloud = defineMethod({
  fields,
  login: async (config, io) => (await import('./login.ts')).alicloudLogin(config, io),
  refusedHint:
    "the caller must be an assumed role with the arn of the role: set auth.role_arn if it is a user's key; compare auth.region with what the server reaches",
});

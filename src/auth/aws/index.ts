import { defineMethod } from '../method.ts';
import { fields } from './config.ts';

/** https://openbao.org/api-docs/auth/aws/#login, of type iam */
export const aws = defineMethod({
  fields,
  login: async (config, io) => (await import('./login.ts')).awsLogin(config, io),
  refusedHint:
    "compare auth.region with the mount's sts_region and sts_endpoint, auth.header_value with its iam_server_id_header_value, and the caller (`aws sts get-caller-identity`) with the role's bound_iam_principal_arn",
});

import {
  literal,
  object,
  optional,
  required,
  string,
  withDefault,
  type TypeOf,
} from '../../shape/definition.ts';
import { secretText, text } from '../../shape/fields.ts';
import { needs, oneOf, together } from '../../shape/combination.ts';
import { loginFields } from '../common.ts';

const SECRETS = ['access_secret', 'access_secret_file'];
const TOKENS = ['security_token', 'security_token_file'];

export const fields = object(
  {
    method: required(literal('alicloud'), 'With credentials of Alibaba Cloud.'),
    ...loginFields('alicloud'),
    role: required(text, 'The role to log in with.'),
    region: required(
      string({ isFilled: true, pattern: { is: /^[a-z0-9-]+$/, problem: 'is not the name of a region' } }),
      'Region whose STS is asked by the server, such as cn-hangzhou.',
    ),
    sts_endpoint: optional(text, 'Address of STS. Default: https://sts.REGION.aliyuncs.com.'),
    access_key: optional(text, 'Access key. Default: what the environment or the machine has.'),
    access_secret: optional(secretText, 'Its secret; better is a file.'),
    access_secret_file: optional(text, 'File that holds the secret.'),
    security_token: optional(secretText, 'Token of a temporary key; better is a file.'),
    security_token_file: optional(text, 'File that holds the token.'),
    role_arn: optional(
      text,
      'Role of Alibaba Cloud to assume first: servers take no other callers than roles.',
    ),
    role_session_name: withDefault(text, 'vaultonce', 'Name of the session of an assumed role.'),
    metadata_endpoint: optional(text, 'Address of the metadata service. Default: http://100.100.100.200.'),
  },
  [
    oneOf(SECRETS, false),
    oneOf(TOKENS, false),
    ...together(['access_key'], SECRETS, '`access_key` and its secret go together'),
    needs(TOKENS, ['access_key'], 'a security token needs its `access_key`'),
  ],
);

export type AlicloudConfig = TypeOf<typeof fields>;

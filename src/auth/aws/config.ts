import { literal, object, optional, required, type TypeOf } from '../../shape/definition.ts';
import { secretText, text } from '../../shape/fields.ts';
import { needs, oneOf, together } from '../../shape/combination.ts';
import { loginFields } from '../common.ts';

const SECRETS = ['secret_access_key', 'secret_access_key_file'];
const TOKENS = ['session_token', 'session_token_file'];

export const fields = object(
  {
    method: required(literal('aws'), 'With IAM credentials of AWS.'),
    ...loginFields('aws'),
    type: optional(literal('iam'), 'The only one: `ec2` needs a nonce that is kept from run to run.'),
    role: required(text, 'The role to log in with; it must be of type `iam`.'),
    region: optional(
      text,
      'Region of the signature; the `sts_region` of the mount. Default: `$AWS_REGION`, `$AWS_DEFAULT_REGION`, else us-east-1.',
    ),
    sts_endpoint: optional(
      text,
      'Address of STS in the signed request. Default: that of the region; https://sts.amazonaws.com for us-east-1.',
    ),
    header_value: optional(text, 'The `iam_server_id_header_value` of the mount, if it has one.'),
    access_key_id: optional(text, 'Access key. Default: the credentials that the AWS SDK finds.'),
    secret_access_key: optional(secretText, 'Its secret; better is a file.'),
    secret_access_key_file: optional(text, 'File that holds the secret.'),
    session_token: optional(secretText, 'Session token of a temporary key; better is a file.'),
    session_token_file: optional(text, 'File that holds the session token.'),
    profile: optional(text, 'Profile of the shared files. Default: `$AWS_PROFILE`.'),
  },
  [
    oneOf(SECRETS, false),
    oneOf(TOKENS, false),
    ...together(['access_key_id'], SECRETS, '`access_key_id` and its secret go together'),
    needs(TOKENS, ['access_key_id'], 'a session token needs its `access_key_id`'),
    oneOf(['access_key_id', 'profile'], false, '`access_key_id` and `profile` exclude each other'),
  ],
);

export type AwsConfig = TypeOf<typeof fields>;

import { literal, object, optional, required, type TypeOf } from '../../shape/definition.ts';
import { text } from '../../shape/fields.ts';
import { loginFields } from '../common.ts';

export const fields = object({
  method: required(literal('cf'), 'With the certificate of a Cloud Foundry instance.'),
  ...loginFields('cf'),
  role: required(text, 'The role to log in with.'),
  cf_instance_cert: optional(text, 'File of the certificate of the instance. Default: `$CF_INSTANCE_CERT`.'),
  cf_instance_key: optional(text, 'File of its key. Default: `$CF_INSTANCE_KEY`.'),
});

export type CfConfig = TypeOf<typeof fields>;

import * as z from 'zod/mini';
import { optional, secretText, text } from '../config/fields.ts';
import { loginFields, oneOf } from './common.ts';
import { credentialFromFile, credentialFromText } from './credential.ts';
import { defineMethod } from './method.ts';

const roleId = oneOf(['role_id', 'role_id_file'], true);
const secretId = oneOf(['secret_id', 'secret_id_file'], false);

const schema = () =>
  z
    .strictObject({
      method: z.literal('approle'),
      ...loginFields('approle'),
      role_id: optional(secretText, 'The role_id.'),
      role_id_file: optional(text, 'File that holds the role_id.'),
      secret_id: optional(secretText, 'The secret_id; better is a file.'),
      secret_id_file: optional(
        text,
        'File that holds the secret_id. Without any secret_id, the role must not ask for one (`bind_secret_id=false`).',
      ),
    })
    .check(z.refine(roleId.check, roleId.message), z.refine(secretId.check, secretId.message));

/** https://openbao.org/api-docs/auth/approle/#login-with-approle */
export const approle = defineMethod({
  schema,
  login(config) {
    const role = credential(config.role_id?.reveal(), config.role_id_file, 'role_id');
    const secret = credential(config.secret_id?.reveal(), config.secret_id_file, 'secret_id');
    return {
      kind: 'login',
      path: `${config.mount}/login`,
      body: {
        ...(role === undefined ? {} : { role_id: role }),
        ...(secret === undefined ? {} : { secret_id: secret }),
      },
    };
  },
  refusedHint:
    'check role_id and secret_id: a secret_id may have expired or be used up; it is not tried again, because five refusals lock the role',
});

function credential(value: string | undefined, file: string | undefined, name: 'role_id' | 'secret_id') {
  if (value !== undefined) return credentialFromText(value, `the ${name}`, `auth.${name}`);
  return file === undefined ? undefined : credentialFromFile(file, `the ${name}`);
}

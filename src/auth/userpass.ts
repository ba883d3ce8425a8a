import * as z from 'zod/mini';
import { required, optional, secretText, text } from '../config/fields.ts';
import type { Secret } from '../secret-string.ts';
import { loginFields, oneOf } from './common.ts';
import { credentialFromFile } from './credential.ts';
import { defineMethod } from './method.ts';

const source = oneOf(['password', 'password_file'], true);

const schema = () =>
  z
    .strictObject({
      method: z.literal('userpass'),
      ...loginFields('userpass'),
      username: required(text.check(z.regex(/^[^/]+$/, 'must not hold a slash')), 'The user name.'),
      password: optional(secretText, 'The password; better is a file.'),
      password_file: optional(text, 'File that holds the password.'),
    })
    .check(z.refine(source.check, source.message));

/** https://openbao.org/api-docs/auth/userpass/#login */
export const userpass = defineMethod({
  schema,
  login({ mount, username, password, password_file }) {
    const secret: Secret = password ?? credentialFromFile(password_file ?? '', 'the password');
    return { kind: 'login', path: `${mount}/login/${username}`, body: { password: secret } };
  },
  refusedHint: 'check user name and password; it is not tried again, because refusals lock the user',
});

import { RunError } from '../base/errors.ts';
import { parseJsonObject } from '../base/lossless-json.ts';
import type { JsonValue } from '../base/secret-data.ts';
import { secretTexts } from '../base/secret.ts';
import { placeOf, textFromFile } from '../host/credential-files.ts';
import { literal, object, optional, required } from '../shape/definition.ts';
import { credentialData, namespace, secretPath, text } from '../shape/fields.ts';
import { oneOf } from '../shape/combination.ts';
import { defineMethod } from './method.ts';

const source = oneOf(['payload', 'payload_file'], false);

const fields = object(
  {
    method: required(literal('custom'), 'With any other method: its path, and what to post there.'),
    namespace: optional(namespace, 'Namespace of the login, where it differs from `vault.namespace`.'),
    path: required(secretPath, 'Where to post the login, as `auth/corp/login`.'),
    payload: optional(credentialData, 'What to post. Default: nothing.'),
    payload_file: optional(text, 'JSON file that holds what to post.'),
  },
  [source],
);

/** Any login that takes JSON and gives a token, such as that of a plug-in of one's own. */
export const custom = defineMethod({
  fields,
  login({ path, payload, payload_file: file }) {
    const body = file === undefined ? (payload?.reveal() ?? {}) : payloadFromFile(file);
    return {
      kind: 'login',
      path: path.replace(/^auth\//, ''),
      body,
      sensitive: secretTexts(body),
    };
  },
  isSelfContained: true,
  refusedHint: 'check the path, and the payload against what the plug-in documents',
});

function payloadFromFile(path: string): Readonly<Record<string, JsonValue>> {
  const file = { path, what: 'the payload', field: 'auth.payload_file' };
  const body = parseJsonObject(textFromFile(file).reveal());
  if (body !== undefined) return body;
  throw new RunError('config', 'the payload is not a JSON object', {
    where: placeOf(file, true),
    hint: 'write it as {"key": "value"}',
  });
}

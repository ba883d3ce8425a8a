import { RunError, type FailureContext } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import type { JsonObject } from '../../base/lossless-json.ts';
import type { JsonValue } from '../../base/secret-data.ts';
import { Secret } from '../../base/secret.ts';
import { shownKey } from '../../base/shown-text.ts';
import { goJson } from './go-json.ts';
import { decoded } from './object-encoding.ts';
import type { VaultObject } from './object-list.ts';
import { readSecretPath } from './secret-path.ts';
import { apiSecretOf, isObject, wholeJson } from './vault-secret.ts';

/** More names are no help. */
const MOST_NAMES = 50;

/**
 * The content of an object's file.
 * @param body of a successful answer, as parseJson reads it; undefined: there was none
 * @throws RunError `not_found` without data or without the key, `template` for a value that is not encoded as declared,
 *   `unavailable` for an answer that is none of the API
 */
export function contentOf(object: VaultObject, body: unknown): Secret<Uint8Array> {
  const { fields, data } = answered(object, body);
  return object.secretKey === '' ? wholeOf(fields) : keyOf(object, data);
}

/**
 * What a version is made of: the content, without what differs each time that the same is read. That is the id of the request,
 * and the rest of the time until a static role rotates.
 * @throws RunError like {@link contentOf}
 */
export function stableContentOf(object: VaultObject, body: unknown): Secret<Uint8Array> {
  const { fields, data } = answered(object, body);
  if (object.secretKey !== '') return keyOf(object, data);
  const isCountdown = ['last_vault_rotation', 'rotation_period', 'rotation_schedule'].some((name) =>
    Object.hasOwn(data, name),
  );
  const stable = isCountdown ? Object.entries(data).filter(([name]) => name !== 'ttl') : Object.entries(data);
  return wholeOf({ ...fields, request_id: '', data: Object.fromEntries(stable) });
}

function answered(
  object: VaultObject,
  body: unknown,
): { readonly fields: JsonObject; readonly data: JsonObject } {
  const secret = apiSecretOf(body);
  if (secret.kind === 'secret') return secret;
  if (secret.kind === 'odd') {
    throw failure('unavailable', object, 'the answer is not one of the API', {
      hint: 'look at what answers: a proxy, or another server',
    });
  }
  throw failure('not_found', object, 'has no data: the server returned an empty answer', {
    hint: 'a request that returns nothing cannot fill a file: ask for something that answers with data',
  });
}

function wholeOf(fields: JsonObject): Secret<Uint8Array> {
  return new Secret(Buffer.from(wholeJson(fields) ?? ''));
}

function keyOf(object: VaultObject, answeredData: JsonObject): Secret<Uint8Array> {
  const inner = answeredData['data'];
  // KV version 2, and whatever looks like it.
  const data = isObject(inner) ? inner : answeredData;
  const { secretKey, encoding } = object;
  if (!Object.hasOwn(data, secretKey)) throw missingKey(object, Object.keys(data));
  const bytes = decoded(Buffer.from(textOf(data[secretKey])), encoding);
  if (bytes !== undefined) return new Secret(bytes);
  throw failure(
    'template',
    object,
    `the value of \`${shownKey(secretKey)}\` is not ${encoding.toLowerCase()}`,
    {
      hint: 'correct `encoding`, or leave it out to get the value as it is stored',
    },
  );
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : goJson(value ?? null);
}

function missingKey(object: VaultObject, names: readonly string[]): RunError {
  const shown = names.slice(0, MOST_NAMES).map(shownKey);
  const more = names.length - shown.length;
  const candidate = nearest(object.secretKey, names);
  return failure('not_found', object, `has no key \`${shownKey(object.secretKey)}\``, {
    details: [
      `known keys: ${shown.length === 0 ? 'none' : shown.join(', ')}${more > 0 ? ` and ${String(more)} more` : ''}`,
    ],
    hint:
      candidate === undefined
        ? 'correct `secretKey`, or add the key'
        : `did you mean \`${shownKey(candidate)}\`?`,
  });
}

function failure(
  kind: 'not_found' | 'template' | 'unavailable',
  { where, secretPath }: VaultObject,
  message: string,
  context: FailureContext,
): RunError {
  const read = readSecretPath(secretPath);
  const path = read.kind === 'path' ? read.secretPath.path : '';
  return new RunError(kind, `${path}: ${message}`, { where, ...context });
}

import { isRawJsonNumber, type FetchedSecret, type JsonValue } from '../base/secret-data.ts';
import type { Found, Scope } from './lookup.ts';

/** The scopes that a section's content is rendered in: none when its value is missing, empty, 0 or false. */
export function scopesOf(found: Found): readonly Scope[] {
  switch (found.kind) {
    case 'missing':
    case 'ambiguous':
    case 'silent':
      return [];
    case 'secret':
      return secretScopes(found.secret);
    case 'entries':
      return found.entries.map(([key, value]) => ({ kind: 'entry', key, value }));
    case 'value':
      return valueScopes(found.value);
  }
}

function secretScopes(secret: FetchedSecret): readonly Scope[] {
  return secret.kind === 'found' ? [{ kind: 'secret', secret }] : [];
}

function valueScopes(value: JsonValue): readonly Scope[] {
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).map((item) => ({ kind: 'value', value: item }));
  return isTruthy(value) ? [{ kind: 'value', value }] : [];
}

/** As in Mustache: null, false, 0 and the empty text are false; the text "false" is a text. */
function isTruthy(value: JsonValue): boolean {
  return isRawJsonNumber(value) ? Number(value.rawJSON) !== 0 : Boolean(value);
}

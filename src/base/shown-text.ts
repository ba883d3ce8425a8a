import { hasControlCharacter } from './control-characters.ts';

/**
 * Tokens of Vault and OpenBao, JWTs, PEM and tokens of GitHub, at the start of a word or of a part of a path. Their first
 * characters suffice: the rest may have been cut off.
 */
const CREDENTIAL =
  /-----BEGIN |(?:^|[^\w.-])(?:hv[sbr]\.[\w-]|[sbr]\.[A-Za-z0-9]{20}|eyJ[\w-]{6}|gh[a-z]_\w{16}|github_pat_)/;

/** With a slash, or the ending of a file that is written by hand. */
const LIKE_PATH = /\/|\.(?:ya?ml|json|mustache|pem|crt|key|txt)$/;

/** Of a path (PATH_MAX), and of what stands between two of its slashes (NAME_MAX). */
const LONGEST_PATH = 4096;
const LONGEST_NAME = 255;

/** What is shorter may be a name. */
const SHORTEST_RANDOM = 16;

/** What stands in the place of a name. */
const HIDDEN = '[not shown]';

/** Says why a place is named instead of the path that somebody wrote there. */
export const PATH_HINT =
  'this field takes a path; what it says is not shown, because it may be the credential itself';

/** The same of the name of a variable. */
export const NAME_HINT =
  'this field takes the name of a variable, which is not shown, because it may be the credential itself';

/**
 * Whether a text that somebody typed as a path, a name or a flag can be a credential in the wrong place: `$(cat key.pem)`
 * where the path of the key belongs. A message shows no such text, but the place where it stands.
 */
export function looksLikeCredential(text: string): boolean {
  return hasControlCharacter(text) || CREDENTIAL.test(text) || !fitsPath(text);
}

/** Whether a text contains a token or a key: no name of a mount, a role or a user does. */
export function holdsCredential(text: string): boolean {
  return CREDENTIAL.test(text);
}

/**
 * A path for a message.
 * @param place what is said where the path may not be shown: `auth.token_file`, `$VAULT_CLIENT_KEY`
 * @param exists whether the file system knows it; what does not exist and does not look like a path may be anything
 */
export function shownPath(path: string, place: string, exists: boolean): string {
  if (looksLikeCredential(path)) return place;
  return exists || (LIKE_PATH.test(path) && !isRandom(path)) ? path : place;
}

/** The name of a variable that is not set, for a message: with its dollar. Undefined: it may not be shown. */
export function shownVariable(name: string): string | undefined {
  return /^[A-Z_][A-Z0-9_]*$/.test(name) && !isRandom(name) ? `$${name}` : undefined;
}

/** A name that a message cannot do without: a key, a dotted path of keys, a command, a flag. */
export function shownName(name: string): string {
  return looksLikeCredential(name) || name.split('.').some(isRandom) ? HIDDEN : name;
}

/** A key of a secret for a message: any text but a token, a key in PEM and the like, which somebody wrote in place of its name. */
export function shownKey(key: string): string {
  return looksLikeCredential(key) ? HIDDEN : key;
}

function fitsPath(text: string): boolean {
  if (text.length <= LONGEST_NAME) return true;
  return text.length <= LONGEST_PATH && text.split('/').every((part) => part.length <= LONGEST_NAME);
}

/** Base64 or hexadecimal digits, in an absolute path only where one of its parts is long enough not to be a name. */
function isRandom(text: string): boolean {
  if (text.length < SHORTEST_RANDOM) return false;
  const [parts, shortest] = /^[.~]{0,2}\//.test(text) ? [text.split('/'), 24] : [[text], SHORTEST_RANDOM];
  return parts.some((part) => part.length >= shortest && isDigits(part));
}

function isDigits(text: string): boolean {
  if (/^[0-9a-f-]{32,}$/i.test(text)) return true;
  if (!/^[\w+/-]+={0,2}$/.test(text)) return false;
  if (text.endsWith('=') || /^[A-Z0-9]*(?:\d[A-Z0-9]*){3}$/.test(text)) return true;
  const isMixed = [/[a-z]/, /[A-Z]/, /\d/].every((kind) => kind.test(text));
  return isMixed && (text.length >= 32 || changes(text) > 0.35 * text.length);
}

/** How often small letters, capitals and digits take turns: in words they seldom do, `myDatabase2Credentials`. */
function changes(text: string): number {
  return text.replace(/[a-z]+|[A-Z]+|\d+/g, '.').length;
}

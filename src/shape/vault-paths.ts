import { hasControlCharacter } from '../base/control-characters.ts';
import { holdsCredential } from '../base/shown-text.ts';

type Checked = { readonly value: string } | { readonly problem: string; readonly hint?: string };

/**
 * Normalises a path of the Vault API, in which `%23`, `%3F`, `%40` and `%25` are `#`, `?`, `@` and `%`. What the server would answer with a redirect or a 500, such as a double slash,
 * `..` or a slash at the end, is refused here.
 */
export function checkSecretPath(path: string): Checked {
  // The official clients take `/v1/…` and `/…` for the same path.
  const value = path.startsWith('/v1/') ? path.slice(4) : path.startsWith('/') ? path.slice(1) : path;
  if (value === '') return { problem: 'is empty', hint: 'write it as `secret/app/db`' };
  const problem = problemOf(value);
  if (problem === undefined) return { value: value.replace(/%(?:23|3F|40|25)/gi, decodeURIComponent) };
  return /[?#]/.test(value)
    ? { problem, hint: 'write `%23` for a `#` that is part of a name, and `%3F` for a `?`' }
    : { problem };
}

/** A mount or a namespace, with or without slashes around it. */
export function checkMountPath(path: string): Checked {
  const value = path.replace(/^\//, '').replace(/\/$/, '');
  if (value === '') return { problem: 'is empty' };
  const problem = problemOf(value);
  return problem === undefined ? { value } : { problem };
}

/** The mount of a login method, whose path on the server starts with `auth/`: agents and other tools write it with that. */
export function checkLoginMount(path: string): Checked {
  return checkMountPath(path.replace(/^\/?(?:v1\/)?auth\/(?=.)/, ''));
}

/** A namespace, with or without slashes around it. The root namespace has a name, too. */
export function checkNamespace(path: string): Checked {
  const checked = checkMountPath(path);
  const isEmpty = /^\/{0,2}$/.test(path);
  return isEmpty && 'problem' in checked
    ? { ...checked, hint: 'the root namespace is called `root`' }
    : checked;
}

/** One in which nothing can be wrong but that it is a credential. */
const PLAIN = /^[\w-]+(?:\/[\w-]+)*$/;

function problemOf(path: string): string | undefined {
  if (PLAIN.test(path) && !holdsCredential(path)) return undefined;
  if (path.endsWith('/'))
    return 'ends with a slash: leave it out; what is below a folder takes `list` or `recursive`';
  const segments = path.split('/');
  if (segments.includes('')) return 'has a double slash';
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'has a `.` or `..` segment';
  if (hasControlCharacter(path)) return 'has a control character';
  if (!path.isWellFormed()) return 'is not valid Unicode: it has half of a surrogate pair';
  if (holdsCredential(path)) return 'looks like a credential, which belongs elsewhere';
  if (path.includes('?') || path.includes('#'))
    return 'has a `?` or `#`: a version is pinned with `version:`, a key chosen with `key:`';
  return undefined;
}

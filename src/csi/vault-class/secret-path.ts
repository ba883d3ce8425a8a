/** Where an object is read from. */
export interface SecretPath {
  /** Without `/v1/`, not yet percent-encoded. */
  readonly path: string;
  /** Names in the order of their bytes; those that are repeated keep theirs. */
  readonly query: readonly QueryPair[];
}

export type QueryPair = readonly [name: string, value: string];

export type ReadPath =
  | { readonly kind: 'path'; readonly secretPath: SecretPath }
  /** `message` completes its name. */
  | { readonly kind: 'problem'; readonly message: string; readonly hint: string };

/**
 * Reads a `secretPath`: `/v1/x`, `v1/x`, `/x` and `x` are the same, what follows a question mark is the query. As Go's
 * path.Join does, it takes out empty parts and `.`, and goes up for `..`.
 */
export function readSecretPath(text: string): ReadPath {
  const at = text.indexOf('?');
  const [written, queryText] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  const [version, ...parts] = partsOf(`v1/${written.replace(/^\/?v1\/|^\//, '')}`);
  if (version !== 'v1') return { kind: 'problem', message: 'leads out of the API', hint: 'correct its `..`' };
  if (parts.length === 0)
    return { kind: 'problem', message: 'is missing', hint: 'write it as in the API: secret/data/app' };
  const query = queryOf(queryText);
  if (query !== undefined) return { kind: 'path', secretPath: { path: parts.join('/'), query } };
  return {
    kind: 'problem',
    message: 'has a query that cannot be read',
    hint: 'write it as `?name=value&other=value`, with %3B for a semicolon and %25 for a percent sign',
  };
}

function partsOf(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/** As Go's url.ParseQuery reads it. Undefined: a semicolon, or percent signs that encode no text. */
function queryOf(text: string): readonly QueryPair[] | undefined {
  const pairs: QueryPair[] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const [name, value] = (at === -1 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]).map(unescaped);
    if (pair.includes(';') || name === undefined || value === undefined) return undefined;
    pairs.push([name, value]);
  }
  return pairs.sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

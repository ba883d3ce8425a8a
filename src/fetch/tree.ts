import { DEEPEST } from '../base/depth.ts';
import type { Failure } from '../base/errors.ts';
import { nested } from '../base/nested-keys.ts';
import type { FetchedSecret, JsonValue, KeyValues } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import type { ReadResult } from '../engines/engine.ts';
import type { SecretPlan } from '../plan/plan.ts';
import { allOf } from './all-of.ts';
import { isWanted, mayHoldWanted } from './listing.ts';
import { listRequest, type PlannedRead } from './planned-reads.ts';
import { completed, resultOf, type ReadOutcome } from './read-outcome.ts';
import type { Reader } from './reader.ts';

/** A tree whose secrets are listed, but not read yet. */
export interface ListedTree {
  readonly read: PlannedRead;
  /** One for each secret; `path` is relative to the tree. */
  readonly leaves: readonly { readonly path: string; readonly read: PlannedRead }[];
}

export type TreeListing =
  | { readonly kind: 'listed'; readonly tree: ListedTree }
  | Extract<ReadResult, { kind: 'missing' }>
  | { readonly kind: 'failed'; readonly failures: readonly Failure[] };

/** Lists a tree, folders in parallel; unwanted folders are skipped. */
export async function listTree(
  read: PlannedRead,
  { listing, where }: SecretPlan,
  reader: Reader,
): Promise<TreeListing> {
  const limit = listing?.maxSecrets ?? Infinity;
  const patterns = listing ?? { include: undefined, exclude: [] };
  const failures: Failure[] = [];
  const found: string[] = [];
  let folders = 0;

  const walk = async (folder: string): Promise<void> => {
    folders += 1;
    if (folders > limit || found.length > limit || failures.length > 0) return;
    const result = resultOf(read, await reader.read(folderRequest(read, folder)));
    if (result.kind === 'failed') failures.push(result.failure);
    else if (result.kind === 'found') {
      const names = namesIn(result.keys.get('keys')).map((name) => `${folder}${name}`);
      const odd = names.find((name) => !isPath(name));
      if (odd !== undefined) failures.push(oddName(read, where));
      found.push(...names.filter((name) => !name.endsWith('/') && isWanted(name, patterns)));
      const inner = names.filter((name) => name.endsWith('/') && mayHoldWanted(name, patterns));
      await allOf(inner.map(walk));
    }
  };
  const root = resultOf(read, await reader.read(read.request));
  if (root.kind === 'missing') return root;
  await walk('');

  if (failures.length > 0) return { kind: 'failed', failures };
  if (found.length > limit || folders > limit) {
    return { kind: 'failed', failures: [tooMany(read, where, limit)] };
  }
  const leaves = found.sort().map((path) => ({ path, read: leafRead(read, path) }));
  return { kind: 'listed', tree: { read, leaves } };
}

function namesIn(names: JsonValue | undefined): string[] {
  return Array.isArray(names) ? names.map(String) : [];
}

/** False for a name that the server would resolve to another path. */
function isPath(name: string): boolean {
  return !name
    .replace(/\/$/, '')
    .split('/')
    .some((segment) => ['', '.', '..'].includes(segment));
}

function folderRequest({ request }: PlannedRead, folder: string): PlannedRead['request'] {
  if (folder === '') return request;
  const path = `${request.path}/${folder.slice(0, -1)}`;
  return listRequest(path, request.namespace, request.token ?? new Secret(''));
}

function leafRead(read: PlannedRead, path: string): PlannedRead {
  const { engine, mount, request } = read;
  const [secret] = read.secrets;
  const root = engine.request({ path: secret?.path ?? '', mount, version: undefined }).path;
  const { namespace, token } = request;
  return {
    ...read,
    extent: 'secret',
    request: { method: 'GET', path: `${root}/${path}`, namespace, token, mints: engine.mints },
  };
}

/**
 * Reads the secrets of a tree. Secrets deleted since, or without data in their latest version, are left out.
 */
export async function readTree(
  { read, leaves }: ListedTree,
  secret: SecretPlan,
  reader: Reader,
): Promise<ReadOutcome> {
  const { name, where } = secret;
  const failures: Failure[] = [];
  const entries = await allOf(
    leaves.map(async (leaf): Promise<[string, JsonValue][]> => {
      const result = resultOf(leaf.read, await reader.read(leaf.read.request));
      if (result.kind === 'failed') failures.push(result.failure);
      return result.kind === 'found'
        ? [...result.keys].map(([key, value]) => [`${leaf.path}/${key}`, value])
        : [];
    }),
  );
  const tree =
    failures.length > 0
      ? undefined
      : treeOf(secret, read.request.path, completed(secret, new Map(entries.flat())));
  if (tree !== undefined && 'conflict' in tree) failures.push(conflict(tree.conflict, read, where));
  if (tree !== undefined && 'tooDeep' in tree) failures.push(tooDeep(read, where));
  const isWhole = tree !== undefined && 'kind' in tree;
  return { fetched: [isWhole ? tree : { kind: 'failed', name }], failures };
}

/**
 * The tree as one secret.
 * @param leaves keys by their path relative to the tree
 */
export function treeOf(
  { name }: SecretPlan,
  path: string,
  leaves: KeyValues,
): FetchedSecret | { readonly conflict: string } | { readonly tooDeep: true } {
  const shape = nested(leaves);
  if (!('values' in shape)) return shape;
  return {
    kind: 'found',
    name,
    keys: new Secret(shape.values),
    leaves: new Secret(leaves),
    metadata: { path },
  };
}

function tooMany({ request }: PlannedRead, where: string, limit: number): Failure {
  return {
    kind: 'policy',
    message: `there are more than ${String(limit)} secrets or folders below ${request.path}`,
    where,
    hint: 'choose fewer with `include` and `exclude`, or raise max_secrets',
  };
}

function oddName({ request }: PlannedRead, where: string): Failure {
  return {
    kind: 'unavailable',
    message: `below ${request.path} the server lists a name that no request can ask for (empty, \`.\` or \`..\`)`,
    where,
    hint: 'remove it, or declare the secrets that you need one by one',
  };
}

function tooDeep({ request }: PlannedRead, where: string): Failure {
  return {
    kind: 'policy',
    message: `below ${request.path} there is a key whose name has more than ${String(DEEPEST)} parts`,
    where,
    hint: 'leave it out with `exclude`, or declare the secrets that you need one by one',
  };
}

function conflict(key: string, { request }: PlannedRead, where: string): Failure {
  return {
    kind: 'policy',
    message: `below ${request.path}, \`${key}\` is a key of one secret and the path of another`,
    where,
    hint: 'leave one of them out with `exclude`, or declare them one by one',
  };
}

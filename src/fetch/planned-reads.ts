import type { Failure } from '../base/errors.ts';
import { Secret, secretTexts } from '../base/secret.ts';
import type { Engine } from '../engines/engine.ts';
import { engineOf, ENGINES } from '../engines/index.ts';
import type { SecretPlan } from '../plan/plan.ts';
import type { Session } from '../session/session.ts';
import { findMount } from '../vault/mounts.ts';
import { identityOf, type VaultRequest } from '../vault/request.ts';
import type { Mount } from '../vault/responses.ts';

/** A request, and all declared secrets that are read from its answer. */
export interface PlannedRead {
  readonly request: VaultRequest;
  /** Where its token came from; undefined: from a login. */
  readonly source: string | undefined;
  readonly engine: Engine;
  /** The mount of the path, with a trailing slash; undefined when it was not looked up. */
  readonly mount: string | undefined;
  /** The type of that mount. */
  readonly mountType: string | undefined;
  /** What is read: the secret at the path, the names below it, or all secrets below it. */
  readonly extent: 'secret' | 'names' | 'tree';
  /** All of the same extent; a tree belongs to one secret, because each may select other parts of it. */
  readonly secrets: readonly SecretPlan[];
  /** False: no mount that the token may see serves the path, so the engine of its answer is unknown. */
  readonly mountKnown: boolean;
}

/** The mounts of each namespace. */
export type MountTables = ReadonlyMap<string | undefined, readonly Mount[]>;

/** Whose requests are only described, never sent. */
export const NOBODY: Pick<Session, 'token' | 'source'> = { token: new Secret(''), source: undefined };

/**
 * Decides how each secret is read, and joins secrets that need the same request, and read its answer in the same way: the
 * same namespace, method, path, query, body and wrap TTL. So a username and its password come from one lease.
 */
export function resolveReads(
  secrets: readonly SecretPlan[],
  tables: MountTables,
  { token, source }: Pick<Session, 'token' | 'source'>,
): { readonly reads: readonly PlannedRead[]; readonly failures: readonly Failure[] } {
  const reads = new Map<string, PlannedRead>();
  const failures: Failure[] = [];
  for (const secret of secrets) {
    const { engine, mount, mountType, mountKnown } = chooseEngine(secret, tables);
    // If the token may not see the mount, the server will refuse the read.
    if (secret.version !== undefined && engine.name !== 'kv2' && mountKnown) {
      failures.push(versionWithoutKv2(secret, engine));
      continue;
    }
    const extent = secret.listing?.kind ?? 'secret';
    const request = requestFor(secret, engine, mount, token);
    // One answer may be read in two ways, as `engine: raw` beside the mount's own.
    const reading = `${engine.name} ${String(mountKnown)} ${extent} ${extent === 'tree' ? secret.name : ''}`;
    const key = `${reading} ${identityOf(request)}`;
    const secrets = [...(reads.get(key)?.secrets ?? []), secret];
    reads.set(key, { request, source, engine, mount, mountType, extent, mountKnown, secrets });
  }
  return { reads: [...reads.values()], failures };
}

interface EngineChoice {
  readonly engine: Engine;
  readonly mount: string | undefined;
  readonly mountType?: string;
  readonly mountKnown: boolean;
}

function chooseEngine(secret: SecretPlan, tables: MountTables): EngineChoice {
  if (secret.engine !== undefined) {
    return { engine: ENGINES[secret.engine], mount: secret.mount, mountKnown: true };
  }
  if (!secret.needsMountTable) return { engine: ENGINES.raw, mount: undefined, mountKnown: true };
  const mount = findMount(tables.get(secret.namespace) ?? [], secret.path);
  if (mount === undefined) return { engine: ENGINES.raw, mount: undefined, mountKnown: false };
  const { path, type } = mount;
  return { engine: engineOf(mount, secret.path), mount: path, mountType: type, mountKnown: true };
}

function requestFor(
  secret: SecretPlan,
  engine: Engine,
  mount: string | undefined,
  token: Secret,
): VaultRequest {
  if (secret.listing !== undefined) {
    return listRequest(engine.list({ path: secret.path, mount }), secret.namespace, token);
  }
  const { path, query } = engine.request({ path: secret.path, mount, version: secret.version });
  const written = secret.write?.reveal();
  return {
    method: written === undefined ? 'GET' : 'POST',
    path,
    query,
    namespace: secret.namespace,
    token,
    mints: written !== undefined || engine.mints,
    ...(secret.wrapTtlMs === undefined ? {} : { wrapTtl: Math.ceil(secret.wrapTtlMs / 1000) }),
    ...(written === undefined
      ? {}
      : { body: new Secret(JSON.stringify(written)), sensitive: secretTexts(written) }),
  };
}

/** LIST of the API as a GET, which every proxy passes. */
export function listRequest(path: string, namespace: string | undefined, token: Secret): VaultRequest {
  return { method: 'GET', path, query: { list: 'true' }, namespace, token, mints: false };
}

function versionWithoutKv2(secret: SecretPlan, engine: Engine): Failure {
  return {
    kind: 'config',
    message: `version is pinned, but the path is served by ${engine.name}, which keeps no versions`,
    where: secret.where,
    hint: 'remove `version:`, or check the path',
  };
}

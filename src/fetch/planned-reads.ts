import type { Failure } from '../base/errors.ts';
import { Secret, secretTexts } from '../base/secret.ts';
import type { Engine } from '../engines/engine.ts';
import { engineOf, ENGINES } from '../engines/index.ts';
import type { SecretPlan } from '../plan/plan.ts';
import { findMount } from '../vault/mounts.ts';
import { identityOf, type VaultRequest } from '../vault/request.ts';
import type { Mount } from '../vault/responses.ts';

/** A request, and all declared secrets that it answers. */
export interface PlannedRead {
  readonly request: VaultRequest;
  readonly engine: Engine;
  /** The mount of the path, with a trailing slash; undefined when nobody has asked for it. */
  readonly mount: string | undefined;
  /** The secret at the path, the names below it, or everything below it. */
  readonly extent: 'secret' | 'names' | 'tree';
  /** Several only with one extent; a tree is a secret's own, because each may choose other parts of it. */
  readonly secrets: readonly SecretPlan[];
  /** False: no mount that the token may see serves the path, so nobody knows how to read an answer. */
  readonly mountKnown: boolean;
}

/** The mounts by namespace. */
export type MountTables = ReadonlyMap<string | undefined, readonly Mount[]>;

/**
 * Decides how each secret is read, and joins secrets that need the same request: the same namespace, method, path,
 * query, body and wrap TTL. A username and its password so come from one lease.
 */
export function resolveReads(
  secrets: readonly SecretPlan[],
  tables: MountTables,
  token: Secret,
): { readonly reads: readonly PlannedRead[]; readonly failures: readonly Failure[] } {
  const reads = new Map<string, PlannedRead>();
  const failures: Failure[] = [];
  for (const secret of secrets) {
    const { engine, mount, mountKnown } = chooseEngine(secret, tables);
    // Of a mount that the token may not see, the answer will be a refusal.
    if (secret.version !== undefined && engine.name !== 'kv2' && mountKnown) {
      failures.push(versionWithoutKv2(secret, engine));
      continue;
    }
    const extent = secret.listing?.kind ?? 'secret';
    const request = requestFor(secret, engine, mount, token);
    const key = `${extent} ${extent === 'tree' ? secret.name : ''} ${identityOf(request)}`;
    const secrets = [...(reads.get(key)?.secrets ?? []), secret];
    reads.set(key, { request, engine, mount, extent, mountKnown, secrets });
  }
  return { reads: [...reads.values()], failures };
}

interface EngineChoice {
  readonly engine: Engine;
  readonly mount: string | undefined;
  readonly mountKnown: boolean;
}

function chooseEngine(secret: SecretPlan, tables: MountTables): EngineChoice {
  if (secret.engine !== undefined) {
    return { engine: ENGINES[secret.engine], mount: secret.mount, mountKnown: true };
  }
  if (!secret.needsMountTable) return { engine: ENGINES.raw, mount: undefined, mountKnown: true };
  const mount = findMount(tables.get(secret.namespace) ?? [], secret.path);
  if (mount === undefined) return { engine: ENGINES.raw, mount: undefined, mountKnown: false };
  return { engine: engineOf(mount, secret.path), mount: mount.path, mountKnown: true };
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

/** The API's LIST; every proxy lets a GET through. */
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

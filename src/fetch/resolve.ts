import { ENGINES, engineOf } from '../engines/index.ts';
import type { Engine } from '../engines/engine.ts';
import type { Failure } from '../errors.ts';
import type { SecretPlan } from '../plan.ts';
import { Secret, secretTexts } from '../secret-string.ts';
import { findMount } from '../vault/mounts.ts';
import type { VaultRequest } from '../vault/request.ts';
import type { Mount } from '../vault/responses.ts';

/** A request, and all declared secrets that it answers. */
export interface PlannedRead {
  readonly request: VaultRequest;
  readonly engine: Engine;
  readonly secrets: readonly SecretPlan[];
  /** False: no mount that the token may see serves the path, so nobody knows how to read an answer. */
  readonly mountKnown: boolean;
}

/** The mounts by namespace. */
export type MountTables = ReadonlyMap<string | undefined, readonly Mount[]>;

/**
 * Decides how each secret is read, and joins secrets that need the same request: the same namespace, method, path,
 * query and body. A username and its password so come from one lease.
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
    const request = requestFor(secret, engine, mount, token);
    const key = identityOf(request);
    const known = reads.get(key);
    reads.set(key, { request, engine, mountKnown, secrets: [...(known?.secrets ?? []), secret] });
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
  const { path, query } = engine.request({ path: secret.path, mount, version: secret.version });
  const written = secret.write?.reveal();
  return {
    method: written === undefined ? 'GET' : 'POST',
    path,
    query,
    namespace: secret.namespace,
    token,
    mints: written !== undefined || engine.mints,
    ...(written === undefined
      ? {}
      : { body: new Secret(JSON.stringify(written)), sensitive: secretTexts(written) }),
  };
}

/** What identifies a request: everything that can change its answer. */
function identityOf({ namespace, method, path, query, body }: VaultRequest): string {
  return JSON.stringify([namespace, method, path, query, body?.reveal()]);
}

function versionWithoutKv2(secret: SecretPlan, engine: Engine): Failure {
  return {
    kind: 'config',
    message: `version is pinned, but the path is served by ${engine.name}, which keeps no versions`,
    where: secret.where,
    hint: 'remove `version:`, or check the path',
  };
}

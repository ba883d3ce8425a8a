import { RunError } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Scope } from '../host/scope.ts';
import type { Cluster } from './cluster.ts';
import type { MountRequest } from './mount.ts';

/** What the driver asks for if the class says nothing else; with OpenBao's provider it is `openbao`. */
const DEFAULT_AUDIENCE = 'vault';

/**
 * A token that the pod is known by: one that the driver has passed, or else one that the cluster makes. It is never of anybody
 * else.
 * @param audience of the class
 * @throws RunError `auth`, `unavailable`
 */
export async function podToken(
  { pod, tokens }: Pick<MountRequest, 'pod' | 'tokens'>,
  audience: string | undefined,
  cluster: Cluster | undefined,
  scope: Scope,
): Promise<Secret> {
  const passed =
    audience === undefined ? (tokens.get(DEFAULT_AUDIENCE) ?? tokens.get('openbao')) : tokens.get(audience);
  if (passed !== undefined) return passed;
  if (cluster !== undefined) return cluster.tokenOf(pod, audience === undefined ? [] : [audience], scope);
  const known = [...tokens.keys()].map((name) => `\`${name}\``);
  throw new RunError(
    'auth',
    `the driver passed no token for the audience \`${audience ?? DEFAULT_AUDIENCE}\``,
    {
      details: [known.length === 0 ? 'it passed none' : `it passed one for ${known.join(', ')}`],
      hint: 'name the audience in `tokenRequests` of the CSIDriver, or as `audience` of the class one that is there',
    },
  );
}

import type { Secrets } from '../base/secret-data.ts';
import { placeOf } from '../config/kubernetes-schema.ts';
import { isSecretOutput, type SecretOutput } from '../plan/cluster-outputs.ts';
import type { OutputPlan } from '../plan/outputs.ts';
import { secretsOf, type Plan } from '../plan/plan.ts';
import type { Change } from '../publish/destination.ts';
import type { Lease } from '../session/leases.ts';
import type { Session } from '../session/session.ts';

interface Made {
  readonly changes: readonly Change[];
  readonly secrets: Secrets;
  readonly leases: readonly Lease[];
}

/**
 * What of a run that failed while it published is in use, or may be, and would end with the token.
 * @returns one line for each; none: everything can be given back
 */
export function whatStands(
  { outputs, secrets: plans }: Plan,
  { changes, secrets, leases }: Made,
  session: Session,
): readonly string[] {
  // Its leases have ended with it.
  if (session.revoked) return [];
  const lines = outputs.flatMap((output) => {
    if (!changes.some((change) => isPartOf(change, output))) return [];
    const place = isSecretOutput(output) ? secretOf(output) : output.target.path;
    if (output.content.kind === 'token') return [`the token in ${place} is kept alive${untilText(session)}`];
    return secretsOf(output).flatMap((name) => {
      const secret = secrets.get(name);
      const id = secret?.kind === 'found' ? secret.metadata.lease_id : undefined;
      const lease = leases.find(({ lease_id }) => lease_id === id);
      if (lease !== undefined)
        return [`the lease ${lease.lease_id} in ${place} is kept alive${untilText(session, lease)}`];
      const plan = plans.find((one) => one.name === name);
      return plan?.wrapTtlMs === undefined ? [] : [`the wrapped response in ${place} is kept alive`];
    });
  });
  // Several outputs may hold one lease.
  return [...new Set(lines)];
}

function isPartOf(change: Change, output: OutputPlan): boolean {
  switch (change.kind) {
    case 'applied':
    case 'unknown':
      return isSecretOutput(output) && change.place === secretOf(output);
    case 'file': {
      const { path } = output.target;
      return change.changed && (change.path === path || change.path.startsWith(`${path}/`));
    }
    case 'pruned':
    case 'set':
      return false;
  }
}

function secretOf({ kubernetes }: SecretOutput): string {
  return placeOf({ ...kubernetes, key: undefined });
}

/** A lease ends with its token. */
function untilText(session: Session, lease?: Lease): string {
  const ends = [session.expiresAt, lease?.expiresAt].filter((end) => end !== undefined);
  return ends.length === 0 ? '' : `, until ${new Date(Math.min(...ends) * 1000).toISOString()}`;
}

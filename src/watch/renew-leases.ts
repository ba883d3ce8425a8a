import { RunError, type Failure } from '../base/errors.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import type { Access } from '../run/access.ts';
import { renewLease, type Lease } from '../session/leases.ts';
import type { Answer } from '../vault/vault-answer.ts';
import { isWornOut } from './due-times.ts';
import { UNKNOWN, type Holding, type Stock } from './stock.ts';

/** What renewals came to, by the names of secrets. */
export interface Renewals {
  readonly renewed: readonly string[];
  /** Why the server could not be asked: these are still to be renewed. */
  readonly faults: ReadonlyMap<string, Failure>;
  /** A refusal could be that of a dead token. */
  readonly isDenied: boolean;
}

/**
 * Renews leases. One that the server refuses to renew, or that comes to its longest life, is due to be replaced.
 * Never throws: when the work was ended, what was not renewed by then has that for a fault.
 */
export async function renewLeases(
  holdings: readonly Holding[],
  stock: Stock,
  access: Access,
  scope: Scope,
): Promise<Renewals> {
  const byId = new Map<string, { readonly lease: Lease; readonly some: Holding[] }>();
  for (const holding of holdings) {
    const { lease } = holding;
    if (lease === undefined) continue;
    const known = byId.get(lease.lease_id);
    if (known === undefined) byId.set(lease.lease_id, { lease, some: [holding] });
    else known.some.push(holding);
  }
  const all = await Promise.all(
    [...byId.values()].map(async ({ lease, some }) => {
      const names = some.map(({ plan }) => plan.name);
      return { names, came: await renewOne(lease, some, stock, access, scope) };
    }),
  );
  return {
    renewed: all.flatMap(({ names, came }) => (came === 'renewed' ? names : [])),
    faults: new Map(
      all.flatMap(({ names, came }) => (typeof came === 'object' ? names.map((name) => [name, came]) : [])),
    ),
    isDenied: all.some(({ came }) => came === 'denied'),
  };
}

/** For how long was not said: taken for good, it would end unnoticed. */
const NO_DURATION: Failure = {
  kind: 'unavailable',
  message: 'the answer to a renewal of its lease has no lease_duration',
  hint: 'look for a proxy in between that alters answers',
};

type OneRenewal = 'renewed' | 'replaced' | 'denied' | Failure;

async function renewOne(
  lease: Lease,
  holdings: readonly Holding[],
  stock: Stock,
  { session, sender }: Access,
  scope: Scope,
): Promise<OneRenewal> {
  const renewal = await renewLease(lease, session.token, sender).catch((error: unknown) => asRunError(error));
  if (renewal instanceof RunError) return renewal.failures[0] ?? UNKNOWN;
  if (renewal.kind === 'unavailable') return renewal.failure;
  const names = holdings.map(({ plan }) => plan.name);
  if (renewal.kind === 'renewed' && renewal.lease.lease_duration === undefined) return NO_DURATION;
  if (renewal.kind === 'renewed')
    return isRenewed(renewal.lease, holdings, stock, scope) ? 'renewed' : 'replaced';
  scope.log.write({ event: 'lease_not_renewed', names, reason: reasonOf(renewal.answer) });
  for (const name of names) stock.isUp(name);
  return renewal.answer.status === 403 ? 'denied' : 'replaced';
}

/** @returns whether the renewal will do; otherwise its secrets are due to be replaced */
function isRenewed(lease: Lease, holdings: readonly Holding[], stock: Stock, scope: Scope): boolean {
  const { lease_duration = Infinity } = lease;
  const names = holdings.map(({ plan }) => plan.name);
  const rotateAt = stock.rotateAt(names[0] ?? '');
  const isUp = isWornOut(lease_duration, holdings[0]?.wholeS ?? 0, rotateAt);
  for (const name of names) {
    stock.renewed(name, lease);
    if (isUp) stock.isUp(name);
  }
  if (isUp) return false;
  const event = { names, lease_duration: lease.lease_duration, next_in: stock.inS(names) };
  scope.log.write({ event: 'lease_renewed', ...event });
  return true;
}

function reasonOf({ status, errors }: Answer): string {
  return [`the server answered ${String(status)}`, ...errors].join(': ');
}

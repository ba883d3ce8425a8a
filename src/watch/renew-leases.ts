import type { Scope } from '../host/scope.ts';
import type { Access } from '../run/access.ts';
import { renewLease, type Lease } from '../session/leases.ts';
import type { Answer } from '../vault/vault-answer.ts';
import { isWornOut } from './due-times.ts';
import type { Holding, Stock } from './stock.ts';

/**
 * Renews leases. One that the server refuses to renew, or that comes to its longest life, is due to be replaced; one that the
 * server cannot be asked about is tried again.
 * @returns whether a refusal could be that of a dead token
 */
export async function renewLeases(
  holdings: readonly Holding[],
  stock: Stock,
  access: Access,
  scope: Scope,
): Promise<boolean> {
  const byId = new Map<string, { readonly lease: Lease; readonly some: Holding[] }>();
  for (const holding of holdings) {
    const { lease } = holding;
    if (lease === undefined) continue;
    const known = byId.get(lease.lease_id);
    if (known === undefined) byId.set(lease.lease_id, { lease, some: [holding] });
    else known.some.push(holding);
  }
  const denied = await Promise.all(
    [...byId.values()].map(({ lease, some }) => renewOne(lease, some, stock, access, scope)),
  );
  return denied.includes(true);
}

async function renewOne(
  lease: Lease,
  holdings: readonly Holding[],
  stock: Stock,
  { session, sender }: Access,
  scope: Scope,
): Promise<boolean> {
  const renewal = await renewLease(lease, session.token, sender);
  const names = holdings.map(({ plan }) => plan.name);
  if (renewal.kind === 'unavailable') {
    for (const name of names) stock.failed(name, renewal.failure);
    return false;
  }
  if (renewal.kind === 'refused') {
    scope.log.write({ event: 'lease_not_renewed', names, reason: reasonOf(renewal.answer) });
    for (const name of names) stock.isUp(name);
    return renewal.answer.status === 403;
  }
  const [first] = holdings;
  const { lease_duration } = renewal.lease;
  const rotateAt = stock.rotateAt(names[0] ?? '');
  const isUp = lease_duration !== undefined && isWornOut(lease_duration, first?.wholeS ?? 0, rotateAt);
  for (const name of names) {
    stock.renewed(name, renewal.lease);
    if (isUp) stock.isUp(name);
  }
  if (!isUp) scope.log.write({ event: 'lease_renewed', names, lease_duration, next_in: stock.inS(names) });
  return false;
}

function reasonOf({ status, errors }: Answer): string {
  return [`the server answered ${String(status)}`, ...errors].join(': ');
}

import type { Failure } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { FetchedSecret } from '../base/secret-data.ts';
import { fetchSecrets } from '../fetch/fetch.ts';
import type { Scope } from '../host/scope.ts';
import { asRunError } from '../host/unexpected.ts';
import type { RenderedOutput } from '../plan/outputs.ts';
import { secretsOf, type Plan } from '../plan/plan.ts';
import { secretsOfVariable } from '../plan/variables.ts';
import type { Access } from '../run/access.ts';
import { leaseOf, noteLeases, revokeLease, type Lease } from '../session/leases.ts';
import type { Mount } from '../vault/responses.ts';
import type { Display } from './display.ts';
import { NOTHING_PUBLISHED, type Published } from './publish-changes.ts';
import { renderChanges } from './render-changes.ts';
import type { Holding, Stock } from './stock.ts';

/** What a replacement works on. */
export interface Exhibition {
  readonly plan: Plan;
  readonly stock: Stock;
  readonly display: Display;
  /** As they were when they were last looked up. */
  readonly mountTables: Map<string | undefined, readonly Mount[]>;
  /** What outputs and variables that hold the token were given, by their `where`. */
  readonly tokens: Map<string, Secret>;
  /**
   * Writes what has changed, all or nothing.
   * @param tidies nothing else stays as it was, even if nothing has changed: see `Terms`
   * @throws RunError
   */
  readonly publish: (changed: readonly RenderedOutput[], tidies: boolean, scope: Scope) => Promise<Published>;
}

/** How something is replaced. */
export interface Terms {
  /** Its token is what everything fresh hangs on. */
  readonly access: Access;
  /** For how long the server is asked, with this access. What has come by then is published. */
  readonly asking: Scope;
  readonly generation: number;
  /** Outputs hold the token of an earlier login. */
  readonly holdsOldToken: boolean;
  /** Everything is rendered, and one fault keeps all as it was. */
  readonly isWhole: boolean;
  /** A directory that is, or was, managed as a whole may hold what is declared no longer: all files are looked at. */
  readonly tidies: boolean;
}

/** What a replacement came to. */
export interface Replacement extends Published {
  /** The secrets that are fresh now. */
  readonly names: readonly string[];
  /** Why others are not, by their names. */
  readonly faults: ReadonlyMap<string, Failure>;
  /** Why nothing at all was published; undefined: nothing stood against it. */
  readonly failure: Failure | undefined;
  readonly areVariablesChanged: boolean;
  /** Outputs that had been removed from the file system, and were written again as they were. */
  readonly restored: readonly RenderedOutput[];
  /** Why others could not be; undefined: there are none. */
  readonly unrestored: Failure | undefined;
  /** Leases that were replaced. */
  readonly superseded: readonly Lease[];
}

/**
 * Fetches secrets, renders what they are in, and publishes what has changed. One that cannot be fetched, or whose outputs
 * cannot be rendered or written, stays as it was, and so does what belongs to it; everything else goes on. Leases that
 * nobody will use are revoked; those that were replaced are still in use until the change is told.
 * Never throws: when the work was ended, everything wanted has that for a fault.
 * @param wanted names of secrets; those that share an output with one of an earlier run are fetched, too
 */
export async function replace(
  wanted: ReadonlySet<string>,
  site: Exhibition,
  terms: Terms,
  scope: Scope,
): Promise<Replacement> {
  const { plan, stock } = site;
  const { access, generation } = terms;
  const names = withUnread(wanted, plan, stock);
  const plans = plan.secrets.filter(({ name }) => names.has(name));
  const { session, sender } = access;
  const issued: Lease[] = [];
  const faults = new Map<string, Failure>();
  const fresh = new Map<string, FetchedSecret>();
  try {
    const leases = noteLeases(issued);
    const parts = { session, sender, leases, mountTables: site.mountTables, afterwards: scope };
    const fetched = await fetchSecrets(plans, parts, terms.asking);
    for (const { name, where } of plans) {
      const one = fetched.secrets.get(name);
      if (one !== undefined && one.kind !== 'failed') fresh.set(name, one);
      else faults.set(name, failureOf(where, fetched.failures));
    }
  } catch (error) {
    const failure = firstFailure(error);
    for (const name of names) faults.set(name, failure);
  }
  // A mount may have become another one.
  if (faults.size > 0) site.mountTables.clear();
  const [fault] = terms.isWhole ? faults.values() : [];
  const published =
    fault === undefined ? await renderAndPublish(fresh, site, terms, scope) : refuseAll(fresh, fault);
  const { refused, ...done } = published;
  for (const [name, failure] of refused) {
    fresh.delete(name);
    faults.set(name, failure);
  }
  const replaced = [...fresh.keys()].flatMap((name) => stock.holdings.get(name) ?? []);
  for (const [name, fetched] of fresh)
    stock.arrived(name, { fetched, lease: leaseOf(fetched, issued), generation });
  const unused = issued.filter(({ lease_id }) => !isHeld(lease_id, stock));
  await Promise.all(unused.map((lease) => revokeLease(lease, session.token, sender, scope)));
  return { ...done, names: [...fresh.keys()], faults, superseded: leasesOf(replaced, generation, stock) };
}

/** An output is rendered from all of its secrets: those that only an earlier run has read are read again with the others. */
function withUnread(
  wanted: ReadonlySet<string>,
  { outputs, values }: Plan,
  stock: Stock,
): ReadonlySet<string> {
  const groups = [...outputs.map(secretsOf), ...values.map(secretsOfVariable)];
  const isUnread = (name: string): boolean => stock.holdings.get(name)?.fetched === undefined;
  const names = new Set(wanted);
  for (let size = -1; size !== names.size;) {
    size = names.size;
    for (const group of groups) {
      if (group.some((name) => names.has(name))) group.filter(isUnread).forEach((name) => names.add(name));
    }
  }
  return names;
}

/** @param where of the secret: a failure may be about several */
function failureOf(where: string, failures: readonly Failure[]): Failure {
  const own = failures.find((failure) => failure.where?.includes(where) === true) ?? failures[0];
  return own ?? { kind: 'unavailable', message: 'it was not read', where };
}

function firstFailure(error: unknown): Failure {
  const { failures } = asRunError(error);
  return failures[0] ?? { kind: 'unavailable', message: 'the work was ended' };
}

interface Tried
  extends Published, Pick<Replacement, 'failure' | 'areVariablesChanged' | 'restored' | 'unrestored'> {
  /** Fresh secrets that are not used, and why. */
  readonly refused: ReadonlyMap<string, Failure>;
}

function refuseAll(fresh: ReadonlyMap<string, FetchedSecret>, failure: Failure): Tried {
  const refused = new Map([...fresh.keys()].map((name) => [name, failure]));
  return { ...NOTHING_PUBLISHED, ...NOTHING_RESTORED, refused, failure, areVariablesChanged: false };
}

const NOTHING_RESTORED = { restored: [], unrestored: undefined };

async function renderAndPublish(
  fresh: ReadonlyMap<string, FetchedSecret>,
  site: Exhibition,
  terms: Terms,
  scope: Scope,
): Promise<Tried> {
  try {
    const rendering = await renderChanges({ ...site, ...terms }, fresh, scope);
    const { refused, areVariablesChanged, variables, changed, lost } = rendering;
    const [first] = terms.isWhole ? refused.values() : [];
    if (first !== undefined) return refuseAll(fresh, first);
    const published = await site.publish(
      terms.isWhole ? [...changed, ...lost] : changed,
      terms.tidies,
      scope,
    );
    for (const [where, token] of rendering.tokens) site.tokens.set(where, token);
    if (areVariablesChanged) site.display.showVariables(variables);
    const done = { ...published, failure: undefined, areVariablesChanged };
    if (terms.isWhole) return { ...done, ...NOTHING_RESTORED, refused };
    return { ...done, ...(await restore(lost, site, scope)), refused };
  } catch (error) {
    return refuseAll(fresh, firstFailure(error));
  }
}

/** By itself: what cannot be written again does not stand against what has changed. */
async function restore(
  lost: readonly RenderedOutput[],
  site: Exhibition,
  scope: Scope,
): Promise<Pick<Tried, 'restored' | 'unrestored'>> {
  try {
    const { outputs } = await site.publish(lost, false, scope);
    return { restored: outputs, unrestored: undefined };
  } catch (error) {
    return { restored: [], unrestored: firstFailure(error) };
  }
}

function isHeld(id: string, { holdings }: Stock): boolean {
  return [...holdings.values()].some(({ lease }) => lease?.lease_id === id);
}

/** Of what was replaced, those that this token can revoke, and that nothing else holds. Those of another login end with its token. */
export function leasesOf(replaced: readonly Holding[], generation: number, stock: Stock): readonly Lease[] {
  const leases = replaced.flatMap(({ lease, generation: own }) =>
    lease === undefined || own !== generation || isHeld(lease.lease_id, stock) ? [] : [lease],
  );
  return [...new Map(leases.map((lease) => [lease.lease_id, lease])).values()];
}

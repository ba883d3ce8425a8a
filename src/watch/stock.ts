import type { Failure } from '../base/errors.ts';
import { entriesOf, type FetchedSecret, type Secrets } from '../base/secret-data.ts';
import type { WatchSettings } from '../config/config.ts';
import type { SecretPlan } from '../plan/plan.ts';
import { hashOf } from '../reuse/known-outputs.ts';
import type { Lease } from '../session/leases.ts';
import {
  nextAfterSame,
  nextOf,
  nextPastTheEnd,
  retryIn,
  type Habits,
  type Life,
  type Next,
} from './due-times.ts';
import { secondsUntil, type LifeClock } from './life-clock.ts';
import { isOutage, type Outage } from './outage.ts';

/** What went wrong with a secret at its last try, while what was read before stays in use. */
export interface Fault {
  readonly failure: Failure;
  readonly tries: number;
  /** Seconds of the life clock. */
  readonly sinceS: number;
}

/** A secret that is kept good. All times are in seconds of the life clock. */
export interface Holding {
  readonly plan: SecretPlan;
  /** Undefined: an earlier run has written it, and it is in the outputs only. */
  readonly fetched: FetchedSecret | undefined;
  readonly lease: Lease | undefined;
  /** The login whose token the lease ends with. */
  readonly generation: number;
  /** When it was read or renewed. */
  readonly readAtS: number;
  /** Infinity: it says nothing of an end. */
  readonly endsAtS: number;
  /** From its issue to its end, in seconds. */
  readonly wholeS: number;
  readonly action: Next['action'];
  readonly dueAtS: number;
  readonly fault: Fault | undefined;
  /** How often its lease was renewed, and how often other data came than before. */
  readonly renewals: number;
  readonly rotations: number;
}

/** A secret that was just read. */
interface Arrival {
  readonly fetched: FetchedSecret;
  readonly lease: Lease | undefined;
  readonly generation: number;
}

/** Everything that is kept good, by name. */
export interface Stock {
  readonly holdings: ReadonlyMap<string, Holding>;
  /** All that was read. */
  readonly secrets: Secrets;
  /** Infinity: nothing is ever due. */
  readonly dueAtS: number;
  /** The part of a life after which a secret is replaced. */
  rotateAt(name: string): number;
  /** Seconds until the first of these is due; undefined: never. */
  inS(names: readonly string[]): number | undefined;
  arrived(name: string, arrival: Arrival): void;
  /** An earlier run has written it. @param endsAtS undefined: it has no end */
  takenOver(name: string, times: { readonly endsAtS: number | undefined; readonly dueAtS: number }): void;
  /** It was held before, under another config: what has failed, or can be read again, is due now, and the rest by this config. */
  carriedOver(name: string, holding: Holding): void;
  renewed(name: string, lease: Lease): void;
  /** It cannot be renewed: another one is fetched now. */
  isUp(name: string): void;
  /** What stood against it may be gone. */
  retryNow(name: string): void;
  /** @returns whether it is news: the same failure as before is not */
  failed(name: string, failure: Failure): boolean;
  /** All that waits for the server is due now, if that has answered. */
  goOnAfterOutage(): void;
}

export interface StockParts {
  readonly plans: readonly SecretPlan[];
  readonly settings: WatchSettings;
  readonly clock: LifeClock;
  readonly outage: Outage;
  /** In [0, 1). */
  readonly random: () => number;
}

export function createStock(parts: StockParts): Stock {
  return new Shelf(parts);
}

class Shelf implements Stock {
  readonly holdings = new Map<string, Holding>();
  readonly #parts: StockParts;
  readonly #plans: ReadonlyMap<string, SecretPlan>;

  constructor(parts: StockParts) {
    this.#parts = parts;
    this.#plans = new Map(parts.plans.map((plan) => [plan.name, plan]));
  }

  get secrets(): Secrets {
    const known = [...this.holdings].flatMap(([name, { fetched }]) =>
      fetched === undefined ? [] : [[name, fetched] as const],
    );
    return new Map(known);
  }

  get dueAtS(): number {
    return Math.min(...[...this.holdings.values()].map((holding) => holding.dueAtS));
  }

  rotateAt(name: string): number {
    return this.#plans.get(name)?.rotateAt ?? this.#parts.settings.rotateAt;
  }

  inS(names: readonly string[]): number | undefined {
    const dueAtS = Math.min(...names.map((name) => this.holdings.get(name)?.dueAtS ?? Infinity));
    return secondsUntil(dueAtS, this.#nowS);
  }

  arrived(name: string, arrival: Arrival): void {
    const plan = this.#plans.get(name);
    if (plan === undefined) return;
    const before = this.holdings.get(name);
    this.#noteAnswer(before);
    const isSame = before?.fetched !== undefined && textsOf(before.fetched) === textsOf(arrival.fetched);
    const { remainingS, overdueS } = endOf(arrival, this.#nowS, isSame ? before : undefined);
    // The same again was not issued now.
    const wholeS = isSame && before.wholeS !== Infinity ? before.wholeS : remainingS;
    const life = lifeOf(plan, arrival, { remainingS, wholeS });
    const [habits, random] = [this.#habitsOf(plan), this.#parts.random()];
    const nextIn = isSame ? nextAfterSame : nextOf;
    this.holdings.set(name, {
      ...(before ?? NEVER_CHANGED),
      plan,
      ...arrival,
      readAtS: this.#nowS,
      endsAtS: this.#nowS + remainingS,
      wholeS,
      ...this.#inTime(
        overdueS === undefined ? nextIn(life, habits, random) : nextPastTheEnd(overdueS, habits, random),
      ),
      fault: undefined,
    });
    if (before !== undefined && !isSame) this.#change(name, { rotations: before.rotations + 1 });
  }

  takenOver(name: string, times: { readonly endsAtS: number | undefined; readonly dueAtS: number }): void {
    const { endsAtS = Infinity, dueAtS } = times;
    const plan = this.#plans.get(name);
    if (plan === undefined) return;
    const unknown = { fetched: undefined, lease: undefined, generation: 0, fault: undefined };
    const wholeS = endsAtS - this.#nowS;
    const known = { readAtS: this.#nowS, endsAtS, wholeS, dueAtS, action: 'fetch' } as const;
    this.holdings.set(name, { plan, ...NEVER_CHANGED, ...unknown, ...known });
  }

  carriedOver(name: string, holding: Holding): void {
    const plan = this.#plans.get(name);
    if (plan !== undefined)
      this.holdings.set(name, { ...holding, plan, dueAtS: this.#dueAnew(plan, holding) });
  }

  #dueAnew(plan: SecretPlan, { fetched, lease, fault, readAtS, endsAtS, ...holding }: Holding): number {
    if (fault !== undefined || fetched === undefined || isReadable(plan, fetched, endsAtS)) return this.#nowS;
    const times = { remainingS: endsAtS - readAtS, wholeS: holding.wholeS };
    const life = lifeOf(plan, { fetched, lease }, times);
    const { action, inS } = nextOf(life, this.#habitsOf(plan), this.#parts.random());
    return action === holding.action ? readAtS + inS : holding.dueAtS;
  }

  renewed(name: string, lease: Lease): void {
    const holding = this.holdings.get(name);
    if (holding?.fetched === undefined) return;
    this.#noteAnswer(holding);
    const remainingS = lease.lease_duration ?? Infinity;
    const { plan, wholeS, renewals } = holding;
    const life = { ...RENEWED, remainingS, wholeS, isRenewable: lease.renewable };
    this.#change(name, {
      lease,
      readAtS: this.#nowS,
      endsAtS: this.#nowS + remainingS,
      ...this.#inTime(nextOf(life, this.#habitsOf(plan), this.#parts.random())),
      fault: undefined,
      renewals: renewals + 1,
    });
  }

  isUp(name: string): void {
    this.#change(name, { action: 'fetch', dueAtS: this.#nowS });
  }

  retryNow(name: string): void {
    this.#change(name, { dueAtS: this.#nowS });
  }

  failed(name: string, failure: Failure): boolean {
    const fault = this.holdings.get(name)?.fault;
    const tries = (fault?.tries ?? 0) + 1;
    const isNews = fault === undefined || sayingOf(fault.failure) !== sayingOf(failure);
    const sinceS = fault?.sinceS ?? this.#nowS;
    const { outage, random } = this.#parts;
    const dueAtS = isOutage(failure.kind)
      ? outage.failed()
      : this.#nowS + retryIn(tries, this.#nowS - sinceS, random());
    this.#change(name, { fault: { failure, tries, sinceS }, dueAtS });
    return isNews;
  }

  goOnAfterOutage(): void {
    if (this.#parts.outage.isOn) return;
    for (const [name, { fault }] of this.holdings) if (isOutage(fault?.failure.kind)) this.retryNow(name);
  }

  /** It has failed for want of a server, and there is one. */
  #noteAnswer(before: Holding | undefined): void {
    if (isOutage(before?.fault?.failure.kind)) this.#parts.outage.over();
  }

  get #nowS(): number {
    return this.#parts.clock.now();
  }

  #change(name: string, changes: Partial<Holding>): void {
    const present = this.holdings.get(name);
    if (present !== undefined) this.holdings.set(name, { ...present, ...changes });
  }

  #inTime({ action, inS }: Next): Pick<Holding, 'action' | 'dueAtS'> {
    return { action, dueAtS: this.#nowS + Math.max(SHORTEST_S, inS) };
  }

  #habitsOf({ refreshMs, rotateAt }: SecretPlan): Habits {
    const { settings } = this.#parts;
    return {
      refreshS: settings.refreshMs / 1000,
      ownRefreshS: refreshMs === undefined ? undefined : refreshMs / 1000,
      rotateAt: rotateAt ?? settings.rotateAt,
    };
  }
}

/** A server that gives less to live is not asked more often. */
const SHORTEST_S = 0.5;

const NEVER_CHANGED = { renewals: 0, rotations: 0 };
const RENEWED = { isStored: false, isWritten: true, isChangedByServer: false };

/** Asking for it again makes nothing new. */
function isReadable(plan: SecretPlan, fetched: FetchedSecret, endsAtS: number): boolean {
  if (isStored(plan, fetched) || isChangedByServer(fetched)) return true;
  return endsAtS === Infinity && plan.write === undefined;
}

function lifeOf(
  plan: SecretPlan,
  { fetched, lease }: Pick<Arrival, 'fetched' | 'lease'>,
  times: Pick<Life, 'remainingS' | 'wholeS'>,
): Life {
  return {
    ...times,
    isRenewable: lease?.renewable === true,
    isStored: isStored(plan, fetched),
    isWritten: plan.write !== undefined,
    isChangedByServer: isChangedByServer(fetched),
  };
}

/** Reading it again makes nothing new, as it does of what comes wrapped: what does not exist may come, too. */
export function isStored({ wrapTtlMs }: SecretPlan, fetched: FetchedSecret): boolean {
  return fetched.kind !== 'found' || (fetched.metadata.isStored === true && wrapTtlMs === undefined);
}

/** The TTL of a lease counts, not that of the token, which is kept good as well. */
function remainingOf({ fetched, lease }: Arrival): number {
  if (lease !== undefined) return lease.lease_duration ?? Infinity;
  const end = fetched.kind === 'found' ? fetched.metadata.expires_at : undefined;
  return end === undefined ? Infinity : end - Date.now() / 1000;
}

interface End {
  /** Seconds; Infinity: it says nothing of an end. */
  readonly remainingS: number;
  /** Seconds since its end; undefined: another one need not be on its way. */
  readonly overdueS: number | undefined;
}

/** @param same what was there before, where it is the same */
function endOf(arrival: Arrival, nowS: number, same: Holding | undefined): End {
  const remainingS = remainingOf(arrival);
  // An answer may say nothing of an end that has passed.
  const sinceS = same !== undefined && same.endsAtS <= nowS ? same.endsAtS : nowS + remainingS;
  const isPast = sinceS <= nowS && (remainingS === Infinity || remainingS <= 0);
  if (isPast && same !== undefined) return { remainingS: sinceS - nowS, overdueS: nowS - sinceS };
  if (remainingS === Infinity && isChangedByServer(arrival.fetched)) return { remainingS: 0, overdueS: 0 };
  return { remainingS, overdueS: undefined };
}

/**
 * The password of a static role, of a database or of LDAP; its TTL is 0 until the server gets to changing it:
 * https://openbao.org/api-docs/secret/databases/#get-static-credentials
 */
export function isChangedByServer(fetched: FetchedSecret): boolean {
  if (fetched.kind !== 'found') return false;
  const keys = entriesOf(fetched);
  return keys.has('last_vault_rotation') && typeof keys.get('ttl') === 'number';
}

/** Of work that was ended and does not say why. */
export const UNKNOWN: Failure = { kind: 'unavailable', message: 'the work was ended' };

/** What a failure says, whatever was asked for, and however often: the same is no news. */
export function sayingOf({ kind, message }: Failure): string {
  return `${kind} ${message.replace(/^\S+: | \(after \d+ attempts\)$/g, '')}`;
}

/** What is in it, but for how long it lives. */
function textsOf(fetched: FetchedSecret): string {
  if (fetched.kind !== 'found') return fetched.kind;
  const entries = [...entriesOf(fetched)].filter(([key]) => key !== 'ttl');
  return hashOf(JSON.stringify(entries));
}

/** When something that ends, or may change, is to be looked at again. Pure. */

/** What a secret says of its own life. All times are in seconds. */
export interface Life {
  /** How long it has left; Infinity: it says nothing of an end. */
  readonly remainingS: number;
  /** From its issue to its end. */
  readonly wholeS: number;
  /** It is a lease that can be renewed. */
  readonly isRenewable: boolean;
  /** Reading it makes nothing new. */
  readonly isStored: boolean;
  /** It was made by data that were sent. */
  readonly isWritten: boolean;
  /** The server changes it by itself at its end, and not before, whoever asks. */
  readonly isChangedByServer: boolean;
}

export interface Habits {
  readonly refreshS: number;
  /** Read this often, whatever its kind. */
  readonly ownRefreshS: number | undefined;
  /** Between 0 and 1. */
  readonly rotateAt: number;
}

export interface Next {
  readonly action: 'renew' | 'fetch';
  /** From now; Infinity: never. */
  readonly inS: number;
}

/** Of what is left of a life before a renewal, as the official clients do. */
const RENEW_AT = 2 / 3;

/** The part of a time that chance takes away, so that many who began together do not stay together. */
const JITTER = 0.1;

/** A server counts whole seconds. */
const AFTER_THE_END_S = 1;

/** @param random in [0, 1) */
export function nextOf(life: Life, habits: Habits, random: number): Next {
  const early = (seconds: number): number => seconds * (1 - JITTER * random);
  const { ownRefreshS } = habits;
  if (ownRefreshS !== undefined) {
    const before = Math.min(ownRefreshS, rotationOf(life, habits));
    return { action: 'fetch', inS: early(before) };
  }
  if (life.isStored) return { action: 'fetch', inS: early(habits.refreshS) };
  if (life.remainingS === Infinity) {
    return { action: 'fetch', inS: life.isWritten ? Infinity : early(habits.refreshS) };
  }
  // It came without a future: asking again at once would be asking without a pause.
  if (life.remainingS <= 0) return { action: 'fetch', inS: early(habits.refreshS) };
  if (life.isChangedByServer) return { action: 'fetch', inS: afterTheEnd(life.remainingS, random) };
  if (life.isRenewable) return { action: 'renew', inS: early(life.remainingS * RENEW_AT) };
  return { action: 'fetch', inS: early(rotationOf(life, habits)) };
}

/** Of what was fetched and is the same as before: the next one comes at the end. */
export function nextAfterSame(life: Life, habits: Habits, random: number): Next {
  const next = nextOf(life, habits, random);
  const isEnding = !life.isStored && life.remainingS !== Infinity && habits.ownRefreshS === undefined;
  return isEnding ? { action: 'fetch', inS: afterTheEnd(life.remainingS, random) } : next;
}

/**
 * Of what is past its end while there is no other yet, as while a server gets to changing a password: often at first, and then the
 * less often the longer that takes.
 * @param overdueS since its end, at least 0
 */
export function nextPastTheEnd(overdueS: number, { refreshS, ownRefreshS }: Habits, random: number): Next {
  const longestS = ownRefreshS ?? refreshS;
  return { action: 'fetch', inS: Math.min(longestS, Math.max(afterTheEnd(0, random), overdueS / 2)) };
}

function afterTheEnd(remainingS: number, random: number): number {
  return remainingS + AFTER_THE_END_S + random;
}

/** Seconds until the part of its life is over after which it is replaced. */
function rotationOf({ remainingS, wholeS }: Life, { rotateAt }: Habits): number {
  return remainingS === Infinity ? Infinity : Math.max(0, remainingS - wholeS * (1 - rotateAt));
}

/** A renewal that leaves it so little that it will not do: whoever waits longer is late. Servers count whole seconds. */
export function isWornOut(remainingS: number, wholeS: number, rotateAt: number): boolean {
  return remainingS < wholeS * (1 - rotateAt) + 1;
}

/** Of the wait before another try, in seconds. */
const LONGEST_WAIT_S = 300;
const SHORTEST_WAIT_S = 0.2;

/**
 * Before another try of what has failed, in seconds: anything between nothing and a limit that doubles, so that many that
 * were cut off together come back one by one. Chance may have made all waits so far short: the limit is no more than twice the time
 * that it has failed for, so that what was soon mended is soon noticed.
 * @param tries so far, at least 1
 * @param failingS since the first of them
 * @param random in [0, 1)
 * @param longestS the limit
 */
export function retryIn(tries: number, failingS: number, random: number, longestS = LONGEST_WAIT_S): number {
  const limitS = Math.min(longestS, 2 ** Math.min(tries, 20), 2 * Math.max(1, failingS));
  return Math.max(SHORTEST_WAIT_S, limitS * random);
}

import { traitsOf } from '../auth/index.ts';
import { parseDuration } from '../base/duration.ts';
import type { JsonValue } from '../base/secret-data.ts';
import type { Config, WatchSettings } from '../config/config.ts';
import { ENGINES } from '../engines/index.ts';
import type { Plan, SecretPlan } from '../plan/plan.ts';
import { nextOf, type Life } from './due-times.ts';

/** When things are renewed, read or replaced, as far as that is known without a server. */
export interface Schedule {
  readonly token: string;
  readonly secrets: readonly {
    readonly name: string;
    /** Seconds from when it was read; chance takes up to a tenth off. Null: its answer will say. */
    readonly after_seconds: number | null;
    readonly rule: string;
  }[];
}

interface Rule {
  readonly afterS: number | undefined;
  readonly rule: string;
}

const RENEWED = 'renewed at two thirds of what is left';

export async function scheduleOf(config: Config, { secrets }: Plan): Promise<Schedule> {
  const logins = await Promise.all(config.auth.map(traitsOf));
  const rotated = partOf(config.watch.rotateAt);
  const replaced = logins.some(({ posts }) => posts)
    ? `replaced by another login at ${rotated} of its life`
    : 'nothing logs in again, as it is given';
  return {
    token: `${RENEWED}; if that does not do, ${replaced}`,
    secrets: secrets.map((secret) => {
      const { afterS = null, rule } = ruleOf(secret, config.watch);
      return { name: secret.name, after_seconds: afterS, rule };
    }),
  };
}

function ruleOf(secret: SecretPlan, watch: WatchSettings): Rule {
  const { refreshMs, write } = secret;
  const rotateAt = secret.rotateAt ?? watch.rotateAt;
  const ends = `replaced at ${partOf(rotateAt)} of its life`;
  if (isStored(secret)) return reading(refreshMs ?? watch.refreshMs);
  const ttl = ttlOf(secret);
  const replacing = ttl && replacingOf(ttl, rotateAt);
  if (refreshMs === undefined && replacing !== undefined) return replacing;
  if (refreshMs !== undefined) {
    if (replacing !== undefined && replacing.afterS * 1000 < refreshMs) return replacing;
    return { afterS: refreshMs / 1000, rule: `${reading(refreshMs).rule}, or ${ends} if that is sooner` };
  }
  const leased = `lease: ${RENEWED}; with an end: ${ends}; without:`;
  if (write !== undefined) return { afterS: undefined, rule: `${leased} kept` };
  return { afterS: undefined, rule: `${leased} ${reading(watch.refreshMs).rule}` };
}

function reading(ms: number): Rule {
  return { afterS: ms / 1000, rule: `read each ${durationText(ms / 1000)}` };
}

function replacingOf({ name, ms }: Ttl, rotateAt: number): Rule & { readonly afterS: number } {
  const afterS = rotation(ms, rotateAt);
  const part = `${partOf(rotateAt)} of its \`${name}\` of ${durationText(ms / 1000)}`;
  return {
    afterS,
    rule: `replaced after ${durationText(afterS)} (${part}), unless the server gives it less`,
  };
}

function rotation(ms: number, rotateAt: number): number {
  const seconds = ms / 1000;
  const life: Life = {
    remainingS: seconds,
    wholeS: seconds,
    isRenewable: false,
    isStored: false,
    isWritten: true,
    isChangedByServer: false,
  };
  return Math.round(nextOf(life, { refreshS: seconds, ownRefreshS: undefined, rotateAt }, 0).inS);
}

function isStored({ engine, write, wrapTtlMs, listing }: SecretPlan): boolean {
  if (listing !== undefined) return true;
  return write === undefined && wrapTtlMs === undefined && engine !== undefined && !ENGINES[engine].mints;
}

interface Ttl {
  /** What says it: `ttl`, `wrap_ttl`. */
  readonly name: string;
  readonly ms: number;
}

function ttlOf({ write, wrapTtlMs }: SecretPlan): Ttl | undefined {
  if (wrapTtlMs !== undefined) return { name: 'wrap_ttl', ms: wrapTtlMs };
  const asked: JsonValue | undefined = write?.reveal()['ttl'];
  if (typeof asked !== 'string' && typeof asked !== 'number') return undefined;
  const ms = parseDuration(String(asked));
  return ms === undefined ? undefined : { name: 'ttl', ms };
}

function partOf(part: number): string {
  return `${String(Math.round(part * 1000) / 10)} %`;
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
] as const;

/** As it would be written in a config: `19h12m`. */
function durationText(seconds: number): string {
  let left = seconds;
  const parts = UNITS.map(([unit, size]) => {
    const count = unit === 's' ? Math.round(left * 10) / 10 : Math.floor(left / size);
    left -= count * size;
    return count === 0 ? '' : `${String(count)}${unit}`;
  });
  return parts.join('') || '0s';
}

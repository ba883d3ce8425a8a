import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { revealedJson } from '../base/revealed-json.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import { withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import type { Scope } from '../host/scope.ts';
import { planConfig } from '../plan/plan-config.ts';
import type { Plan, PlanScope, SecretPlan } from '../plan/plan.ts';
import { tokenOutputsOf } from '../plan/token-outputs.ts';
import { readInputs } from '../render/format-inputs.ts';
import { nobodySees, problemsOf } from './foresight.ts';
import type { LifeClock } from './life-clock.ts';
import type { ReloadSignal } from './reload-signal.ts';
import { leasesOf, replace, type Replacement } from './replace.ts';
import { emptySite, type Site } from './site.ts';
import type { ServiceManager } from './service-manager.ts';
import { createTokenKeeper, type TokenKeeper } from './token-keeper.ts';

/** All that follows from a config. */
export interface Present {
  readonly config: Config;
  readonly plan: Plan;
  readonly site: Site;
  readonly keeper: TokenKeeper;
}

/** What stays the same under any config. */
export interface Context {
  readonly flags: Flags;
  readonly io: Io;
  readonly clock: LifeClock;
  readonly scopeOf: (config: Config) => PlanScope;
  /** Undefined: nobody waits to hear how it goes. */
  readonly manager: ServiceManager | undefined;
  readonly hasCommand: boolean;
  readonly reloads: ReloadSignal;
}

export interface Reloaded {
  /** What there is now. */
  readonly present: Present;
  /** What was published. */
  readonly replacement: Replacement;
  /** The login of before, where there is another one: what hangs on it may still be in use. */
  readonly former: TokenKeeper | undefined;
}

/**
 * Reads the config again, and takes it as a whole: what has changed in it is fetched, everything is rendered, and what differs
 * is published. What the old config held and the new one does not is given up. What can be read again is due at once.
 * @throws RunError; then everything is as it was
 */
export async function reload(present: Present, context: Context, scope: Scope): Promise<Reloaded> {
  const { io, clock } = context;
  const { config, plan } = await readAgain(present, context, scope);
  const isSameLogin = loginText(config) === loginText(present.config);
  const keeper = isSameLogin
    ? present.keeper
    : createTokenKeeper({ config, clock, random: () => io.scope.random() });
  const { generation: before } = keeper;
  keeper.forgive();
  const access = await keeper.access(scope);
  const { generation } = keeper;
  const isSameToken = isSameLogin && generation === before;
  const site = emptySite({ config, plan, keeper, clock, known: [] }, scope);
  const names = carryOver(present, site, isSameToken);
  const terms = {
    access,
    asking: scope,
    generation,
    holdsOldToken: !isSameToken,
    isWhole: true,
    tidies: plan.managed !== undefined || present.plan.managed !== undefined,
  };
  const replacement = await replace(names, site, terms, scope);
  if (replacement.failure !== undefined) {
    if (!isSameLogin) await keeper.close(scope);
    throw new RunError([replacement.failure]);
  }
  keeper.take(config, scope);
  const former = isSameLogin ? undefined : present.keeper;
  // Those of secrets that are declared no longer, too.
  const dropped = isSameLogin
    ? leasesOf([...present.site.stock.holdings.values()], generation, site.stock)
    : [];
  const superseded = [...replacement.superseded, ...dropped];
  return { present: { config, plan, site, keeper }, replacement: { ...replacement, superseded }, former };
}

async function readAgain(
  present: Present,
  { flags, io, scopeOf, hasCommand }: Context,
  scope: Scope,
): Promise<Pick<Present, 'config' | 'plan'>> {
  const config = await loadConfig(flags, { ...io, scope });
  const planned = await planConfig(config, scopeOf(config));
  const plan = {
    ...planned,
    outputs: await withPipes(scope.signal, () => readInputs(planned.outputs)),
  };
  throwIfAny([
    ...problemsOf(config, { env: io.env, cwd: io.cwd, hasCommand }),
    ...nobodySees(plan, config, hasCommand),
    ...fixedFor(config, present.config),
  ]);
  return { config, plan };
}

/**
 * What both configs have is there already.
 * @param isSameToken what hangs on it is good
 * @returns the names of the secrets that are to be fetched
 */
function carryOver(
  { site: from, plan: before }: Present,
  to: Site,
  isSameToken: boolean,
): ReadonlySet<string> {
  const isKept = (secret: SecretPlan): boolean => {
    const holding = from.stock.holdings.get(secret.name);
    const hangs = holding?.lease !== undefined && !isSameToken;
    if (holding?.fetched === undefined || hangs || revealedJson(holding.plan) !== revealedJson(secret))
      return false;
    to.stock.carriedOver(secret.name, holding);
    return true;
  };
  const names = to.plan.secrets.filter((secret) => !isKept(secret)).map(({ name }) => name);
  for (const { target } of to.plan.outputs) {
    const shown = from.display.outputs.get(target.path);
    if (shown !== undefined) to.display.show([shown]);
  }
  to.display.showVariables(from.display.variables);
  const former = tokenOutputsOf(before);
  for (const { where, place, content } of tokenOutputsOf(to.plan)) {
    const same = former.find(
      (one) => one.place === place && revealedJson(one.content) === revealedJson(content),
    );
    const token = same && from.tokens.get(same.where);
    if (token !== undefined) to.tokens.set(where, token);
  }
  return new Set(names);
}

/** A listener that whoever asks knows of. */
function fixedFor({ watch }: Config, before: Config): readonly Failure[] {
  if (watch.health === before.watch.health) return [];
  return [
    {
      kind: 'config',
      message: 'where health is served does not change while it runs',
      where: `${watch.where}.health.address`,
      hint: 'leave it as it was, or start `watch` anew',
    },
  ];
}

function loginText({ auth, server, revoke, concurrency }: Config): string {
  return revealedJson({ auth, server, revoke, concurrency });
}

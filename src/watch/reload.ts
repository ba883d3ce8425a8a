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
 * is published. What the old config held and the new one does not is given up.
 * @throws RunError; then everything is as it was
 */
export async function reload(
  present: Present,
  { flags, io, clock, scopeOf, hasCommand }: Context,
  scope: Scope,
): Promise<Reloaded> {
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
  const isSameLogin = loginText(config) === loginText(present.config);
  const keeper = isSameLogin
    ? present.keeper
    : createTokenKeeper({ config, clock, random: () => io.scope.random() });
  const site = emptySite({ config, plan, keeper, clock, known: [] }, scope);
  const isKept = (secret: SecretPlan): boolean => {
    const holding = present.site.stock.holdings.get(secret.name);
    const hangs = holding?.lease !== undefined && !isSameLogin;
    if (holding?.fetched === undefined || hangs || revealedJson(holding.plan) !== revealedJson(secret))
      return false;
    site.stock.carriedOver(secret.name, holding);
    return true;
  };
  const names = new Set(plan.secrets.filter((secret) => !isKept(secret)).map(({ name }) => name));
  for (const output of present.site.display.outputs.values())
    if (plan.outputs.some(({ target }) => target.path === output.plan.target.path))
      site.display.show([output]);
  site.display.showVariables(present.site.display.variables);
  keeper.forgive();
  const access = await keeper.access(scope);
  const terms = { access, generation: keeper.generation, holdsOldToken: !isSameLogin, isWhole: true };
  const replacement = await replace(names, site, terms, scope);
  if (replacement.failure !== undefined) {
    if (!isSameLogin) await keeper.close(scope);
    throw new RunError([replacement.failure]);
  }
  const former = isSameLogin ? undefined : present.keeper;
  // Those of secrets that are declared no longer, too.
  const dropped = isSameLogin
    ? leasesOf([...present.site.stock.holdings.values()], keeper.generation, site.stock)
    : [];
  const superseded = [...replacement.superseded, ...dropped];
  return { present: { config, plan, site, keeper }, replacement: { ...replacement, superseded }, former };
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

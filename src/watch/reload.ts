import { RunError } from '../base/errors.ts';
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
import { revokeLease } from '../session/leases.ts';
import type { LifeClock } from './life-clock.ts';
import { leasesOf, replace, type Replacement } from './replace.ts';
import { emptySite, type Site } from './site.ts';
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
}

/**
 * Reads the config again, and takes it as a whole: what has changed in it is fetched, everything is rendered, and what differs
 * is published. What the old config held and the new one does not is given up.
 * @returns what there is now, and what was published
 * @throws RunError; then everything is as it was
 */
export async function reload(
  present: Present,
  { flags, io, clock, scopeOf }: Context,
  scope: Scope,
): Promise<{ readonly present: Present; readonly replacement: Replacement }> {
  const config = await loadConfig(flags, { ...io, scope });
  const planned = await planConfig(config, scopeOf(config));
  const plan = {
    ...planned,
    outputs: await withPipes(scope.signal, () => readInputs(planned.outputs)),
  };
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
  const access = await keeper.access(scope);
  const terms = { access, generation: keeper.generation, holdsOldToken: !isSameLogin, isWhole: true };
  const replacement = await replace(names, site, terms, scope);
  if (replacement.failure !== undefined) {
    if (!isSameLogin) await keeper.close(scope);
    throw new RunError([replacement.failure]);
  }
  if (isSameLogin) {
    const { session, sender } = access;
    const ended = leasesOf([...present.site.stock.holdings.values()], keeper.generation, site.stock);
    await Promise.all(ended.map((lease) => revokeLease(lease, session.token, sender, scope)));
  } else await present.keeper.close(scope);
  return { present: { config, plan, site, keeper }, replacement };
}

function loginText({ auth, server, revoke, concurrency }: Config): string {
  return revealedJson({ auth, server, revoke, concurrency });
}

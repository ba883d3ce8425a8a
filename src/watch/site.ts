import type { Config } from '../config/config.ts';
import type { Scope } from '../host/scope.ts';
import type { Plan } from '../plan/plan.ts';
import { renderOutputs } from '../render/render-outputs.ts';
import { leaseOf } from '../session/leases.ts';
import { createDisplay } from './display.ts';
import type { FirstRun } from './first-run.ts';
import type { LifeClock } from './life-clock.ts';
import { publishChanges } from './publish-changes.ts';
import type { Exhibition } from './replace.ts';
import { createStock, type Stock } from './stock.ts';
import type { TokenKeeper } from './token-keeper.ts';

export type Site = Exhibition;

interface SiteParts {
  readonly config: Config;
  readonly plan: Plan;
  readonly keeper: TokenKeeper;
  readonly first: FirstRun;
  readonly clock: LifeClock;
}

/** Nothing is there yet. @param known what an earlier run has written */
export function emptySite(
  {
    config,
    plan,
    keeper,
    clock,
    known,
  }: Pick<SiteParts, 'config' | 'plan' | 'keeper' | 'clock'> & Pick<FirstRun, 'known'>,
  scope: Scope,
): Site {
  const random = (): number => scope.random();
  const stock = createStock({
    plans: plan.secrets,
    settings: config.watch,
    clock,
    outage: keeper.outage,
    random,
  });
  const display = createDisplay(plan.outputs);
  const parts = { config, plan, stock, display, known };
  return {
    plan,
    stock,
    display,
    mountTables: new Map(),
    tokens: new Map(),
    publish: (changed, tidies, work) => publishChanges(changed, tidies, parts, work),
  };
}

/** What is there after the first run: the secrets with their times, and the outputs as they were written. */
export async function openSite(
  { config, plan, keeper, first, clock }: SiteParts,
  scope: Scope,
): Promise<Site> {
  const { outcome, due, known } = first;
  const site = emptySite({ config, plan, keeper, clock, known }, scope);
  const { stock, display, tokens } = site;
  for (const [name, fetched] of outcome.secrets) {
    const lease = leaseOf(fetched, outcome.leases);
    stock.arrived(name, { fetched, lease, generation: keeper.generation });
  }
  takeOver(first, config, stock, clock);
  for (const [where, token] of outcome.tokens) tokens.set(where, token);
  display.show(await renderOutputs(due.rest.outputs, outcome.secrets, tokens));
  for (const output of plan.outputs) {
    const taken = known.find(({ path }) => path === output.target.path);
    if (taken !== undefined) display.show([{ plan: output, files: taken.files }]);
  }
  display.showVariables(outcome.values);
  return site;
}

/** What an earlier run has written hangs on a token that nobody here has: it is replaced in time, not renewed. */
function takeOver({ due }: FirstRun, { watch }: Config, stock: Stock, clock: LifeClock): void {
  const sinceS = clock.now() - Date.now() / 1000;
  for (const { name, expires_at, read_at = Date.now() / 1000 } of due.reused) {
    const byItself =
      expires_at === undefined
        ? read_at + watch.refreshMs / 1000
        : expires_at - (expires_at - read_at) * (1 - stock.rotateAt(name));
    stock.takenOver(name, {
      endsAtS: expires_at === undefined ? undefined : expires_at + sinceS,
      dueAtS: Math.min(byItself, due.nextAt) + sinceS,
    });
  }
}

import type { Config } from '../config/config.ts';
import { readFixtures } from '../fetch/fixtures.ts';
import { withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import type { Plan } from '../plan/plan.ts';
import { readInputs } from '../render/format-inputs.ts';
import { withinTimeout } from '../run/perform.ts';
import { renderAll, type RenderedPlan } from '../run/render-all.ts';
import { fixtureTokens } from '../session/tokens-for-outputs.ts';

/** All outputs and variables, rendered with the values of a file; nothing is written. */
export async function renderFixtures(
  path: string,
  config: Config,
  plan: Plan,
  io: Io,
): Promise<RenderedPlan> {
  using scope = withinTimeout(config, io.scope);
  const secrets = await readFixtures(path, plan.secrets, { ...io, scope });
  const outputs = await withPipes(scope.signal, () => readInputs(plan.outputs));
  return await renderAll({ ...plan, outputs }, { secrets, failures: [] }, fixtureTokens(plan), scope);
}

import { traitsOf } from '../auth/index.ts';
import { throwIfAny, type Failure } from '../base/errors.ts';
import { harmlessJson } from '../base/harmless.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import { readFixtures } from '../fetch/fixtures.ts';
import { NOBODY, resolveReads } from '../fetch/planned-reads.ts';
import { withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import { planConfig } from '../plan/plan-config.ts';
import type { Plan } from '../plan/plan.ts';
import { readInputs } from '../render/format-inputs.ts';
import { inspectCapabilities, warnOfGuessedData } from '../run/inspect.ts';
import { withAnyAddress, withinTimeout } from '../run/perform.ts';
import { renderAll } from '../run/render-all.ts';
import { fixtureTokens } from '../session/tokens-for-outputs.ts';
import { denialOf, describeAccess, enginesFound } from './check-access.ts';
import { describePlan, type Found, type Rendered } from './check-plan.ts';
import { tables } from './check-tables.ts';
import { textsOf } from './declared-variables.ts';

export interface CheckOptions {
  readonly json?: boolean;
  /** Proves the outputs with the values of this file. */
  readonly fixtures?: string;
  /** Logs in, and asks what the token may do; no secret is read. */
  readonly online?: boolean;
  /** `PATH=REF` each. */
  readonly out?: readonly string[];
}

/**
 * `vaultonce check`: validates without a server and shows all that `render`, `exec` and `env` would do.
 * @throws RunError with every problem
 */
export async function check(
  { json = false, fixtures, online = false, out }: CheckOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  const config = await loadConfig(fixtures === undefined ? flags : withAnyAddress(flags), io, {
    outputs: out,
  });
  const { outputs, environment: values } = config;
  const plan = await planConfig(config, { secrets: 'all', outputs, values });
  const rendered = fixtures === undefined ? {} : await renderFixtures(fixtures, config, plan, io);
  const { denials, ...found } = online ? await askServer(config, plan, io) : { denials: [] };
  if (!online) warnOfGuessedData(resolveReads(plan.secrets, new Map(), NOBODY).reads, io.scope.log);
  const logins = await Promise.all(config.auth.map(traitsOf));
  const address = fixtures === undefined ? config.server.address : null;
  const description = { ...describePlan(config, plan, logins), address, ...found, ...rendered };
  io.stdout.write(
    json ? `${harmlessJson(JSON.stringify(description, undefined, 2))}\n` : tables(description),
  );
  throwIfAny(denials);
}

async function askServer(
  config: Config,
  plan: Plan,
  io: Io,
): Promise<Found & { readonly denials: readonly Failure[] }> {
  const inspected = await inspectCapabilities(config, plan, io.scope);
  io.scope.log.stopProgress();
  const denials = inspected.flatMap(denialOf);
  return { access: inspected.map(describeAccess), engines: enginesFound(inspected), denials };
}

async function renderFixtures(path: string, config: Config, plan: Plan, io: Io): Promise<Rendered> {
  using scope = withinTimeout(config, io.scope);
  const secrets = await readFixtures(path, plan.secrets, { ...io, scope });
  const outputs = await withPipes(scope.signal, () => readInputs(plan.outputs));
  const tokens = fixtureTokens(plan);
  const { rendered, values } = await renderAll(
    { ...plan, outputs },
    { secrets, failures: [] },
    tokens,
    scope,
  );
  const variables = textsOf(values).length;
  return { fixtures: path, rendered: rendered.length, rendered_variables: variables };
}

import { traitsOf } from '../auth/index.ts';
import { throwIfAny, type Failure } from '../base/errors.ts';
import { harmlessJson } from '../base/harmless.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import { NOBODY, resolveReads } from '../fetch/planned-reads.ts';
import type { Io } from '../host/io.ts';
import { planConfig } from '../plan/plan-config.ts';
import type { Plan } from '../plan/plan.ts';
import { inspectCapabilities, warnOfGuessedData } from '../run/inspect.ts';
import { withAnyAddress } from '../run/perform.ts';
import { denialOf, describeAccess, enginesFound } from './check-access.ts';
import { describePlan, type Found, type Rendered, type Watched } from './check-plan.ts';
import { tables } from './check-tables.ts';
import { textsOf } from './declared-variables.ts';
import { renderFixtures } from './render-fixtures.ts';

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
  const rendered = fixtures === undefined ? {} : await proven(fixtures, config, plan, io);
  const { denials, ...found } = online ? await askServer(config, plan, io) : { denials: [] };
  if (!online) warnOfGuessedData(resolveReads(plan.secrets, new Map(), NOBODY).reads, io.scope.log);
  const { problems, ...watched } = await foreseen(config, plan, io);
  const logins = await Promise.all(config.auth.map(traitsOf));
  const address = fixtures === undefined ? config.server.address : null;
  const description = {
    ...describePlan(config, plan, logins),
    address,
    ...found,
    ...rendered,
    ...watched,
  };
  io.stdout.write(
    json ? `${harmlessJson(JSON.stringify(description, undefined, 2))}\n` : tables(description),
  );
  throwIfAny([...problems, ...denials]);
}

/** What `watch` would do with it. */
async function foreseen(
  config: Config,
  plan: Plan,
  io: Io,
): Promise<Watched & { readonly problems: readonly Failure[] }> {
  if (!config.watch.isDeclared) return { problems: [] };
  const { foresee } = await import('../watch/start.ts');
  const { problems, warnings, schedule: watch } = await foresee(config, plan, io);
  for (const warning of warnings) io.scope.log.write({ event: 'watch_warning', ...warning });
  return { problems, watch };
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

async function proven(path: string, config: Config, plan: Plan, io: Io): Promise<Rendered> {
  const { rendered, values } = await renderFixtures(path, config, plan, io);
  return { fixtures: path, rendered: rendered.length, rendered_variables: textsOf(values).length };
}

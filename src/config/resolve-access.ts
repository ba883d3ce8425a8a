import { DEFAULT_LOGIN } from '../auth/index.ts';
import { RunError } from '../base/errors.ts';
import type { ConfigFile } from './config-definition.ts';
import type { Config } from './config.ts';
import { placedServer } from './declared-places.ts';
import type { Merged } from './merge.ts';
import { resolveServer } from './server-settings.ts';
import { placeOfSetting, resolveSetting, type Environment, type Flags } from './settings.ts';
import type { Surroundings } from './surroundings.ts';

export const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * What it takes to connect, of a config that may still turn out to be unusable otherwise.
 * @throws RunError `config`
 */
export function resolveAccess(
  file: ConfigFile,
  merged: Merged,
  around: Surroundings,
): Pick<Config, 'server' | 'auth' | 'startupJitterMs' | 'concurrency'> {
  const { timeoutMs, startupJitterMs } = resolveTimes(file, around);
  const server = resolveServer(file.vault, timeoutMs, around.flags, around.env);
  return {
    server: placedServer(server, merged),
    auth: authOf(file),
    startupJitterMs,
    concurrency: file.concurrency,
  };
}

/** The secrets whose outputs of earlier runs may do. */
export function reusedSecrets({ secrets = {} }: ConfigFile): string[] {
  const all = Object.entries(secrets);
  return all.filter(([, secret]) => 'reuse' in secret && secret.reuse === true).map(([name]) => name);
}

export function authOf({ auth = DEFAULT_LOGIN }: ConfigFile): Config['auth'] {
  if (!Array.isArray(auth)) return [auth];
  const [first = DEFAULT_LOGIN, ...others] = auth;
  return [first, ...others];
}

/** @throws RunError for a bad flag or variable */
export function timeoutOf(fromFile: number | undefined, flags: Flags, env: Environment): number {
  return resolveSetting('timeoutMs', flags, env, fromFile) ?? DEFAULT_TIMEOUT_MS;
}

/** @throws RunError `config` for a wait that would use up the whole time */
export function resolveTimes(
  file: ConfigFile,
  { flags, env }: Surroundings,
): Pick<Config, 'timeoutMs' | 'startupJitterMs'> {
  const timeoutMs = timeoutOf(file.timeout, flags, env);
  const startupJitterMs = resolveSetting('startupJitterMs', flags, env, file.startup_jitter) ?? 0;
  if (startupJitterMs < timeoutMs) return { timeoutMs, startupJitterMs };
  throw new RunError('config', '`startup_jitter` must be shorter than `timeout`, which includes it', {
    where: placeOfSetting('startupJitterMs', flags, env),
    hint: 'lower startup_jitter, or raise timeout',
  });
}

import { resolve } from 'node:path';
import { fieldsOf, needsOf } from '../auth/index.ts';
import { RunError, systemErrorCode, throwIfAny } from '../base/errors.ts';
import { configFields } from '../config/config-definition.ts';
import type { Config } from '../config/config.ts';
import { loadWritten } from '../config/load.ts';
import { pathText } from '../config/path-text.ts';
import { declarationOf } from '../config/problems.ts';
import { SETTINGS, type Flags, type SettingName } from '../config/settings.ts';
import { readInput } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import type { ManifestFormat } from '../manifest/format-list.ts';
import { POD_ONLY } from '../manifest/pod-only.ts';
import type { LoginChoice } from '../manifest/facts.ts';
import type { Sidecar, SizedOutput } from '../manifest/manifest-input.ts';
import { planConfig } from '../plan/plan-config.ts';
import type { Plan } from '../plan/plan.ts';
import { VERSION } from '../base/version.ts';
import { parseHealthAddress } from '../watch/health/health-address.ts';
import { renderFixtures } from './render-fixtures.ts';

export interface ManifestFlags {
  readonly format: ManifestFormat;
  readonly name: string;
  readonly container?: readonly string[];
  readonly image?: string;
  readonly serviceAccount?: string;
  readonly podNamespace?: string;
  readonly user?: string;
  readonly audience: string;
  readonly ca: string;
  /** A sidecar, which stays. */
  readonly watch?: true;
  /** A file of values by which outputs are measured. */
  readonly fixtures?: string;
  /** `PATH=REF` each. */
  readonly out?: readonly string[];
}

/** Where relative paths start in the container. */
const POD_CWD = '/';

/** What a pod sets itself, whatever it is here. */
const IN_PODS = ['POD_NAME', 'POD_NAMESPACE', 'POD_UID', 'POD_IP', 'POD_SERVICE_ACCOUNT', 'NODE_NAME'];

/**
 * `vaultonce manifest`: what the config needs in a pod, as YAML for Kubernetes.
 * @throws RunError `usage`, `config`
 */
export async function manifest(own: ManifestFlags, flags: Flags, io: Io): Promise<void> {
  const inPod = Object.fromEntries(IN_PODS.map((name) => [name, POD_ONLY]));
  const env = { ...io.env, ...inPod, POD_NAMESPACE: own.podNamespace ?? POD_ONLY };
  const overridden = { ...flags, set: [...settingsOf(flags), ...(flags.set ?? [])] };
  const options = { outputs: own.out };
  const { config, written, filled } = await loadWritten(overridden, { ...io, env }, POD_CWD, options);
  const plan = await planConfig(config, { secrets: 'all', outputs: config.outputs, values: [] });
  const { manifestOf } = await import('../manifest/manifest-text.ts');
  const { format, name, container = [name], serviceAccount, podNamespace, user, audience, ca } = own;
  const image = own.image ?? `vaultonce:${VERSION}`;
  const result = manifestOf({
    options: {
      ...{ format, name, containers: container, image, serviceAccount, podNamespace, user, audience, ca },
      sidecar: own.watch === true ? await sidecarOf(config, format, io) : undefined,
    },
    definition: configFields(await fieldsOf(config.auth.map(({ method }) => method))),
    written: written.value,
    filled: filled.value,
    placeOf: (path) => declarationOf(path, pathText(path), filled),
    outputs: await sizedOutputs(own.fixtures, config, plan, io),
    config,
    logins: await loginsOf(config, Array.isArray(filled.value['auth'])),
    settings: SETTINGS,
    env: io.env,
    certificateIn: (path, variable) => certificateIn(path, variable, io),
  });
  if ('problems' in result) throw new RunError(result.problems);
  for (const note of result.notes) io.scope.log.write({ event: 'manifest_note', note });
  io.stdout.write(result.text);
}

/** Where a config says nothing: the port of examples. */
const DEFAULT_PORT = 9102;

/** @throws RunError `usage` for policies, whose containers end; `config` for what `watch` would refuse at its start */
async function sidecarOf(config: Config, format: ManifestFormat, { env }: Io): Promise<Sidecar> {
  if (format === 'policy')
    throw new RunError('usage', '--watch is not for --format policy', {
      hint: 'pods that ask for injection get an init container; print a sidecar with another --format',
    });
  const { problemsOf } = await import('../watch/start.ts');
  throwIfAny(problemsOf(config, { env, cwd: POD_CWD, hasCommand: false, isElsewhere: true }));
  const { health, where, onChange: ofAll = [] } = config.watch;
  const handlers = [...new Set(config.outputs.flatMap(({ onChange = ofAll }) => onChange))];
  if (health === undefined) return { port: DEFAULT_PORT, isAssumed: true, socket: undefined, handlers };
  const address = parseHealthAddress(health);
  // The kubelet asks at the address of the pod.
  const isReached =
    address?.kind === 'port' && (address.host === undefined || /^(?:0\.0\.0\.0|::)$/.test(address.host));
  const socket =
    address?.kind === 'socket' ? { path: address.path, where: `${where}.health.address` } : undefined;
  return { port: isReached ? address.port : undefined, isAssumed: false, socket, handlers };
}

/** Flags override the config: in a pod there are none, and the config has what they say. */
const OF_FLAGS = ['address', 'namespace', 'timeoutMs', 'startupJitterMs'] as const satisfies SettingName[];

function settingsOf(flags: Flags): string[] {
  return OF_FLAGS.flatMap((name) => {
    const { flag, file } = SETTINGS[name];
    const value = flags[flag];
    return value === undefined ? [] : [`${file}=${value}`];
  });
}

async function sizedOutputs(
  fixtures: string | undefined,
  config: Config,
  plan: Plan,
  io: Io,
): Promise<SizedOutput[]> {
  const rendered = fixtures === undefined ? [] : (await renderFixtures(fixtures, config, plan, io)).rendered;
  return plan.outputs.map((output) => ({
    ...output,
    sizes: rendered
      .find(({ plan: { where } }) => where === output.where)
      ?.files.map(({ content }) => content.reveal().byteLength),
  }));
}

async function loginsOf({ auth }: Config, isList: boolean): Promise<LoginChoice[]> {
  return Promise.all(
    auth.map(async (login, index) => ({
      at: isList ? ['auth', index] : ['auth'],
      ...(await needsOf(login)),
    })),
  );
}

const LARGEST_CA_BYTES = 100 * 1024;

/** @param variable that names the file; undefined: the config does */
function certificateIn(path: string, variable: string | undefined, { cwd }: Io): string {
  try {
    return readInput(resolve(cwd, path), LARGEST_CA_BYTES).toString('utf8');
  } catch (error) {
    throw new RunError('config', `the CA cannot be read (${systemErrorCode(error) ?? 'unknown error'})`, {
      where: variable === undefined ? 'vault.tls.ca_cert' : `$${variable}`,
      hint:
        variable === undefined
          ? 'policies hold the CA itself: name its file on this machine, as --set vault.tls.ca_cert=FILE'
          : 'correct the variable, or unset it and name the file in the pod: vault.tls.ca_cert',
    });
  }
}

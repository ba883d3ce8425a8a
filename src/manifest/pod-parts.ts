import { createHash } from 'node:crypto';
import type { Failure } from '../base/errors.ts';
import { CONFIG_DIRECTORY, CONFIG_FILE, configFiles } from './config-volume.ts';
import { textsOf } from './config-texts.ts';
import { literalCredentials } from './in-texts.ts';
import { apiMounts, inputFiles } from './input-files.ts';
import type { ManifestInput, Sidecar } from './manifest-input.ts';
import { misplaced, volumeName, type Mount } from './pod-volumes.ts';
import { metadata, namesFor } from './names-of-objects.ts';
import { outputVolumes, resourcesFor, type OutputVolumes } from './output-volumes.ts';
import { IMAGE_USER, userOf, wrongOwners } from './pod-user.ts';
import { podVariables } from './pod-variables.ts';
import { rbacFor, unplacedAccounts } from './rbac.ts';
import { notesFor, type Note } from './requirements.ts';
import { sharesProcesses, socketMount } from './sidecar-parts.ts';

export const CONTAINER = 'vaultonce';

/** What all formats are made of. */
export interface PodParts {
  readonly initContainer: object;
  readonly volumes: readonly object[];
  /** Fields of the pod. */
  readonly shared: { readonly shareProcessNamespace?: true };
  /** Of the application's containers. */
  readonly appMounts: readonly object[];
  /** Of the pod: another config makes other pods. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly configMap: object;
  readonly rbac: readonly object[];
  /** As whom all of the pod can run, so that the application reads the files. */
  readonly user: number;
  /** What somebody has to see to. */
  readonly notes: readonly Note[];
}

export type Assembled = { readonly parts: PodParts } | { readonly problems: readonly Failure[] };

/** All that a config needs in a pod, or why no pod can have it. */
export function podParts(input: ManifestInput): Assembled {
  const { options, outputs } = input;
  const names = namesFor(options);
  const texts = textsOf(input.definition, input.written, input.filled);
  const read = inputFiles(input, names.vaultonce);
  // Before anything is said of paths.
  const literal = literalCredentials(texts, read.mistaken, input);
  if (literal.length > 0) return { problems: literal };
  const config = configFiles(input, read.changes);
  const written = outputVolumes(input);
  const variables = podVariables(input, texts, names.vaultonce);
  const mounts = [
    ...written.mounts,
    configMount(names.vaultonce, config.items),
    ...read.mounts,
    ...apiMounts(input),
    ...socketMount(options.sidecar, written.mounts),
  ];
  const problems = [
    ...read.problems,
    ...config.problems,
    ...misplaced(mounts),
    ...wrongOwners(input),
    ...unplacedAccounts(input),
  ];
  if (problems.length > 0) return { problems };
  const named = mounts.map((mount) => ({ ...mount, name: volumeName(mount, mounts, CONTAINER) }));
  const parts = {
    initContainer: initContainer(input, named, written, variables.env),
    volumes: named.map(({ name, source }) => ({ name, ...source })),
    shared: sharesProcesses(options.sidecar) ? ({ shareProcessNamespace: true } as const) : {},
    appMounts: named.filter(({ role }) => role === 'secrets').map((mount) => mountOf(mount, true)),
    annotations: { 'vaultonce.dev/config-hash': hashOf(config.data) },
    configMap: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata(names.vaultonce, options.podNamespace),
      data: config.data,
    },
    user: userOf(input).runAsUser ?? IMAGE_USER,
    rbac: outputs.some(({ kubernetes }) => kubernetes !== undefined) ? rbacFor(input, names) : [],
  };
  const secretKeys = [...new Set([...read.credentials, ...variables.secretKeys])];
  const hasCa = read.mounts.some(({ role }) => role === 'ca');
  const notes = notesFor(input, names, { secretKeys, hasCa, caKey: read.caKey });
  return { parts: { ...parts, notes } };
}

/** The other volumes hold what it reads. */
const WRITABLE: ReadonlySet<Mount['role']> = new Set(['secrets', 'health']);

type NamedMount = Mount & { readonly name: string };

function initContainer(
  input: ManifestInput,
  mounts: readonly NamedMount[],
  written: OutputVolumes,
  env: readonly object[],
): object {
  return {
    name: CONTAINER,
    image: input.options.image,
    ...runs(input.options.sidecar),
    ...(env.length === 0 ? {} : { env }),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: { ...userOf(input), ...RESTRICTED },
    resources: resourcesFor(written),
    volumeMounts: mounts.map((mount) => mountOf(mount, !WRITABLE.has(mount.role))),
  };
}

const CONFIG_ARGS = ['-c', `${CONFIG_DIRECTORY}/${CONFIG_FILE}`];

/** It holds back what comes after it until everything is written: for as long as a run may take, and once more. */
const PROBED = { periodSeconds: 1, failureThreshold: 120 };

function runs(sidecar: Sidecar | undefined): object {
  if (sidecar === undefined) return { args: ['render', ...CONFIG_ARGS] };
  const { port, isAssumed } = sidecar;
  const more = isAssumed ? ['--set', `watch.health.address=:${String(port)}`] : [];
  const args = ['watch', ...CONFIG_ARGS, ...more];
  const probe =
    port === undefined
      ? { exec: { command: [PROGRAM, 'watch', '--probe', ...CONFIG_ARGS] }, ...PROBED, timeoutSeconds: 5 }
      : { httpGet: { path: '/readyz', port }, ...PROBED };
  return { restartPolicy: 'Always', args, startupProbe: probe };
}

/** In the image. */
const PROGRAM = '/usr/local/bin/vaultonce';

/** The restricted Pod Security profile, in a pod that need not meet it. */
export const RESTRICTED = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

function configMount(name: string, items: object | undefined): Mount {
  return {
    path: CONFIG_DIRECTORY,
    source: { configMap: items === undefined ? { name } : { name, items } },
    role: 'config',
    what: 'the config',
    where: undefined,
  };
}

function mountOf(
  { name, path }: { readonly name: string; readonly path: string },
  readOnly: boolean,
): object {
  return { name, mountPath: path, ...(readOnly ? { readOnly } : {}) };
}

function hashOf(data: Readonly<Record<string, string>>): string {
  return createHash('sha256').update(JSON.stringify(data)).digest('hex').slice(0, 16);
}

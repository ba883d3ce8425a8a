import { shownName } from '../base/shown-text.ts';
import type { ManifestInput } from './manifest-input.ts';
import type { Names } from './names-of-objects.ts';
import { ASSUMED_KIB } from './output-volumes.ts';
import { userOf } from './pod-user.ts';
import { isOfPod } from './pod-only.ts';
import { handlerNotes, userNotes } from './sidecar-parts.ts';

interface Needed {
  /** Keys of the Secret with credentials. */
  readonly secretKeys: readonly string[];
  readonly hasCa: boolean;
  readonly caKey: string | undefined;
}

/** What somebody has to see to. */
export interface Note {
  /** The cluster and the server; the pod; or who reads the files, where the pod is somebody else's. */
  readonly about: 'cluster' | 'pod' | 'readers';
  readonly text: string;
}

/** What must be there besides the manifest, and what was assumed. */
export function notesFor(input: ManifestInput, names: Names, needed: Needed): Note[] {
  const cluster = [
    ...roleNotes(input),
    ...identityNotes(input, needed),
    ...secretNotes(names, needed),
    ...caNotes(input, needed),
    ...accountNotes(input, names),
  ];
  const pod = [...sizeNotes(input), ...addressNotes(input), ...handlerNotes(input.options.sidecar)];
  const readers = [...notesOnReaders(input), ...userNotes(input)];
  return [
    ...cluster.map((text) => ({ about: 'cluster', text }) as const),
    ...pod.map((text) => ({ about: 'pod', text }) as const),
    ...readers.map((text) => ({ about: 'readers', text }) as const),
  ];
}

function roleNotes({ login, options }: ManifestInput): string[] {
  const account = options.serviceAccount ?? 'of the pods';
  if (login.identity === undefined) return [];
  return [
    `the role on the server must accept the service account ${account} and the audience ${options.audience}`,
  ];
}

/** Such as a role of a cloud that the service account has, or the approle of a machine. */
function identityNotes({ login }: ManifestInput, { secretKeys }: Needed): string[] {
  return login.identity === undefined && secretKeys.length === 0
    ? ['nothing here is a credential for the login: the pod or its node must have it']
    : [];
}

function secretNotes({ vaultonce }: Names, { secretKeys }: Needed): string[] {
  return secretKeys.length === 0 ? [] : [`the Secret ${vaultonce} must have ${listed(secretKeys)}`];
}

function caNotes({ options }: ManifestInput, { hasCa, caKey }: Needed): string[] {
  const key = caKey === undefined ? '' : ` as ${shownName(caKey)}`;
  return hasCa ? [`the ConfigMap ${options.ca} must have the server's CA${key}`] : [];
}

function listed(names: readonly string[]): string {
  const keys = names.map(shownName);
  return keys.length === 1 ? `the key ${keys.join('')}` : `the keys ${keys.join(', ')}`;
}

/** What only the owner may read, for an application of another user. */
function notesOnReaders(input: ManifestInput): string[] {
  const files = input.outputs.filter(({ kubernetes }) => kubernetes === undefined);
  if (files.length === 0) return [];
  const { runAsUser } = userOf(input);
  if (files.some(({ target }) => (target.mode & 0o044) === 0))
    return runAsUser === undefined
      ? [
          'some files are for their owner alone: run the application as user 65532, add --user with its number, or set `mode: "0440"` and fsGroup',
        ]
      : [];
  return files.some(({ target }) => (target.mode & 0o004) === 0)
    ? [
        'some files are for their group: set fsGroup in the securityContext of the pod if the application runs as another user',
      ]
    : [];
}

function accountNotes({ outputs, options }: ManifestInput, names: Names): string[] {
  const secrets = outputs.flatMap(({ kubernetes }) => kubernetes?.name ?? []);
  return [
    ...(secrets.length > 0 && options.serviceAccount === undefined
      ? [`the Role is for the service account ${names.serviceAccount}; --service-account names another`]
      : []),
    ...(secrets.some(isOfPod)
      ? ['the Role is for all Secrets of its namespace: only a pod knows the name of its own']
      : []),
  ];
}

function sizeNotes({ outputs }: ManifestInput): string[] {
  const isAssumed = outputs.some(({ sizes, kubernetes }) => kubernetes === undefined && sizes === undefined);
  return isAssumed
    ? [`sizeLimit assumes ${String(ASSUMED_KIB)} KiB for each output; --fixtures FILE measures them`]
    : [];
}

/** Whoever works on this machine has the address of a server here in the environment. */
function addressNotes({ address }: ManifestInput): string[] {
  return /^(?:unix:|https?:\/\/(?:localhost|127\.|\[::1\]))/.test(address)
    ? ['the address of the server is that of this machine, which in a pod is the pod itself']
    : [];
}

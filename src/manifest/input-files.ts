import { basename, dirname, resolve } from 'node:path';
import type { Failure } from '../base/errors.ts';
import { isAtOrBelow } from '../base/paths-below.ts';
import { shownPath } from '../base/shown-text.ts';
import type { ConfigPath } from '../config/interpolate.ts';
import type { Change } from './config-volume.ts';
import type { Fields, ManifestInput } from './manifest-input.ts';
import type { Mount } from './pod-volumes.ts';

/** Where the kubelet puts the token for the cluster's API, which is for nobody else. */
export const AUTOMOUNTED = '/var/run/secrets/kubernetes.io/serviceaccount';
const OWN_TOKEN = '/var/run/secrets/vaultonce/token';
/** The shortest that the API takes. */
const TOKEN_SECONDS = 600;

/** A file that a pod must have for the config. */
interface NeededFile {
  readonly at: ConfigPath;
  /** As the config has it. */
  readonly named: string;
  /** Absolute. */
  readonly path: string;
}

/** What the config reads in a pod besides itself. */
export interface InputFiles {
  readonly mounts: readonly Mount[];
  readonly changes: readonly Change[];
  /** Names of credential files: keys of the Secret. */
  readonly credentials: readonly string[];
  /** The name of the CA's file: a key of its ConfigMap. Undefined: all keys are files, or there is none. */
  readonly caKey: string | undefined;
  /** Credentials in the place of paths. */
  readonly mistaken: readonly ConfigPath[];
  readonly problems: readonly Failure[];
}

export function inputFiles(input: ManifestInput, secretName: string): InputFiles {
  const token = tokenFile(input);
  const ca = caFile(input);
  const files = credentialFiles(input);
  const names = files.map(({ path }) => basename(path));
  const twins = files.filter(({ path }, index) => {
    const first = names.indexOf(basename(path));
    return first !== index && files[first]?.path !== path;
  });
  return {
    mounts: [...token.mounts, ...ca.mounts, ...credentialMounts(files, secretName, input)],
    changes: token.changes,
    credentials: [...new Set(names)],
    caKey: ca.key,
    mistaken: mistakenFor(input, files),
    problems: twins.map(({ at }) => ({
      kind: 'config',
      message: 'two credential files have the same name, and would be one key of a Secret',
      where: input.placeOf(at),
      hint: 'give them different names',
    })),
  };
}

/** What nobody would show as a path. */
function mistakenFor({ login, filled }: ManifestInput, files: readonly NeededFile[]): ConfigPath[] {
  const { ca_cert: file, ca_path: directory } = fieldsAt(filled, ['vault', 'tls']);
  const places: readonly (readonly [ConfigPath, unknown])[] = [
    ...files.map(({ at, named }) => [at, named] as const),
    [[...login.at, login.identity?.field ?? ''], login.identity?.path],
    [['vault', 'tls', 'ca_cert'], file],
    [['vault', 'tls', 'ca_path'], directory],
  ];
  return (
    places
      // What has no slash is below `/`, and reported for that.
      .filter(
        ([, path]) => typeof path === 'string' && path.includes('/') && shownPath(path, '', false) === '',
      )
      .map(([at]) => at)
  );
}

/** A token of the service account that is good for the server alone. */
function tokenFile({ login, options, placeOf }: ManifestInput): Pick<InputFiles, 'mounts' | 'changes'> {
  if (login.identity === undefined) return { mounts: [], changes: [] };
  const { field, path } = login.identity;
  const at = [...login.at, field];
  const declared = resolve('/', path);
  const isApi = isAtOrBelow(AUTOMOUNTED, declared);
  const own = isApi ? OWN_TOKEN : declared;
  const token = { path: basename(own), audience: options.audience, expirationSeconds: TOKEN_SECONDS };
  return {
    mounts: [
      {
        path: dirname(own),
        source: { projected: { sources: [{ serviceAccountToken: token }] } },
        role: 'token',
        what: 'the token of the service account',
        where: isApi ? undefined : placeOf(at),
      },
    ],
    changes: isApi ? [{ at, text: own }] : [],
  };
}

function caFile({
  filled,
  options,
  placeOf,
}: ManifestInput): Pick<InputFiles, 'mounts'> & { key: string | undefined } {
  const at = ['vault', 'tls'];
  const { ca_cert_bytes: bytes, ca_cert: file, ca_path: directory } = fieldsAt(filled, at);
  const field = typeof file === 'string' ? 'ca_cert' : 'ca_path';
  const named = typeof file === 'string' ? file : directory;
  if (bytes !== undefined || typeof named !== 'string') return { mounts: [], key: undefined };
  const path = resolve('/', named);
  const mount = {
    path: field === 'ca_cert' ? dirname(path) : path,
    source: { configMap: { name: options.ca } },
    role: 'ca',
    what: 'the CA',
    where: placeOf([...at, field]),
  } as const;
  return { mounts: [mount], key: field === 'ca_cert' ? basename(path) : undefined };
}

/** Files of the login, of the client certificate, and of outputs. */
function credentialFiles({ filled, login }: ManifestInput): NeededFile[] {
  const { outputs } = filled;
  const count = Array.isArray(outputs) ? outputs.length : 0;
  const places = [
    login.at,
    ['vault', 'tls'],
    ...Array.from({ length: count }, (_item, index) => ['outputs', index]),
  ];
  return places.flatMap((place) =>
    Object.entries(fieldsAt(filled, place)).flatMap(([name, value]): NeededFile[] => {
      const isIdentity = place === login.at && name === login.identity?.field;
      if (isIdentity || typeof value !== 'string' || !FILE_FIELD.test(name)) return [];
      return [{ at: [...place, name], named: value, path: resolve('/', value) }];
    }),
  );
}

/** A key of the config that names a file with a credential. */
const FILE_FIELD = /_file$|^client_(?:cert|key)$/;

function credentialMounts(
  files: readonly NeededFile[],
  secretName: string,
  { placeOf }: ManifestInput,
): Mount[] {
  const groups = Map.groupBy(files, ({ path }) => dirname(path));
  return [...groups].map(([directory, group]) => {
    const names = new Set(group.map(({ path }) => basename(path)));
    const items = [...names].map((name) => ({ key: name, path: name }));
    const [first] = group;
    return {
      path: directory,
      source: { secret: { secretName, items } },
      role: 'credentials',
      what: 'this credential',
      where: first && placeOf(first.at),
    };
  });
}

/** What `kubernetes_secret` needs: all that the kubelet would mount by itself. */
export function apiMounts({ outputs }: Pick<ManifestInput, 'outputs'>): Mount[] {
  const secrets = outputs.flatMap(({ kubernetes, where }) =>
    kubernetes === undefined ? [] : [{ kubernetes, where }],
  );
  const groups = Map.groupBy(secrets, ({ kubernetes }) =>
    resolve('/', kubernetes.serviceAccount ?? AUTOMOUNTED),
  );
  return [...groups].map(([path, group]) => ({
    path,
    source: { projected: { sources: API_ACCESS } },
    role: 'api',
    what: "the token for the cluster's API",
    where: group[0]?.where,
  }));
}

/** https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-token-volume */
const API_ACCESS = [
  { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } },
  { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
];

function fieldsAt(value: unknown, path: ConfigPath): Fields {
  const found = path.reduce<unknown>((inside, step) => (isFields(inside) ? inside[step] : undefined), value);
  return isFields(found) ? found : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

import { readFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { carriedBinaries } from './wheel.ts';

/** The JSON Schemas that Kubernetes publishes, in their strict form, and what follows from them. */

const VERSION = '1.37.0';
/** Of Kubernetes: that of the cluster which all was measured in. */
const KUBERNETES = 'v1.36.0';
const DEFINITIONS = '_definitions.json';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly 'x-kubernetes-patch-merge-key'?: string;
}

export type Fields = Readonly<Record<string, unknown>>;

/** An object of the API. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
  readonly [key: string]: unknown;
}

export interface Kubernetes {
  /** What is wrong with an object, each with its path. */
  problemsWith(object: KubernetesObject): string[];
  /** What the API server, kubectl and kustomize make of a strategic merge patch: lists with a key are merged, what is new comes first. */
  patched<T extends KubernetesObject>(object: T, patch: Fields): T;
}

/** From the PyPI package `kubernetes-validate`, downloaded once into `.cache`. */
export async function kubernetesSchemas(): Promise<Kubernetes> {
  const directory = await carriedBinaries({
    packageName: 'kubernetes-validate',
    version: VERSION,
    directory: (files) =>
      files
        .find((file) => file.endsWith(`${KUBERNETES}-local-strict/${DEFINITIONS}`))
        ?.replace(/\/[^/]+$/, ''),
    cachedAs: `kubernetes-schemas-${KUBERNETES}`,
    // The largest of them: there is no program.
    program: DEFINITIONS,
    prepare: (unpacked) => chmod(join(unpacked, DEFINITIONS), 0o755),
  });
  const read = (name: string): Schema & { readonly $defs?: Readonly<Record<string, Schema>> } =>
    JSON.parse(readFileSync(join(directory, name), 'utf8')) as Schema;
  const { $defs = {} } = read(DEFINITIONS);
  const resolved = (schema: Schema): Schema => {
    const name = schema.$ref?.split('/').at(-1);
    return name === undefined ? schema : { ...resolved($defs[name] ?? {}), ...mergeKeyOf(schema) };
  };
  const schemaOf = ({ apiVersion, kind }: KubernetesObject): Schema => {
    const [version = '', group] = apiVersion.split('/').reverse();
    const parts = [kind.toLowerCase(), ...(group === undefined ? [] : [group.split('.')[0]]), version];
    return read(`${parts.join('-')}.json`);
  };
  return {
    problemsWith: (object) => problemsOf(object, schemaOf(object), object.kind, resolved),
    patched: (object, patch) => merged(object, patch, schemaOf(object), resolved) as typeof object,
  };
}

type Resolve = (schema: Schema) => Schema;

function mergeKeyOf(schema: Schema): Schema {
  const key = schema['x-kubernetes-patch-merge-key'];
  return key === undefined ? {} : { 'x-kubernetes-patch-merge-key': key };
}

function problemsOf(value: unknown, unresolved: Schema, path: string, resolved: Resolve): string[] {
  const schema = resolved(unresolved);
  const { type, oneOf, items, required = [] } = schema;
  const types = type === undefined ? [] : [type].flat();
  if (types.length > 0 && !types.some((one) => isOfType(value, one)))
    return [`${path} is not of type ${types.join(', ')}`];
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${path} is none of its values`];
  if (oneOf !== undefined && oneOf.every((one) => problemsOf(value, one, path, resolved).length > 0))
    return [`${path} is of no type that it can have`];
  if (Array.isArray(value)) {
    return value.flatMap((item, index) =>
      items === undefined ? [] : problemsOf(item, items, `${path}[${String(index)}]`, resolved),
    );
  }
  if (!isMap(value)) return [];
  const missing = required.filter((name) => value[name] === undefined);
  return [
    ...missing.map((name) => `${path}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, item]) => {
      const part = partOf(schema, name);
      if (part === undefined) return [`${path}.${name} does not exist`];
      return problemsOf(item, part, `${path}.${name}`, resolved);
    }),
  ];
}

function partOf({ properties = {}, additionalProperties = {} }: Schema, name: string): Schema | undefined {
  const known = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (known !== undefined) return known;
  return typeof additionalProperties === 'boolean'
    ? additionalProperties
      ? {}
      : undefined
    : additionalProperties;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case 'object':
      return isMap(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}

function merged(value: unknown, patch: unknown, unresolved: Schema, resolved: Resolve): unknown {
  const schema = resolved(unresolved);
  const key = schema['x-kubernetes-patch-merge-key'];
  if (Array.isArray(patch) && Array.isArray(value) && key !== undefined) {
    const keyOf = (item: unknown): unknown => (item as Fields)[key];
    const known = value.map((item: unknown) => {
      const change = patch.find((one) => keyOf(one) === keyOf(item)) as unknown;
      return change === undefined ? item : merged(item, change, schema.items ?? {}, resolved);
    });
    const added = patch.filter((one) => !value.some((item) => keyOf(item) === keyOf(one)));
    return [...(added as unknown[]), ...known];
  }
  if (!isMap(patch) || !isMap(value)) return patch;
  const result: Record<string, unknown> = { ...value };
  for (const [name, change] of Object.entries(patch)) {
    const old = result[name];
    if (change === null) {
      Reflect.deleteProperty(result, name);
      continue;
    }
    result[name] = old === undefined ? change : merged(old, change, partOf(schema, name) ?? {}, resolved);
  }
  return result;
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: Fields }[];
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[] };
    readonly seccompProfile?: { readonly type: string };
  };
  readonly resources?: { readonly requests?: Fields; readonly limits?: Fields };
  readonly terminationMessagePolicy?: string;
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly readOnly?: boolean;
  }[];
}

export interface PodSpec {
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly shareProcessNamespace?: boolean;
  readonly securityContext?: {
    readonly runAsNonRoot?: boolean;
    readonly runAsUser?: number;
    readonly runAsGroup?: number;
    readonly fsGroup?: number;
    readonly seccompProfile?: { readonly type: string };
  };
  readonly initContainers?: readonly Container[];
  readonly containers?: readonly Container[];
  readonly volumes?: readonly ({ readonly name: string } & Fields)[];
}

/** The pod that an object makes, if it makes any. */
export function podOf(object: KubernetesObject): PodSpec | undefined {
  const spec = object['spec'] as Fields | undefined;
  const job = spec?.['jobTemplate'] as { readonly spec: Fields } | undefined;
  const template = (job?.spec ?? spec)?.['template'] as { readonly spec: PodSpec } | undefined;
  return template?.spec;
}

/** What the schemas do not say: names that lead nowhere, places that are taken twice. */
export function podProblems({ initContainers = [], containers = [], volumes = [] }: PodSpec): string[] {
  const names = volumes.map(({ name }) => name);
  const all = [...initContainers, ...containers];
  return [
    ...repeated(names).map((name) => `two volumes are called ${name}`),
    ...repeated(all.map(({ name }) => name)).map((name) => `two containers are called ${name}`),
    ...[...names, ...all.map(({ name }) => name)]
      .filter((name) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      .map((name) => `${name} is no label`),
    ...volumes
      .filter((volume) => Object.keys(volume).length !== 2)
      .map(({ name }) => `${name} has not one source`),
    ...all.flatMap(({ name, volumeMounts = [], env = [] }) => [
      ...repeated(volumeMounts.map(({ mountPath }) => mountPath)).map(
        (path) => `${name} has two mounts at ${path}`,
      ),
      ...volumeMounts.filter((one) => !names.includes(one.name)).map((one) => `${name} mounts ${one.name}`),
      ...repeated(env.map((one) => one.name)).map((one) => `${name} has two variables ${one}`),
    ]),
  ];
}

/** What the restricted Pod Security profile forbids: https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
export function unrestricted({
  securityContext: pod = {},
  initContainers = [],
  containers = [],
}: PodSpec): string[] {
  return [...initContainers, ...containers].flatMap(({ name, securityContext: own = {} }) => {
    const seccomp = (own.seccompProfile ?? pod.seccompProfile)?.type;
    const checks: readonly (readonly [string, boolean])[] = [
      ['runAsNonRoot', (own.runAsNonRoot ?? pod.runAsNonRoot) === true],
      ['runAsUser', (own.runAsUser ?? pod.runAsUser) !== 0],
      ['allowPrivilegeEscalation', own.allowPrivilegeEscalation === false],
      ['capabilities', own.capabilities?.drop?.includes('ALL') === true],
      ['seccompProfile', seccomp === 'RuntimeDefault'],
    ];
    return checks.filter(([, isRight]) => !isRight).map(([what]) => `${name}: ${what}`);
  });
}

function repeated(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}

/** A workload as somebody has it before a patch: with an init container, a volume and a mount of its own. */
export function ownDeployment(name: string): KubernetesObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          initContainers: [{ name: 'migrate', image: 'migrate:1.0.0' }],
          containers: [
            { name, image: `${name}:1.0.0`, volumeMounts: [{ name: 'data', mountPath: '/data' }] },
            { name: 'other', image: 'other:1.0.0' },
          ],
          volumes: [{ name: 'data', emptyDir: {} }],
        },
      },
    },
  };
}

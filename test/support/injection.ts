import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import type { Fields } from './apply-mutation.ts';
import type { Policy, Review } from './cel-policies.ts';

const directory = join(import.meta.dirname, '../../examples/kubernetes-injection');

export const textOf = (name: string): string => readFileSync(join(directory, name), 'utf8');

export function objectsOf(name: string): Fields[] {
  return loadAll(textOf(name)) as Fields[];
}

function policiesOf(name: string, kind: string): Policy[] {
  return (objectsOf(name) as unknown as (Policy & { readonly kind: string })[]).filter(
    (one) => one.kind === kind,
  );
}

export const MUTATING = policiesOf('policies.yaml', 'MutatingAdmissionPolicy');
export const VALIDATING = policiesOf('validation.yaml', 'ValidatingAdmissionPolicy')[0]!;
export const PARAMETERS = objectsOf('parameters.yaml')[0]!;

/** Parameters of another cluster. */
export function parametersWith(data: Readonly<Record<string, string>>): Fields {
  return { ...PARAMETERS, data: { ...(PARAMETERS['data'] as Fields), ...data } };
}

export const ENABLED: Fields = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', labels: { 'vaultonce.dev/inject': 'enabled' } },
};

/** What makes a pod fetch one key. */
export const MINIMUM = {
  'vaultonce.dev/role': 'web',
  'out.vaultonce.dev/password': 'secret/web/db#password',
};

interface Asked {
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: Fields;
}

function template({
  annotations = MINIMUM,
  labels = { 'vaultonce.dev/inject': 'true' },
  spec = {},
}: Asked): Fields {
  return {
    metadata: { labels, annotations },
    spec: { containers: [{ name: 'app', image: 'web:1.0.0' }], ...spec },
  };
}

export function pod(asked: Asked = {}): Fields {
  const { metadata, spec } = template(asked) as { metadata: Fields; spec: Fields };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop', ...metadata }, spec };
}

/** How a kind of workload holds its pod template. */
const WORKLOADS: Readonly<Record<string, { readonly resource: string; readonly apiVersion: string }>> = {
  Deployment: { resource: 'deployments', apiVersion: 'apps/v1' },
  StatefulSet: { resource: 'statefulsets', apiVersion: 'apps/v1' },
  DaemonSet: { resource: 'daemonsets', apiVersion: 'apps/v1' },
  ReplicaSet: { resource: 'replicasets', apiVersion: 'apps/v1' },
  ReplicationController: { resource: 'replicationcontrollers', apiVersion: 'v1' },
  Job: { resource: 'jobs', apiVersion: 'batch/v1' },
  CronJob: { resource: 'cronjobs', apiVersion: 'batch/v1' },
};

export const KINDS = Object.keys(WORKLOADS);

/** @param metadata of the workload itself */
export function workload(kind: string, asked: Asked = {}, metadata: Fields = {}): Fields {
  const inside = { template: template(asked) };
  return {
    apiVersion: WORKLOADS[kind]?.apiVersion ?? '',
    kind,
    metadata: { name: 'web', namespace: 'shop', ...metadata },
    spec: kind === 'CronJob' ? { schedule: '@daily', jobTemplate: { spec: inside } } : inside,
  };
}

/** The creation of an object, in a namespace that is enabled. */
export function review(object: Fields, more: Partial<Review> = {}): Review {
  return {
    mutating: MUTATING,
    validating: VALIDATING,
    parameters: PARAMETERS,
    namespace: ENABLED,
    operation: 'CREATE',
    resource: WORKLOADS[typeof object['kind'] === 'string' ? object['kind'] : '']?.resource ?? 'pods',
    object,
    ...more,
  };
}

import { dump } from 'js-yaml';
import { MATCH_CONDITIONS, VARIABLES } from './injection-checked.ts';
import { CHECKS } from './injection-checks.ts';
import { injects, MOUNTS } from './injection-mutations.ts';
import { LABEL } from './injection-names.ts';
import { INJECT, parameters, type Document, type InjectionSettings } from './injection-parameters.ts';

const MOUNT = 'vaultonce-mount';
const API = 'admissionregistration.k8s.io/v1';
const PARAMETERS = 'params.?data.orValue({})';
const NAMESPACES = { matchLabels: { [LABEL]: 'enabled' } };
const PODS = { matchLabels: { [LABEL]: 'true' } };
const CREATED_PODS = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };

/** For Kubernetes 1.36 or later: two policies that change pods, with their bindings. */
function mutatingPolicies({ namespace }: Pick<InjectionSettings, 'namespace'>): Document[] {
  const inject = mutatingPolicy(
    INJECT,
    { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } },
    injects(PARAMETERS),
  );
  const mount = mutatingPolicy(MOUNT, {}, MOUNTS);
  const paramRef = { name: INJECT, namespace, parameterNotFoundAction: 'Deny' };
  return [
    {
      comment: `Pods with the label ${LABEL}: "true", in namespaces with the label ${LABEL}: enabled, get a container that runs first.`,
      object: inject,
    },
    {
      comment: 'Without the parameters no pod with the label starts.',
      object: binding(INJECT, { paramRef }),
    },
    { comment: 'Its outputs, in the containers of the pod.', object: mount },
    { comment: '', object: binding(MOUNT, {}) },
  ];
}

function mutatingPolicy(name: string, more: object, policy: ReturnType<typeof injects>): object {
  return {
    apiVersion: API,
    kind: 'MutatingAdmissionPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'IfNeeded',
      ...more,
      matchConstraints: { objectSelector: PODS, resourceRules: [CREATED_PODS] },
      ...policy,
    },
  };
}

function binding(policyName: string, more: object): object {
  return {
    apiVersion: API,
    kind: 'MutatingAdmissionPolicyBinding',
    metadata: { name: policyName },
    spec: { policyName, ...more, matchResources: { namespaceSelector: NAMESPACES } },
  };
}

const workloads = (group: string, operations: readonly string[], resources: readonly string[]): object => ({
  apiGroups: [group],
  apiVersions: ['v1'],
  operations,
  resources,
});

/** For Kubernetes 1.30 or later: tells mistakes when a workload is applied, and lets no pod start without its outputs. */
function validatingPolicy(): Document[] {
  const written = ['CREATE', 'UPDATE'];
  const resourceRules = [
    CREATED_PODS,
    workloads('', written, ['replicationcontrollers']),
    workloads('apps', written, ['deployments', 'statefulsets', 'daemonsets', 'replicasets']),
    workloads('batch', written, ['jobs', 'cronjobs']),
  ];
  const spec = {
    failurePolicy: 'Fail',
    matchConstraints: { resourceRules },
    matchConditions: MATCH_CONDITIONS,
  };
  const validations = CHECKS.map((check) => ({ ...check, reason: 'Invalid' }));
  return [
    {
      comment:
        'Mistakes are told when a workload is applied, not when its pods fail. In all namespaces, to tell of a label that would do nothing.',
      object: {
        apiVersion: API,
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: INJECT },
        spec: { ...spec, variables: VARIABLES, validations },
      },
    },
    {
      comment: '',
      object: {
        apiVersion: API,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name: INJECT },
        spec: { policyName: INJECT, validationActions: ['Deny'] },
      },
    },
  ];
}

/** For clusters before 1.36 that have Kyverno: the same expressions, in its own kind. */
function kyvernoPolicies({ namespace }: Pick<InjectionSettings, 'namespace'>): Document[] {
  const parameters = `resource.Get('v1', 'configmaps', '${namespace}', '${INJECT}').data`;
  const policy = (name: string, spec: object): object => ({
    apiVersion: 'policies.kyverno.io/v1',
    kind: 'MutatingPolicy',
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      reinvocationPolicy: 'IfNeeded',
      autogen: { podControllers: { controllers: [] } },
      matchConstraints: {
        namespaceSelector: NAMESPACES,
        objectSelector: PODS,
        resourceRules: [CREATED_PODS],
      },
      ...spec,
    },
  });
  return [
    {
      comment: 'For clusters before 1.36, in place of the MutatingAdmissionPolicies.',
      object: policy(INJECT, injects(parameters)),
    },
    { comment: '', object: policy(MOUNT, MOUNTS) },
  ];
}

/** YAML, one document after the other. */
function documentsText(documents: readonly Document[]): string {
  return documents
    .map(
      ({ comment, object }) =>
        `${comment === '' ? '' : `# ${comment}\n`}${dump(object, { lineWidth: -1, noRefs: true })}`,
    )
    .join('---\n');
}

/** All that a cluster needs, validation first: then no pod that asks starts without its outputs. */
export function injectionDocuments(settings: InjectionSettings): object[] {
  return [parameters(settings), ...validatingPolicy(), ...mutatingPolicies(settings)].map(
    ({ object }) => object,
  );
}

/** The ConfigMap that the platform edits. */
export function parametersText(settings: InjectionSettings): string {
  return documentsText([parameters(settings)]);
}

/** What changes pods, for Kubernetes 1.36 or later. */
export function mutatingText(settings: Pick<InjectionSettings, 'namespace'>): string {
  return documentsText(mutatingPolicies(settings));
}

/** What changes pods, where Kyverno does it. */
export function kyvernoText(settings: Pick<InjectionSettings, 'namespace'>): string {
  return documentsText(kyvernoPolicies(settings));
}

/** What refuses mistakes, for either. */
export function validatingText(): string {
  return documentsText(validatingPolicy());
}

import { dump } from 'js-yaml';
import { MATCH_CONDITIONS, VARIABLES } from './injection-checked.ts';
import { CHECKS } from './injection-checks.ts';
import { injects, MOUNTS } from './injection-mutations.ts';
import { LABEL } from './injection-names.ts';

/** What a cluster says for all its pods. */
export interface InjectionSettings {
  /** Kubernetes' namespace of the ConfigMap of parameters. */
  readonly namespace: string;
  readonly image: string;
  /** Of the pods' service account tokens. */
  readonly audience: string;
  /** How a pod with a role logs in: the method, and the key of `auth:` that names the file of the token. */
  readonly login: { readonly method: string; readonly tokenKey: string };
  /** Variables of the container, such as VAULT_ADDR: no pod can say another value. */
  readonly environment: Readonly<Record<string, string>>;
  /** A config below that of each pod. */
  readonly defaults?: string | undefined;
  readonly resources?: {
    readonly cpu: string;
    readonly memory: string;
    readonly memoryLimit: string;
    /** Of the volume of outputs. */
    readonly size: string;
  };
}

/** An object of Kubernetes, and what stands above it. */
interface Document {
  readonly comment: string;
  readonly object: object;
}

const INJECT = 'vaultonce-inject';
const MOUNT = 'vaultonce-mount';
const API = 'admissionregistration.k8s.io/v1';
const PARAMETERS = 'params.?data.orValue({})';
const NAMESPACES = { matchLabels: { [LABEL]: 'enabled' } };
const PODS = { matchLabels: { [LABEL]: 'true' } };
const CREATED_PODS = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };

/** The ConfigMap that the policies read; to change it takes no new policy. */
function parameters(settings: InjectionSettings): Document {
  const { namespace, image, audience, login, environment, defaults, resources } = settings;
  return {
    comment:
      'The parameters of injection, read for each new pod. Keys in capitals are variables of the container; those of the others that are missing have defaults, but for the image.',
    object: {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: INJECT, namespace },
      data: {
        image,
        audience,
        'auth-method': login.method,
        'auth-token-key': login.tokenKey,
        ...(resources && {
          cpu: resources.cpu,
          memory: resources.memory,
          'memory-limit': resources.memoryLimit,
          size: resources.size,
        }),
        ...environment,
        ...(defaults === undefined ? {} : { 'defaults.yaml': defaults }),
      },
    },
  };
}

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

import type { Failure } from '../base/errors.ts';
import type { ManifestInput } from './manifest-input.ts';
import { metadata, type Names } from './names-of-objects.ts';
import { isOfPod } from './pod-only.ts';

/** The least that applying the Secrets takes, in each of their namespaces. */
export function rbacFor(
  { outputs, options }: Pick<ManifestInput, 'outputs' | 'options'>,
  names: Names,
): object[] {
  const secrets = outputs.flatMap(({ kubernetes }) => (kubernetes === undefined ? [] : [kubernetes]));
  const groups = Map.groupBy(secrets, ({ namespace }) => namespace ?? options.podNamespace);
  return [...groups].flatMap(([namespace, group]) => {
    const resourceNames = [...new Set(group.map(({ name }) => name))];
    const named = resourceNames.some(isOfPod) ? {} : { resourceNames };
    const account = { kind: 'ServiceAccount', name: names.serviceAccount };
    const { podNamespace } = options;
    return [
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: metadata(names.vaultonce, namespace),
        rules: [
          // It cannot be granted by name.
          { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
          { apiGroups: [''], resources: ['secrets'], verbs: ['patch'], ...named },
        ],
      },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: metadata(names.vaultonce, namespace),
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: names.vaultonce },
        subjects: [podNamespace === undefined ? account : { ...account, namespace: podNamespace }],
      },
    ];
  });
}

/** A binding in another namespace has to say where the service account is. */
export function unplacedAccounts({
  outputs,
  options,
}: Pick<ManifestInput, 'outputs' | 'options'>): Failure[] {
  const first = outputs.find(({ kubernetes }) => kubernetes?.namespace !== undefined);
  if (first === undefined || options.podNamespace !== undefined) return [];
  return [
    {
      kind: 'usage',
      message: 'a Secret in a namespace of its own needs to know that of the pods',
      where: first.where,
      hint: 'add --pod-namespace NAMESPACE',
    },
  ];
}

import type { ManifestFormatter } from './manifest-format.ts';
import type { ManifestOptions } from './manifest-input.ts';
import { metadata, namesFor } from './names-of-objects.ts';
import { RESTRICTED, type PodParts } from './pod-parts.ts';

export const fullFormat: ManifestFormatter = {
  usage: ({ containers }) =>
    `To use it: put the image of the application in the place of ${containers.map(appImage).join(', ')}, then kubectl apply -f FILE`,
  concerns: ['cluster', 'pod'],
  documents: (parts, options) => [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: metadata(namesFor(options).serviceAccount, options.podNamespace),
      automountServiceAccountToken: false,
    },
    parts.configMap,
    ...parts.rbac,
    deployment(parts, options),
  ],
};

function deployment(parts: PodParts, options: ManifestOptions): object {
  const labels = { app: options.name };
  const { user, initContainer, volumes, shared, appMounts, annotations } = parts;
  const { runAsNonRoot, seccompProfile, ...ofContainers } = RESTRICTED;
  const mounts = appMounts.length === 0 ? {} : { volumeMounts: appMounts };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata(options.name, options.podNamespace),
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: {
          serviceAccountName: namesFor(options).serviceAccount,
          automountServiceAccountToken: false,
          ...shared,
          securityContext: { runAsNonRoot, runAsUser: user, runAsGroup: user, fsGroup: user, seccompProfile },
          initContainers: [initContainer],
          containers: options.containers.map((name) => ({
            name,
            image: appImage(name),
            securityContext: ofContainers,
            ...mounts,
          })),
          volumes,
        },
      },
    },
  };
}

/** A place holder. */
function appImage(container: string): string {
  return `${container}:1.0.0`;
}

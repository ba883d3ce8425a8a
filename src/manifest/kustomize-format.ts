import type { ManifestFormatter } from './manifest-format.ts';
import { workloadPatch } from './pod-patch.ts';
import { yamlText } from './yaml-text.ts';

/** https://kubectl.docs.kubernetes.io/guides/config_management/components/ */
export const kustomizeFormat: ManifestFormatter = {
  usage: () =>
    `The kustomization.yaml of a component. To use it: put what --format objects prints beside it, as objects.yaml,
and name its directory under \`components:\` of an overlay.`,
  concerns: ['cluster', 'pod', 'readers'],
  documents: (parts, options) => [
    {
      apiVersion: 'kustomize.config.k8s.io/v1alpha1',
      kind: 'Component',
      resources: ['objects.yaml'],
      patches: [
        {
          // A pattern; kind and name of the patch itself do not matter.
          target: { kind: 'Deployment|StatefulSet|DaemonSet', name: options.name },
          patch: yamlText({
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            metadata: { name: options.name },
            ...workloadPatch(parts, options),
          }),
        },
      ],
    },
  ],
};

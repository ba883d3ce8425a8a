import type { ManifestFormatter } from './manifest-format.ts';
import { workloadPatch } from './pod-patch.ts';

/** https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/ */
export const patchFormat: ManifestFormatter = {
  usage: ({ name }) =>
    `A patch for a Deployment, StatefulSet or DaemonSet. First apply what --format objects prints, then:
  kubectl patch deployment ${name} --patch-file FILE`,
  concerns: ['cluster', 'pod', 'readers'],
  documents: (parts, options) => [workloadPatch(parts, options)],
};

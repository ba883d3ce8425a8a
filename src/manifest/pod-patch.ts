import type { ManifestOptions } from './manifest-input.ts';
import type { PodParts } from './pod-parts.ts';

/** The change of a workload with pods: a strategic merge patch, which puts what is new in front. */
export function workloadPatch(
  { initContainer, volumes, shared, appMounts, annotations }: PodParts,
  { containers, serviceAccount }: ManifestOptions,
): object {
  const readers = appMounts.length === 0 ? [] : containers.map((name) => ({ name, volumeMounts: appMounts }));
  return {
    spec: {
      template: {
        metadata: { annotations },
        spec: {
          ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
          ...shared,
          initContainers: [initContainer],
          ...(readers.length === 0 ? {} : { containers: readers }),
          volumes,
        },
      },
    },
  };
}

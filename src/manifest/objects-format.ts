import type { ManifestFormatter } from './manifest-format.ts';

export const objectsFormat: ManifestFormatter = {
  usage: () => 'What the pods need besides their own change. To use it: kubectl apply -f FILE',
  concerns: ['cluster'],
  documents: ({ configMap, rbac }) => [configMap, ...rbac],
};

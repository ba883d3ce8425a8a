/** What `vaultonce manifest` prints, by the name that `--format` takes; `manifest-formats.ts` has the code of each. */
export const MANIFEST_FORMATS = ['patch', 'objects', 'kustomize', 'full', 'policy'] as const;

export type ManifestFormat = (typeof MANIFEST_FORMATS)[number];

import type { Facts } from './facts.ts';
import type { ManifestOptions, PodLogin } from './manifest-input.ts';
import type { PodParts } from './pod-parts.ts';
import type { Note } from './requirements.ts';

/** A manifest of one kind: to add one, a file, a line in the registry and a name in `format-list.ts`. */
export interface ManifestFormatter {
  /** What to do with it, as a comment at its top. */
  readonly usage: (options: ManifestOptions) => string;
  /** Which notes are for those who use it. */
  readonly concerns: readonly Note['about'][];
  readonly documents: (parts: PodParts, options: ManifestOptions) => readonly object[];
}

/** A manifest that is not of one config's pods: it takes no outputs. */
export interface PlatformFormatter extends Pick<ManifestFormatter, 'usage'> {
  readonly forAllPods: (facts: Facts, login: PodLogin) => readonly object[];
}

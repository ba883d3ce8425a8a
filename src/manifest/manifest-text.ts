import type { Failure } from '../base/errors.ts';
import { inputOf, type Facts } from './facts.ts';
import type { ManifestFormat } from './format-list.ts';
import { fullFormat } from './full-format.ts';
import { kustomizeFormat } from './kustomize-format.ts';
import type { ManifestFormatter } from './manifest-format.ts';
import { badNames } from './names-of-objects.ts';
import { objectsFormat } from './objects-format.ts';
import { patchFormat } from './patch-format.ts';
import { podParts } from './pod-parts.ts';
import { documentsText } from './yaml-text.ts';

/** A bundle of its own, `dist/manifest.js`: pure, and for `vaultonce manifest` alone. */

const FORMATTERS: Readonly<Record<ManifestFormat, ManifestFormatter>> = {
  patch: patchFormat,
  objects: objectsFormat,
  kustomize: kustomizeFormat,
  full: fullFormat,
};

export type Manifest =
  { readonly text: string; readonly notes: readonly string[] } | { readonly problems: readonly Failure[] };

export function manifestOf(facts: Facts): Manifest {
  const { options } = facts;
  const problems = badNames(options);
  if (problems.length > 0) return { problems };
  const input = inputOf(facts);
  if ('message' in input) return { problems: [input] };
  const assembled = podParts(input);
  if ('problems' in assembled) return assembled;
  const { parts } = assembled;
  const { usage, documents, concerns } = FORMATTERS[options.format];
  const notes = parts.notes.filter(({ about }) => concerns.includes(about)).map(({ text }) => text);
  const listed = notes.length === 0 ? [] : ['Note:', ...notes.map((note) => `- ${note}`)];
  return { text: documentsText([usage(options), ...listed], documents(parts, options)), notes };
}

import type { Failure } from '../base/errors.ts';
import { inputOf, type Facts } from './facts.ts';
import type { ManifestFormat } from './format-list.ts';
import { fullFormat } from './full-format.ts';
import { kustomizeFormat } from './kustomize-format.ts';
import type { ManifestFormatter, PlatformFormatter } from './manifest-format.ts';
import { badNames } from './names-of-objects.ts';
import { objectsFormat } from './objects-format.ts';
import { patchFormat } from './patch-format.ts';
import { podParts } from './pod-parts.ts';
import { policyFormat } from './policy-format.ts';
import { documentsText } from './yaml-text.ts';

/** A bundle of its own, `dist/manifest.js`: pure, and for `vaultonce manifest` alone. */

const FORMATTERS: Readonly<Record<ManifestFormat, ManifestFormatter | PlatformFormatter>> = {
  patch: patchFormat,
  objects: objectsFormat,
  kustomize: kustomizeFormat,
  full: fullFormat,
  policy: policyFormat,
};

export type Manifest =
  { readonly text: string; readonly notes: readonly string[] } | { readonly problems: readonly Failure[] };

const NOTHING_TO_WRITE: Failure = {
  kind: 'config',
  message: 'there is nothing to write: no outputs are declared',
  hint: 'declare `outputs:`, or use --out PATH=REF; `environment:` is for `exec` in the image of the application',
};

export function manifestOf(facts: Facts): Manifest {
  const { options } = facts;
  const problems = badNames(options);
  if (problems.length > 0) return { problems };
  const input = inputOf(facts);
  if ('message' in input) return { problems: [input] };
  const formatter = FORMATTERS[options.format];
  const { usage } = formatter;
  if ('forAllPods' in formatter) {
    return { text: documentsText([usage(options)], formatter.forAllPods(facts, input.login)), notes: [] };
  }
  if (input.outputs.length === 0) return { problems: [NOTHING_TO_WRITE] };
  const assembled = podParts(input);
  if ('problems' in assembled) return assembled;
  const { parts } = assembled;
  const { documents, concerns } = formatter;
  const notes = parts.notes.filter(({ about }) => concerns.includes(about)).map(({ text }) => text);
  const listed = notes.length === 0 ? [] : ['Note:', ...notes.map((note) => `- ${note}`)];
  return { text: documentsText([usage(options), ...listed], documents(parts, options)), notes };
}

import { dump } from 'js-yaml';

/** Texts that readers of YAML 1.1, as Kubernetes has, take for something else are quoted. */
export function yamlText(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true, seqNoIndent: true });
}

/** @param notes what stands above them as a comment */
export function documentsText(notes: readonly string[], documents: readonly object[]): string {
  const comment = notes.flatMap((note) => note.split('\n')).map((line) => `# ${line}`.trimEnd());
  return `${[...comment, ''].join('\n')}${documents.map(yamlText).join('---\n')}`;
}

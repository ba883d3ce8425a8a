import { RunError, type Failure } from '../base/errors.ts';
import type { DeclaredContent } from '../config/config.ts';
import { parseTemplate, undeclaredReferences, type Template } from '../template/parse.ts';
import { undeclared } from './values.ts';

/**
 * Parses a template whose secrets must be declared.
 * @returns undefined for one that does not parse, which is added to the failures
 */
export function planTemplate(
  content: Extract<DeclaredContent, { kind: 'template' }>,
  where: string,
  names: ReadonlySet<string>,
  failures: Failure[],
): Template | undefined {
  const template = parse(content, where, failures);
  if (template === undefined) return undefined;
  for (const { name, file, line } of undeclaredReferences(template, names)) {
    failures.push(undeclared(name, placeIn(where, `${file ?? 'contents'}:${String(line)}`), names));
  }
  return template;
}

function parse(
  { source, file, partials }: Extract<DeclaredContent, { kind: 'template' }>,
  where: string,
  failures: Failure[],
): Template | undefined {
  try {
    return parseTemplate(source, { file, partials });
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    failures.push(...error.failures.map((failure) => ({ ...failure, where: placeIn(where, failure.where) })));
    return undefined;
  }
}

export function placeIn(output: string, place: string | undefined): string {
  return place === undefined ? output : `${output}, ${place}`;
}

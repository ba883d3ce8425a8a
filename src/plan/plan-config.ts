import { RunError, type Failure } from '../base/errors.ts';
import type { Config, DeclaredOutput, DeclaredVariable } from '../config/config.ts';
import { planRun, type Plan, type PlanScope } from './plan.ts';
import { placeIn } from './plan-template.ts';

/**
 * Plans a run. A template that does not parse may be one of Vault Agent, which takes code to recognise that few runs need.
 * @throws RunError `config`, `template`
 */
export async function planConfig(config: Config, scope: PlanScope): Promise<Plan> {
  try {
    return planRun(config, scope);
  } catch (error) {
    if (!(error instanceof RunError) || error.failures.every(({ kind }) => kind !== 'template')) throw error;
    throw new RunError(await explained(error.failures, [...scope.outputs, ...scope.values]));
  }
}

type Declared = Pick<DeclaredOutput | DeclaredVariable, 'content' | 'where'>;

async function explained(
  failures: readonly Failure[],
  declared: readonly Declared[],
): Promise<readonly Failure[]> {
  const { recogniseTemplate } = await import('../config/recognise.ts');
  const findings = declared.flatMap(sourcesOf).flatMap(({ place, source }) => {
    const finding = recogniseTemplate(source);
    return finding === undefined ? [] : [{ ...finding, place }];
  });
  return failures.map((failure) => {
    const where = failure.where?.replace(/:\d+$/, '');
    const found = failure.kind === 'template' ? findings.find(({ place }) => place === where) : undefined;
    if (found === undefined) return failure;
    const { place, line, ...finding } = found;
    return { kind: failure.kind, where: `${place}:${String(line)}`, ...finding };
  });
}

/** The template of an output and its partials, by what their failures say before the line. */
function sourcesOf({ content, where }: Declared): { source: string; place: string }[] {
  if (content.kind !== 'template') return [];
  return [content, ...content.partials.values()].map(({ source, file }) => ({
    source,
    place: placeIn(where, file ?? 'contents'),
  }));
}

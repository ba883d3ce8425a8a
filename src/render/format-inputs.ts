import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { textOf, type Secrets } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import type { FormatInput } from '../formats/format.ts';
import { passwordFromFile } from '../host/credential-files.ts';
import type { OutputPlan } from '../plan/outputs.ts';
import type { ValuePlan } from '../plan/values.ts';
import { resolveValues } from './found-values.ts';

/**
 * Reads inputs of formats from files, such as the passwords of key stores.
 * @throws RunError `config` with every file that cannot be read
 */
export function readInputs(outputs: readonly OutputPlan[]): readonly OutputPlan[] {
  const failures: Failure[] = [];
  const complete = outputs.map((output): OutputPlan => {
    const { content, where } = output;
    if (content.kind !== 'format' || !content.inputs.some(({ source }) => source.kind === 'file'))
      return output;
    const inputs = content.inputs.map((input) => readInput(input, where, failures));
    return { ...output, content: { ...content, inputs } };
  });
  throwIfAny(failures);
  return complete;
}

function readInput(
  input: FormatInput<ValuePlan>,
  where: string,
  failures: Failure[],
): FormatInput<ValuePlan> {
  if (input.source.kind !== 'file') return input;
  try {
    const file = { path: input.source.path, what: input.what, field: `${input.name}_file` };
    return { ...input, source: { kind: 'given', secret: passwordFromFile(file) } };
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    failures.push(
      ...error.failures.map((failure) => ({ ...failure, where: `${where}, ${failure.where ?? ''}` })),
    );
    return input;
  }
}

/**
 * The inputs of a format by name. Files were read earlier, so that a missing one is reported before any request.
 * @returns undefined when one is missing, which is added to the failures
 */
export function foundInputs(
  inputs: readonly FormatInput<ValuePlan>[],
  secrets: Secrets,
  failures: Failure[],
): ReadonlyMap<string, Secret> | undefined {
  const found = inputs.flatMap(({ name, source }) => {
    if (source.kind === 'given') return [[name, source.secret] as const];
    if (source.kind === 'file') return [];
    const { values, failures: missing } = resolveValues([source.value], secrets);
    failures.push(...missing);
    return values.map(({ value }) => [name, new Secret(textOf(value?.reveal() ?? null))] as const);
  });
  return found.length === inputs.length ? new Map(found) : undefined;
}

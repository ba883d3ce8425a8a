import type { Failure } from '../base/errors.ts';
import type { DeclaredVariable, TokenContent } from '../config/config.ts';
import type { KeySelection } from '../formats/keys.ts';
import type { Template } from '../template/parse.ts';
import { planTemplate } from './plan-template.ts';
import type { DeclaredValue, ValuePlan, ValuePlans } from './values.ts';

/** What a variable is made of, by names of secrets of the plan. */
export type VariablePlan = Pick<DeclaredVariable, 'name' | 'where' | 'mask'> & {
  readonly content:
    | TokenContent
    | { readonly kind: 'template'; readonly template: Template }
    | { readonly kind: 'value'; readonly value: ValuePlan }
    | { readonly kind: 'keys'; readonly of: ValuePlan<string | undefined>; readonly keys: KeySelection }
    | { readonly kind: 'secret'; readonly of: ValuePlan<string | undefined> };
};

/** The values and secrets that variables refer to. */
export function sourcesOf(variables: readonly DeclaredVariable[]): DeclaredValue[] {
  return variables.flatMap(({ name, where, content }) => {
    switch (content.kind) {
      case 'value':
        return [{ name, where, ref: content.ref }];
      case 'keys':
      case 'secret':
        return [{ name, where, ref: content.of }];
      case 'template':
      case 'token':
        return [];
    }
  });
}

/**
 * @param values the plans of `sourcesOf`
 * @param names of the declared secrets
 */
export function planVariables(
  variables: readonly DeclaredVariable[],
  values: ValuePlans,
  names: ReadonlySet<string>,
  failures: Failure[],
): VariablePlan[] {
  return variables.flatMap(({ content, ...rest }): VariablePlan[] => {
    if (content.kind === 'token') return [{ ...rest, content }];
    if (content.kind === 'template') {
      const template = planTemplate(content, rest.where, names, failures);
      return template === undefined ? [] : [{ ...rest, content: { kind: 'template', template } }];
    }
    const plan = values.get(content.kind === 'value' ? content.ref : content.of);
    if (plan === undefined) return [];
    if (content.kind === 'value') return [{ ...rest, content: { kind: 'value', value: plan as ValuePlan } }];
    return [{ ...rest, content: { ...content, of: plan } }];
  });
}

/** The names of the secrets that a variable is made of. */
export function secretsOfVariable({ content }: VariablePlan): readonly string[] {
  switch (content.kind) {
    case 'token':
      return [];
    case 'template':
      return [...content.template.secretNames];
    case 'value':
      return [content.value.secret];
    case 'keys':
    case 'secret':
      return [content.of.secret];
  }
}

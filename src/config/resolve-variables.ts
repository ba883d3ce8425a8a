import { throwIfAny, type Failure } from '../base/errors.ts';
import { REF_HINT, SECRET_HINT, type Ref, type Source } from '../shape/ref.ts';
import type { ConfigFile, VariableFile } from './config-definition.ts';
import type { DeclaredVariable, VariableContent } from './config.ts';
import type { Merged } from './merge.ts';
import { declarationOf } from './problems.ts';
import { inlineTemplate } from './templates.ts';

/** The name that stands for all keys of a secret. */
export const ALL_KEYS = '*';

/**
 * The variables of `environment:`.
 * @throws RunError `config` for a secret without a key, and for all keys under a single name
 */
export function resolveVariables({ environment = {} }: ConfigFile, merged: Merged): DeclaredVariable[] {
  const failures: Failure[] = [];
  const variables = Object.entries(environment).flatMap(([name, declared]) => {
    const { directory } = merged.originOf(['environment', name]).source;
    const several = Array.isArray(declared);
    if (several && name !== ALL_KEYS) {
      const where = declarationOf(['environment', name], `environment.${name}`, merged);
      failures.push(problem(where, 'only `*` takes a list', REF_HINT));
    }
    return (several ? declared : [declared]).map((one, index): DeclaredVariable => {
      const variable: VariableFile = 'kind' in one ? { value: one } : one;
      const place = several ? `${name}[${String(index)}]` : name;
      const path = several ? ['environment', name, index] : ['environment', name];
      const where = declarationOf(path, `environment.${place}`, merged);
      failures.push(...problemsOf(name, where, variable));
      return { name, where, content: contentOf(name, variable, directory), mask: variable.mask ?? true };
    });
  });
  throwIfAny(failures);
  return variables;
}

function problemsOf(name: string, where: string, { value, keys, mask }: VariableFile): Failure[] {
  if (name === ALL_KEYS) {
    if (value === undefined) return [problem(where, '`*` needs `value`, a secret', SECRET_HINT)];
    return mask === false ? [problem(where, '`mask` is for a single variable', 'name it besides `*`')] : [];
  }
  if (keys !== undefined) return [problem(where, '`keys` is for `*` only', 'name the key in `value`')];
  if (value === undefined || value.key !== undefined) return [];
  return [problem(where, 'a secret is named, but none of its keys', REF_HINT)];
}

function problem(where: string, message: string, hint: string): Failure {
  return { kind: 'config', message, where, hint };
}

function contentOf(
  name: string,
  { value, keys = {}, template, wrap_ttl, min_ttl }: VariableFile,
  directory: string | undefined,
): VariableContent {
  if (template !== undefined) return { ...inlineTemplate(template, directory), file: 'template' };
  if (value === undefined) return { kind: 'token', wrapTtlMs: wrap_ttl, minTtlMs: min_ttl };
  if (name === ALL_KEYS) return { kind: 'keys', of: value satisfies Source, keys };
  return { kind: 'value', ref: value as Ref };
}

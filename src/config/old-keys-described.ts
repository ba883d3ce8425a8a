import type { Definition, Member, ObjectDefinition } from '../shape/definition.ts';
import type { DeprecatedName } from './deprecated-names.ts';
import { lastOf, stepsOf } from './old-names.ts';

/** The definition of a config with the old names of its keys, too, for whoever describes it: each says what to write instead. */
export function withOldKeys(config: ObjectDefinition, keys: readonly DeprecatedName[]): ObjectDefinition {
  return keys.reduce<ObjectDefinition>(
    (all, name) => put(all, stepsOf(name.old), name) as ObjectDefinition,
    config,
  );
}

function put(definition: Definition, steps: readonly string[], name: DeprecatedName): Definition {
  const [step = '', ...rest] = steps;
  const into = (one: Definition): Definition => put(one, rest, name);
  switch (definition.kind) {
    case 'object':
      return {
        ...definition,
        ...(rest.length === 0 ? named(definition, step, name) : below(definition, step, into)),
      };
    case 'map':
      return step === '*' ? { ...definition, value: into(definition.value) } : definition;
    case 'list':
    case 'one-or-more':
      return step === '[]' ? { ...definition, item: into(definition.item) } : definition;
    case 'parsed':
      return { ...definition, input: put(definition.input, steps, name) };
    case 'either': {
      const [first, second] = definition.options;
      return { ...definition, options: [put(first, steps, name), put(second, steps, name)] };
    }
    case 'variants': {
      const variants = Object.entries(definition.variants).map(
        ([by, one]) => [by, put(one, steps, name)] as const,
      );
      return { ...definition, variants: Object.fromEntries(variants) as typeof definition.variants };
    }
    default:
      return definition;
  }
}

function below({ members }: ObjectDefinition, step: string, into: (one: Definition) => Definition) {
  const member = members[step];
  return member === undefined
    ? {}
    : { members: { ...members, [step]: { ...member, field: into(member.field) } } };
}

/** What the other name takes. Neither is required then: this one may stand for that. */
function named({ members, needed }: ObjectDefinition, old: string, { instead, since }: DeprecatedName) {
  const current = lastOf(instead);
  const member = members[current];
  if (member === undefined) return {};
  const deprecated = `Deprecated since ${since}: write \`${current}\`.`;
  const one: Member = {
    ...member,
    isOptional: true,
    fallback: undefined,
    description: deprecated,
    deprecated,
  };
  return { members: { ...members, [old]: one }, needed: needed.filter((other) => other !== current) };
}

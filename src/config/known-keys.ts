import type { Definition, DefinitionOf } from '../shape/definition.ts';
import type { ConfigPath } from './interpolate.ts';

/** The keys that an object at this path of a config can have. */
export function knownKeys(definition: Definition, path: ConfigPath, value: unknown): string[] {
  const meant = meantBy(definition, value);
  const [step, ...rest] = path;
  if (step === undefined) return meant?.kind === 'object' ? Object.keys(meant.members) : [];
  const next = meant === undefined ? undefined : below(meant, step);
  return next === undefined ? [] : knownKeys(next, rest, childOf(value, step));
}

type Container = DefinitionOf<'object' | 'map' | 'list'>;

/** What a value is meant to be, where there are several ways to write it. */
function meantBy(definition: Definition, value: unknown): Container | undefined {
  switch (definition.kind) {
    case 'object':
    case 'map':
    case 'list':
      return definition;
    case 'parsed':
      return meantBy(definition.input, value);
    case 'either':
      return definition.options
        .map((option) => meantBy(option, value))
        .find((meant) => meant !== undefined && (meant.kind === 'list') === Array.isArray(value));
    case 'one-or-more': {
      const { item } = definition;
      return Array.isArray(value) ? { kind: 'list', item, isFilled: true } : meantBy(item, value);
    }
    case 'variants': {
      const name = childOf(value, definition.by);
      return typeof name === 'string' && Object.hasOwn(definition.variants, name)
        ? definition.variants[name]
        : undefined;
    }
    default:
      return undefined;
  }
}

function below(container: Container, step: string | number): Definition | undefined {
  switch (container.kind) {
    case 'object':
      return Object.hasOwn(container.members, step) ? container.members[step]?.field : undefined;
    case 'map':
      return container.value;
    case 'list':
      return container.item;
  }
}

function childOf(value: unknown, step: string | number): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string | number, unknown>)[step]
    : undefined;
}

import type { Combination } from '../shape/combination.ts';
import type { ConfigPath } from './interpolate.ts';
import { has, isFields, type Fields, type Merged } from './merge.ts';

/** What excludes each other, or goes together: a layer that has one of them has chosen. */
const CHOICES: readonly (readonly string[])[] = [
  ['ca_cert', 'ca_cert_bytes', 'ca_path', 'system_ca'],
  ['client_cert', 'client_key', 'client_key_password', 'client_key_password_file'],
];

/**
 * A config over defaults: those fill in what it does not say. Maps are merged by key and outputs follow one another, as in several
 * configs; what both say is that of the config.
 * @param combinations of the login that the defaults describe
 */
export function overDefaults(config: Merged, defaults: Merged, combinations: readonly Combination[]): Merged {
  const value = filled(config.value, defaults.value, [], combinations);
  const ownOutputs = outputsIn(config.value).length;
  return {
    value,
    originOf(path) {
      const [part, index, ...rest] = path;
      if (part === 'outputs' && typeof index === 'number')
        return index < ownOutputs
          ? config.originOf(path)
          : defaults.originOf([part, index - ownOutputs, ...rest]);
      // What is missing is missing in whatever has the map around it.
      const known = path.slice(0, depthIn(value, path));
      return has(config.value, known) ? config.originOf(path) : defaults.originOf(path);
    },
  };
}

/** They are added once; all else can be filled in again after flags have replaced some of it. */
export function withoutOutputs(defaults: Merged): Merged {
  return { ...defaults, value: { ...defaults.value, outputs: undefined } };
}

function filled(
  upper: Fields,
  lower: Fields,
  path: ConfigPath,
  combinations: readonly Combination[],
): Fields {
  const result: Record<string, unknown> = { ...upper };
  for (const [key, value] of Object.entries(lower).filter(([, one]) => one !== undefined)) {
    const here = [...path, key];
    const own = result[key];
    if (own === undefined) {
      if (!isChosen(key, upper, path, combinations)) result[key] = value;
    } else if (path.length === 0 && key === 'outputs') {
      if (Array.isArray(own) && Array.isArray(value))
        result[key] = [...(own as unknown[]), ...(value as unknown[])];
    } else if (isFields(own) && isFields(value) && !isWhole(here) && isSameLogin(here, own, value)) {
      result[key] = filled(own, value, here, combinations);
    }
  }
  return result;
}

/** Half a secret or variable from one layer and half from another would be neither. */
function isWhole([part, ...rest]: ConfigPath): boolean {
  return (part === 'secrets' || part === 'environment') && rest.length === 1;
}

/** Fields of one method mean nothing to another. */
function isSameLogin([part, ...rest]: ConfigPath, { method }: Fields, lower: Fields): boolean {
  if (part !== 'auth' || rest.length > 0) return true;
  return method === undefined || lower['method'] === undefined || method === lower['method'];
}

/** Whether the upper layer has what excludes this field, such as `token` beside `token_file`. */
function isChosen(
  key: string,
  upper: Fields,
  path: ConfigPath,
  combinations: readonly Combination[],
): boolean {
  const place = path.join('.');
  if (place !== 'auth' && place !== 'vault.tls') return false;
  const given = Object.keys(upper).filter((name) => upper[name] !== undefined);
  const stem = stemOf(key);
  return (
    given.some((name) => stemOf(name) === stem) ||
    CHOICES.some((names) => names.includes(key) && given.some((name) => names.includes(name))) ||
    (place === 'auth' && combinations.some((one) => excludes(one, key, given)))
  );
}

function excludes(combination: Combination, key: string, given: readonly string[]): boolean {
  if (combination.kind !== 'alternatives') return false;
  const groups = combination.of.map((names) => [names].flat());
  const own = groups.find((names) => names.includes(key));
  return (
    own !== undefined && groups.some((names) => names !== own && given.some((name) => names.includes(name)))
  );
}

/** A credential itself, and where else it may come from. */
function stemOf(field: string): string {
  return field.replace(/_(?:file|env)$/, '');
}

function outputsIn({ outputs }: Fields): readonly unknown[] {
  return Array.isArray(outputs) ? outputs : [];
}

function depthIn(value: Fields, path: ConfigPath): number {
  const missing = path.findIndex((_, index) => !has(value, path.slice(0, index + 1)));
  return missing === -1 ? path.length : missing;
}

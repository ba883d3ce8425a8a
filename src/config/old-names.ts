import type { LogEvent } from '../host/log-events.ts';
import { DEPRECATED, type DeprecatedName } from './deprecated-names.ts';

type Keys = readonly DeprecatedName[];

/** That an old name was taken. */
export type Deprecated = Extract<LogEvent, { event: 'deprecated' }>;

/** The path of a key as `--set` has it, by the names of today. */
export function currentKey(key: string, keys: Keys = DEPRECATED.keys): string {
  return nameOfKey(key, keys)?.instead ?? key;
}

/** The old name that `--set` gives a key, if it is one. */
export function nameOfKey(key: string, keys: Keys = DEPRECATED.keys): DeprecatedName | undefined {
  const steps = key.split('.');
  for (const name of keys) {
    // A list of one may be written without it.
    const pattern = stepsOf(name.old).filter((step) => step !== '[]');
    if (pattern.length !== steps.length) continue;
    if (!pattern.every((step, index) => step === '*' || step === steps[index])) continue;
    return { ...name, old: key, instead: [...steps.slice(0, -1), lastOf(name.instead)].join('.') };
  }
  return undefined;
}

export function usedName({ old, instead, since }: DeprecatedName, where: string): Deprecated {
  return { event: 'deprecated', name: old, instead, since, where };
}

/** `outputs[].perms`: outputs, [], perms. */
export function stepsOf(path: string): string[] {
  return path.replaceAll('[]', '.[]').split('.');
}

/** The last step of a path. */
export function lastOf(path: string): string {
  return stepsOf(path).at(-1) ?? '';
}

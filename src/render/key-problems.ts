import { DEEPEST } from '../base/depth.ts';
import type { Failure } from '../base/errors.ts';
import type { KeySelection } from '../formats/keys.ts';
import type { OutputPlan } from '../plan/outputs.ts';

/** Keys that an output cannot hold side by side. */

export function keyAndFolder(key: string, { where }: Pick<OutputPlan, 'where'>): Failure {
  return {
    kind: 'output',
    message: `the key \`${key}\` is both a value and an object of other keys`,
    where,
    hint: 'rename it with keys.rename, or leave it out with keys.exclude',
  };
}

export function tooDeepKey({ where }: Pick<OutputPlan, 'where'>): Failure {
  return {
    kind: 'output',
    message: `a key has more than ${String(DEEPEST)} slashes, each of which makes an object of this format`,
    where,
    hint: 'rename it with keys.rename, or leave it out with keys.exclude',
  };
}

/** What to do about a key that a selection names and no secret has. */
export function remedyOf(key: string, { exclude = [] }: KeySelection, otherwise: string): string {
  return exclude.includes(key) ? 'correct the name, or leave it out of keys.exclude' : otherwise;
}

export function conflict(
  key: string,
  secrets: readonly string[],
  { where }: Pick<OutputPlan, 'where'>,
): Failure {
  return {
    kind: 'output',
    message: `the key \`${key}\` is in several secrets: ${secrets.join(', ')}`,
    where,
    hint: 'choose one with `on_conflict: first` or `last`, or leave it out with keys.exclude in an output of its own',
  };
}

export function collision(
  name: string,
  keys: readonly string[],
  { where }: Pick<OutputPlan, 'where'>,
): Failure {
  return {
    kind: 'output',
    message: `the keys ${keys.map((key) => `\`${key}\``).join(', ')} would all be named \`${name}\``,
    where,
    hint: 'give them different names with keys.rename, or leave one out with keys.exclude',
  };
}

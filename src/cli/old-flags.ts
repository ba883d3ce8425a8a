import type { Command } from 'commander';
import { DEPRECATED, type DeprecatedName } from '../config/deprecated-names.ts';
import { nameOfKey, usedName, type Deprecated } from '../config/old-names.ts';
import { keyOfSet, type Environment, type Flags } from '../config/settings.ts';

type Names = readonly DeprecatedName[];
type Tell = (used: Deprecated) => void;

/** Lets all commands take old names of their flags, which are neither in the help nor completed. */
export function takeOldFlags(program: Command, tell: Tell, flags: Names = DEPRECATED.flags): void {
  for (const name of flags) {
    for (const command of program.commands) {
      const current = command.options.find(({ long }) => long === name.instead);
      if (current === undefined) continue;
      const old = command.createOption(current.flags.replace(/^-\w, /, '').replace(name.instead, name.old));
      // To commander it is a flag of its own: its value goes where that of the other one goes.
      const { parseArg, argChoices } = current;
      Object.assign(old, { parseArg, argChoices });
      old.attributeName = () => current.attributeName();
      command.addOption(old.hideHelp());
      command.on(`option:${old.name()}`, () => {
        tell(usedName(name, name.old));
      });
    }
  }
}

/** Tells of old keys in `--set KEY=VALUE`. */
export function tellOfOldKeys({ set = [] }: Pick<Flags, 'set'>, tell: Tell): void {
  for (const text of set) {
    const name = nameOfKey(keyOfSet(text));
    if (name !== undefined) tell(usedName(name, '--set'));
  }
}

/** The environment by the names of today. One that is set by both names counts by the new one. */
export function withCurrentVariables(
  env: Environment,
  tell: Tell,
  variables: Names = DEPRECATED.variables,
): Environment {
  const isSet = (name: string): boolean => (env[name] ?? '') !== '';
  const used = variables.filter(({ old, instead }) => isSet(old) && !isSet(instead));
  if (used.length === 0) return env;
  for (const { old, instead, since } of used)
    tell(usedName({ old: `$${old}`, instead: `$${instead}`, since }, `$${old}`));
  return { ...env, ...Object.fromEntries(used.map(({ old, instead }) => [instead, env[old]] as const)) };
}

import type { CommandDefinitions, FlagDefinition, FlagDefinitions } from '../commands/command.ts';
import { DEPRECATED, type DeprecatedName } from '../config/deprecated-names.ts';
import { nameOfKey, usedName, type Deprecated } from '../config/old-names.ts';
import { keyOfSet, type Environment, type Flags } from '../config/settings.ts';

type Names = readonly DeprecatedName[];
type Tell = (used: Deprecated) => void;

/** The commands, which take old names of their flags, too. */
export function withOldFlags(
  commands: CommandDefinitions,
  names: Names = DEPRECATED.flags,
): CommandDefinitions {
  if (names.length === 0) return commands;
  const all = Object.entries(commands).map(([name, command]) => {
    const old = names.flatMap((flag) => oldFlag(flag, command.flags));
    return [name, { ...command, flags: { ...command.flags, ...Object.fromEntries(old) } }] as const;
  });
  return Object.fromEntries(all);
}

function oldFlag({ old, instead }: DeprecatedName, flags: FlagDefinitions): [string, FlagDefinition][] {
  const current = flags[instead];
  if (current === undefined) return [];
  const { description, value, choices, repeats } = current;
  return [
    [
      old,
      {
        ...{ description, oldNameOf: instead },
        ...(value === undefined ? {} : { value }),
        ...(choices === undefined ? {} : { choices }),
        ...(repeats === undefined ? {} : { repeats }),
      },
    ],
  ];
}

/** Tells of old flags that were given. */
export function tellOfOldFlags(given: readonly string[], tell: Tell, names: Names = DEPRECATED.flags): void {
  for (const flag of given) {
    const name = names.find(({ old }) => old === flag);
    if (name !== undefined) tell(usedName(name, flag));
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

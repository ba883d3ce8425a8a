import { keyOf, type Call, type CommandDefinition, type FlagDefinitions } from '../commands/command.ts';

/**
 * What a command line asks for, if there is nothing wrong with it and nothing unusual in it; undefined, if there may be. It
 * never takes what commander refuses. Commander would do, but loading it, describing a command to it and its first parsing
 * take 2 to 3 ms.
 */
export function readPlainly(command: CommandDefinition, args: readonly string[]): Call | undefined {
  const { flags, argument, passesOn } = command;
  const options: Record<string, unknown> = fallbacksOf(flags);
  const words: string[] = [];
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word.startsWith('-') && word !== '-' && word !== '--') {
      if (takeFlag(word, rest, flags, options)) continue;
      return undefined;
    }
    if (word !== '--') words.push(word);
    if (word === '--' || passesOn === true) words.push(...rest.splice(0));
  }
  return fits(words, argument) && stand(options, flags) ? { command, options, words } : undefined;
}

/** @returns whether the flag is known and its value, which may be the next word, is right */
function takeFlag(
  word: string,
  rest: string[],
  flags: FlagDefinitions,
  options: Record<string, unknown>,
): boolean {
  const { flag, attached } = partsOf(word, flags);
  const definition = flags[flag];
  if (definition === undefined) return false;
  const { value: takesValue, choices, repeats } = definition;
  const key = keyOf(flag);
  if (takesValue === undefined) {
    options[key] = true;
    return attached === undefined;
  }
  const value = attached ?? rest.shift();
  if (value === undefined || choices?.includes(value) === false) return false;
  options[key] = repeats === true ? [...((options[key] as string[] | undefined) ?? []), value] : value;
  return true;
}

function fallbacksOf(flags: FlagDefinitions): Record<string, string> {
  const options: Record<string, string> = {};
  for (const [flag, { fallback }] of Object.entries(flags)) {
    if (fallback !== undefined) options[keyOf(flag)] = fallback;
  }
  return options;
}

interface Parts {
  readonly flag: string;
  /** What follows a `=`. */
  readonly attached: string | undefined;
}

function partsOf(word: string, flags: FlagDefinitions): Parts {
  if (!word.startsWith('--')) {
    const flag = Object.keys(flags).find((name) => flags[name]?.short === word) ?? word;
    return { flag, attached: undefined };
  }
  const end = word.indexOf('=');
  return end === -1
    ? { flag: word, attached: undefined }
    : { flag: word.slice(0, end), attached: word.slice(end + 1) };
}

function fits(words: readonly string[], argument: CommandDefinition['argument']): boolean {
  if (argument === undefined) return words.length === 0;
  const { isNeeded, choices } = argument;
  if (choices !== undefined) return words.length === 1 && choices.includes(words[0] ?? '');
  return isNeeded !== true || words.length > 0;
}

/** Whether all that are needed are there, and none beside one that it excludes. */
function stand(options: Readonly<Record<string, unknown>>, flags: FlagDefinitions): boolean {
  const isGiven = (flag: string): boolean => Object.hasOwn(options, keyOf(flag));
  return Object.entries(flags).every(
    ([flag, { isNeeded, excludes }]) =>
      (isNeeded !== true || isGiven(flag)) &&
      (excludes === undefined || !isGiven(flag) || !isGiven(excludes)),
  );
}

import { resolve } from 'node:path';
import { RunError } from '../base/errors.ts';
import { textOf } from '../base/secret-data.ts';
import { looksLikeCredential } from '../base/shown-text.ts';
import type { Config } from '../config/config.ts';
import type { Variable } from '../deliver/variables/variable.ts';
import { environmentOf } from '../plan/plan.ts';
import type { DeclaredValue } from '../plan/values.ts';
import type { Value } from '../render/found-values.ts';
import { parseRef, REF_HINT } from '../shape/ref.ts';

/** A value named by an argument or flag. @throws RunError `usage` if it is not a reference */
export function valueOfArgument(text: string, name: string, where: string): DeclaredValue {
  const ref = parseRef(text);
  if (ref !== undefined) return { name, where, ref };
  throw new RunError('usage', 'an argument is not a reference to a value', { where, hint: REF_HINT });
}

/** @throws RunError `usage` for what is no path, and may be a credential */
export function pathOfOut(path: string, cwd: string): string {
  if (!looksLikeCredential(path)) return resolve(cwd, path);
  throw new RunError('usage', '--out takes the path of a file', {
    hint: 'what it says is not shown: it looks like a credential',
  });
}

/** The variables of `--env NAME=REF`. @throws RunError `usage` */
export function variablesOfFlags(flags: readonly string[]): DeclaredValue[] {
  const declared = flags.map((flag) => {
    const [, name = '', ref = ''] = /^([A-Za-z_]\w*)=(.+)$/s.exec(flag) ?? [];
    if (name !== '') return valueOfArgument(ref, name, `--env ${name}`);
    throw new RunError('usage', '--env takes NAME=REF', { where: '--env', hint: REF_HINT });
  });
  const repeated = declared.find(({ name }, index) =>
    declared.some((one, at) => at < index && one.name === name),
  );
  if (repeated === undefined) return declared;
  throw new RunError('usage', `--env names \`${repeated.name}\` twice`, { hint: 'name each variable once' });
}

/** The variables of the config and of flags; a flag wins. */
export function variablesOf(config: Config, flags: readonly DeclaredValue[]): DeclaredValue[] {
  const named = new Set(flags.map(({ name }) => name));
  return [...environmentOf(config).filter(({ name }) => !named.has(name)), ...flags];
}

/**
 * The texts of the values that exist; a variable whose optional secret is absent is left out.
 * @throws RunError `output` for what no variable can hold
 */
export function textsOf(values: readonly Value[]): Variable[] {
  return values.flatMap(({ name, where, value }) => {
    if (value === undefined) return [];
    const text = textOf(value.reveal());
    if (!text.includes('\0') && text.isWellFormed()) return [{ name, text }];
    throw new RunError(
      'output',
      `the value of \`${name}\` contains a NUL character or is not valid Unicode`,
      {
        where,
        hint: 'no variable can hold it: write it to a file with an output of `format: raw`',
      },
    );
  });
}

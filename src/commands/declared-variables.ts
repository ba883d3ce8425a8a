import { resolve } from 'node:path';
import { firstOf, RunError, throwIfAny } from '../base/errors.ts';
import { textOf } from '../base/secret-data.ts';
import { looksLikeCredential } from '../base/shown-text.ts';
import type { Config, DeclaredVariable } from '../config/config.ts';
import { ALL_KEYS } from '../config/resolve-variables.ts';
import type { Variable } from '../deliver/variables/variable.ts';
import type { RenderedVariable } from '../render/render-variables.ts';
import { checkRef, checkSource, REF_HINT, SECRET_HINT, type Ref } from '../shape/ref.ts';

/** The flags that name variables. */
export interface VariableFlags {
  readonly env?: readonly string[];
  readonly envFrom?: readonly string[];
  readonly envLines?: string;
}

/**
 * The reference in an argument or flag.
 * @param forAll the flag for all keys of a secret
 * @throws RunError `usage`
 */
export function refOfArgument(text: string, where: string, forAll: string): Ref {
  if (!text.includes('#') && 'value' in checkSource(text))
    throw new RunError('usage', 'the reference names a secret, and none of its keys', {
      where,
      hint: `${REF_HINT}; for all keys use ${forAll}`,
    });
  const ref = checkRef(text);
  if ('value' in ref) return ref.value;
  throw new RunError('usage', `the text is not a reference to a value: ${ref.problem}`, {
    where,
    hint: ref.hint ?? REF_HINT,
  });
}

/** @throws RunError `usage` for what is no path, and may be a credential */
export function pathOfOut(path: string, cwd: string): string {
  if (!looksLikeCredential(path)) return resolve(cwd, path);
  throw new RunError('usage', '--out takes the path of a file', {
    hint: 'what it says is not shown: it looks like a credential',
  });
}

/** The variables of `--env NAME=REF`, `--env-from SECRET` and `--env-lines TEXT`. @throws RunError `usage` */
export async function variablesOfFlags({
  env = [],
  envFrom = [],
  envLines,
}: VariableFlags): Promise<DeclaredVariable[]> {
  const declared = env.map((flag): DeclaredVariable => {
    const [, name, ref = ''] = /^([^=]*)=(.*)$/s.exec(flag) ?? [];
    if (name === undefined)
      throw new RunError('usage', '--env takes NAME=REF', { where: '--env', hint: REF_HINT });
    if (/^[A-Za-z_]\w*$/.test(name)) {
      const where = `--env ${name}`;
      return {
        name,
        where,
        content: { kind: 'value', ref: refOfArgument(ref, where, '--env-from SECRET') },
        mask: true,
      };
    }
    throw new RunError('usage', 'what --env has before the `=` is not the name of a variable', {
      where: '--env',
      hint: 'a name has letters, digits and `_`, and does not start with a digit; for all keys of a secret use --env-from SECRET',
    });
  });
  if (envLines !== undefined) {
    const { readVariableLines } = await import('../migrate/variable-lines.ts');
    const { variables, failures } = readVariableLines(envLines, '--env-lines');
    throwIfAny(firstOf(failures, (failure) => failure));
    declared.push(...variables);
  }
  const repeated = declared.find(
    ({ name }, index) => name !== ALL_KEYS && declared.some((one, at) => at < index && one.name === name),
  );
  if (repeated !== undefined)
    throw new RunError('usage', `the variable \`${repeated.name}\` is named twice`, {
      where: repeated.where,
      hint: 'name each variable once',
    });
  return [...declared, ...[...new Set(envFrom)].map(allKeys)];
}

function allKeys(text: string, index: number): DeclaredVariable {
  const where = index === 0 ? '--env-from' : `--env-from (${String(index + 1)})`;
  const source = checkSource(text);
  if ('value' in source)
    return { name: ALL_KEYS, where, content: { kind: 'keys', of: source.value, keys: {} }, mask: true };
  throw new RunError('usage', `the text does not name a secret: ${source.problem}`, {
    where,
    hint: source.hint ?? SECRET_HINT,
  });
}

/** The variables of the config and of flags; a flag wins. */
export function variablesOf({ environment }: Config, flags: readonly DeclaredVariable[]): DeclaredVariable[] {
  const named = new Set(flags.map(({ name }) => name).filter((name) => name !== ALL_KEYS));
  return [...environment.filter(({ name }) => !named.has(name)), ...flags];
}

/**
 * The texts of the values that exist; a variable whose optional secret is absent is left out.
 * @throws RunError `output` for what no variable can hold
 */
export function textsOf(values: readonly RenderedVariable[]): Variable[] {
  return values.flatMap((variable) => {
    const { name, where, value } = variable;
    if (value === undefined) return [];
    const text = textOf(value.reveal());
    if (!text.includes('\0') && text.isWellFormed()) return [inClear(variable, text)];
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

/** The value and what it is made of, for a moment. */
export function inClear({ name, mask, parts }: RenderedVariable, text: string): Variable {
  return { name, text, mask, parts: parts.map((part) => part.reveal()) };
}

import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import { textOf, type JsonValue } from '../base/secret-data.ts';
import type { DeclaredOutput, DeclaredVariable } from '../config/config.ts';
import { overrideOf, type Flags } from '../config/settings.ts';
import { maskInJob } from '../deliver/variables/index.ts';
import type { Variable } from '../deliver/variables/variable.ts';
import type { Io } from '../host/io.ts';
import type { Scope } from '../host/scope.ts';
import type { RenderedVariable } from '../render/render-variables.ts';
import { perform } from '../run/perform.ts';
import { checkSource } from '../shape/ref.ts';
import { inClear, pathOfOut, refOfArgument } from './declared-variables.ts';

export interface ReadOptions {
  readonly json?: true;
  readonly out?: string;
}

/**
 * `vaultonce read REF…`: single values for scripts. One value is printed unchanged, with a newline only on a terminal;
 * several have a line for each argument; with `--json` they are an object by reference. With `--json` an argument can be a secret as a
 * whole; the only one is the object itself.
 * @throws RunError
 */
export async function read(
  refs: readonly string[],
  { json, out }: ReadOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  const declared = [...new Set(refs)].map((ref) => declaredBy(ref, json === true, refs.indexOf(ref)));
  const [first] = declared;
  if (out !== undefined && (declared.length !== 1 || json === true)) {
    throw new RunError('usage', '--out takes a single reference, and writes its value unchanged', {
      hint: 'run it once for each file, or declare `outputs:` in a config and use `vaultonce render`',
    });
  }
  const output =
    out === undefined || first?.content.kind !== 'value'
      ? undefined
      : outputOf(out, first.content.ref, flags, io);
  if (output === undefined) io.stdout.checkOpen();
  await perform(
    flags,
    {
      printsValues: output === undefined,
      configOptional: true,
      scope: () => ({
        secrets: 'needed',
        outputs: output === undefined ? [] : [output],
        values: output === undefined ? declared : [],
      }),
      deliver: (values, _note, scope) => {
        if (output === undefined) print(refs, values, json === true, io, scope);
      },
    },
    io,
  );
}

/** @throws RunError `usage` for a whole secret that is not to be printed as JSON */
function declaredBy(text: string, json: boolean, index: number): DeclaredVariable {
  const where = `argument ${String(index + 1)}`;
  const whole = text.includes('#') ? undefined : checkSource(text);
  if (json && whole !== undefined && 'value' in whole)
    return { name: text, where, content: { kind: 'secret', of: whole.value }, mask: true };
  const ref = refOfArgument(text, where, '--json');
  return { name: text, where, content: { kind: 'value', ref }, mask: true };
}

/** A reference that stands twice is fetched once, and printed twice. */
function print(
  refs: readonly string[],
  values: readonly RenderedVariable[],
  json: boolean,
  io: Io,
  scope: Scope,
): void {
  const variables = values.flatMap((variable) =>
    variable.value === undefined ? [] : [inClear(variable, textOf(variable.value.reveal()))],
  );
  if (!json) throwIfAny(variables.flatMap((variable) => unprintable(variable, refs.length > 1)));
  maskInJob(variables, io, scope);
  const byRef = new Map(values.map((variable) => [variable.name, variable]));
  const asked = refs.flatMap((ref) => byRef.get(ref) ?? []);
  io.stdout.write(json ? jsonOf(asked) : linesOf(asked, io.stdout.isTTY));
}

function unprintable({ name, text }: Variable, hasOneLine: boolean): Failure[] {
  if (!text.isWellFormed())
    return [
      {
        kind: 'output',
        message: `the value of \`${name}\` has half of a surrogate pair, which is no Unicode text`,
        hint: 'print it with --json, which escapes it',
      },
    ];
  if (!hasOneLine || !/[\r\n]/.test(text)) return [];
  return [
    {
      kind: 'output',
      message: `the value of \`${name}\` has a line break, and several values have a line each`,
      hint: 'print them with --json, or read this one alone',
    },
  ];
}

function outputOf(
  path: string,
  ref: Extract<DeclaredOutput['content'], { kind: 'value' }>['ref'],
  flags: Flags,
  io: Io,
): DeclaredOutput {
  return {
    where: `--out ${path}`,
    path: pathOfOut(path, io.cwd),
    kubernetes: undefined,
    content: { kind: 'value', ref, decode: undefined },
    mode: 0o400,
    directoryMode: 0o700,
    uid: undefined,
    gid: undefined,
    onChange: undefined,
    allowDisk: overrideOf('allowDisk', flags, io.env) ?? false,
  };
}

function linesOf(values: readonly RenderedVariable[], onTerminal: boolean): string {
  const texts = values.map(({ value }) => (value === undefined ? '' : textOf(value.reveal())));
  const [only = ''] = texts;
  if (texts.length === 1) return onTerminal ? `${only}\n` : only;
  return texts.map((text) => `${text}\n`).join('');
}

function jsonOf(values: readonly RenderedVariable[]): string {
  const [only, ...others] = values;
  const entries = values.map(({ name, value }): [string, JsonValue] => [name, value?.reveal() ?? null]);
  const isWhole = only !== undefined && others.length === 0 && !only.name.includes('#');
  const shown = isWhole ? (entries[0]?.[1] ?? null) : Object.fromEntries(entries);
  return `${JSON.stringify(shown, undefined, 2)}\n`;
}

import { RunError } from '../base/errors.ts';
import { textOf, type JsonValue } from '../base/secret-data.ts';
import type { DeclaredOutput } from '../config/config.ts';
import { overrideOf, type Flags } from '../config/settings.ts';
import { maskInJob } from '../deliver/variables/index.ts';
import type { Io } from '../host/io.ts';
import type { Value } from '../render/found-values.ts';
import { perform } from '../run/perform.ts';
import { pathOfOut, valueOfArgument } from './declared-variables.ts';

export interface ReadOptions {
  readonly json?: true;
  readonly out?: string;
}

/**
 * `vaultonce read REF…`: single values for scripts. One value is printed unchanged, with a newline only on a terminal;
 * several have a line each; with `--json` they are an object by reference.
 * @throws RunError
 */
export async function read(
  refs: readonly string[],
  { json, out }: ReadOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  const declared = [...new Set(refs)].map((ref, index) =>
    valueOfArgument(ref, ref, `argument ${String(index + 1)}`),
  );
  const [first] = declared;
  if (out !== undefined && (declared.length !== 1 || json === true)) {
    throw new RunError('usage', '--out takes a single reference, and writes its value unchanged', {
      hint: 'run it once for each file, or declare `outputs:` in a config and use `vaultonce render`',
    });
  }
  const output = out === undefined || first === undefined ? undefined : outputOf(out, first.ref, flags, io);
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
      deliver: (values) => {
        if (output === undefined) print(values, json === true, io);
      },
    },
    io,
  );
}

function print(values: readonly Value[], json: boolean, io: Io): void {
  const texts = values.flatMap(({ name, value }) =>
    value === undefined ? [] : [{ name, text: textOf(value.reveal()) }],
  );
  maskInJob(texts, io);
  io.stdout.write(json ? jsonOf(values) : linesOf(values, io.stdout.isTTY));
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
    allowDisk: overrideOf('allowDisk', flags, io.env) ?? false,
  };
}

function linesOf(values: readonly Value[], onTerminal: boolean): string {
  const texts = values.map(({ value }) => (value === undefined ? '' : textOf(value.reveal())));
  const [only = ''] = texts;
  if (texts.length === 1) return onTerminal ? `${only}\n` : only;
  return texts.map((text) => `${text}\n`).join('');
}

function jsonOf(values: readonly Value[]): string {
  const entries = values.map(({ name, value }): [string, JsonValue] => [name, value?.reveal() ?? null]);
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`;
}

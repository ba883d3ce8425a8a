import { RunError, throwIfAny } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { DeclaredVariable } from '../config/config.ts';
import { isReserved } from '../config/managed-directory.ts';
import { overrideOf, type Flags } from '../config/settings.ts';
import type { Destination } from '../deliver/variables/format-names.ts';
import type { Handover } from '../deliver/variables/handover.ts';
import { failureText, handoverFor, maskInJob } from '../deliver/variables/index.ts';
import { hijackingNames } from '../deliver/variables/job-names.ts';
import type { Variable } from '../deliver/variables/variable.ts';
import type { Io } from '../host/io.ts';
import { explain } from '../host/unexpected.ts';
import type { PlacedOutput } from '../plan/outputs.ts';
import type { Change, WrittenFile } from '../publish/destination.ts';
import { checkTargets } from '../publish/files/targets.ts';
import { stageOutputs } from '../publish/files/write.ts';
import { perform } from '../run/perform.ts';
import {
  pathOfOut,
  textsOf,
  variablesOf,
  variablesOfFlags,
  type VariableFlags,
} from './declared-variables.ts';

export interface EnvOptions extends VariableFlags {
  readonly format?: string;
  readonly to?: Destination;
  readonly out?: string;
  readonly force?: true;
}

/** Where the variables go. */
interface Delivery {
  readonly handover: Handover;
  readonly to: Destination;
  /** Of a text only; else it goes to stdout. */
  readonly file: PlacedOutput | undefined;
}

/**
 * `vaultonce env`: prints the variables, or hands them to the CI system it runs in. Masks come first, whatever the format.
 * @throws RunError
 */
export async function env(options: EnvOptions, flags: Flags, io: Io): Promise<void> {
  try {
    await handOn(options, flags, io);
  } catch (error) {
    const failed = error instanceof RunError ? error : explain(error);
    failInShell(options, failed.exitCode, io);
    throw error;
  }
}

/** Makes the shell fail that evals the output: to it, nothing would be success. */
export function failInShell(
  { format, out }: Pick<EnvOptions, 'format' | 'out'>,
  exitCode: number,
  { stdout, env: environment }: Io,
): void {
  const text = out === undefined ? failureText(format, environment, exitCode) : '';
  if (text === '' || stdout.isTTY) return;
  try {
    stdout.write(text);
  } catch {
    // Why the run has failed matters more.
  }
}

async function handOn(options: EnvOptions, flags: Flags, io: Io): Promise<void> {
  const delivery = deliveryOf(options, flags, io);
  const { handover, to, file } = delivery;
  if (handover.kind === 'text' && file === undefined) io.stdout.checkOpen();
  const refuseHijacking = (variables: readonly Pick<DeclaredVariable, 'name' | 'where'>[]): void => {
    if (!handover.setsJobVariables.includes(to) || options.force === true) return;
    throwIfAny(hijackingNames(variables));
  };
  const named = await variablesOfFlags(options);
  await perform(
    flags,
    {
      printsValues: file === undefined,
      file,
      declares: '`environment:` in the config, or use --env NAME=REF or --env-from SECRET',
      configOptional: named.length > 0,
      scope: (config) => {
        const values = variablesOf(config, named);
        if (handover.kind === 'job') handover.check?.(io, to);
        if (file !== undefined) checkTargets([file]);
        refuseHijacking(values);
        return { secrets: 'needed', outputs: [], values };
      },
      deliver: async (values, note, scope) => {
        // Those of all keys of a secret are known only now.
        refuseHijacking(values);
        const variables = textsOf(values);
        maskInJob(variables, io, scope);
        await deliver(variables, delivery, note, { ...io, scope });
      },
    },
    io,
  );
}

async function deliver(
  variables: readonly Variable[],
  { handover, to, file }: Delivery,
  note: (change: Change) => void,
  io: Io,
): Promise<void> {
  if (handover.kind === 'job') {
    await handover.deliver(variables, io, to);
    io.scope.log.write({ event: 'handed_over', variables: variables.length, to: handover.goesTo(to) });
    return;
  }
  const text = handover.textOf(variables, to);
  const warning = handover.warning?.(to);
  if (warning !== undefined) io.scope.log.write({ event: 'insecure', reason: warning });
  if (file === undefined) io.stdout.write(text);
  else for (const written of await writeFile(file, text, io)) note({ kind: 'file', ...written });
}

async function writeFile(plan: PlacedOutput, text: string, io: Io): Promise<readonly WrittenFile[]> {
  const { path } = plan.target;
  const staged = await stageOutputs(
    [{ plan, files: [{ path, content: new Secret(Buffer.from(text)) }] }],
    io.scope,
  );
  try {
    return staged.commit();
  } finally {
    staged.discard();
  }
}

/** @throws RunError `usage` for flags that do not fit the format, `output` where there is no safe way */
function deliveryOf({ format, to: wanted, out }: EnvOptions, flags: Flags, io: Io): Delivery {
  const handover = handoverFor(format, io.env);
  const to = wanted ?? handover.destinations[0];
  if (!handover.destinations.includes(to)) {
    throw new RunError('usage', `--to ${to} does not apply to the format \`${handover.name}\``, {
      hint: 'leave it out, or use --format github (output, both), azure or gitlab (output)',
    });
  }
  if (out === undefined) {
    const reason = handover.kind === 'text' ? handover.needsFile?.(to) : undefined;
    if (reason === undefined) return { handover, to, file: undefined };
    throw new RunError('output', reason.message, { where: `--format ${handover.name}`, hint: reason.hint });
  }
  if (handover.kind === 'text') return { handover, to, file: fileAt(out, flags, io) };
  throw new RunError('usage', `--out does not apply to the format \`${handover.name}\``, {
    hint: 'it sets the job variables itself; to write a file, use --format shell',
  });
}

/** @throws RunError `usage` */
function fileAt(path: string, flags: Flags, io: Io): PlacedOutput {
  if (isReserved(path)) {
    throw new RunError('usage', 'names that start with `.vaultonce-` are for files of vaultonce itself', {
      where: '--out',
      hint: 'choose another name',
    });
  }
  return {
    where: `--out ${path}`,
    target: {
      path: pathOfOut(path, io.cwd),
      kind: 'file',
      mode: 0o400,
      directoryMode: 0o700,
      uid: undefined,
      gid: undefined,
      allowDisk: overrideOf('allowDisk', flags, io.env) ?? false,
    },
  };
}

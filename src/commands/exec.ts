import { RunError, throwIfAny } from '../base/errors.ts';
import type { Flags } from '../config/settings.ts';
import { checkSize, findCommand, replaceProcess } from '../deliver/exec/find-program.ts';
import { inherited, type Inheritance } from '../deliver/exec/own-environment.ts';
import { checkpointOf, maskInJob, warnUnmaskable } from '../deliver/variables/index.ts';
import { masksOf } from '../deliver/variables/masks.ts';
import type { Io } from '../host/io.ts';
import { changedArguments, changedVariables } from '../host/lost-bytes.ts';
import { perform } from '../run/perform.ts';
import { credentialVariables } from '../session/prepare.ts';
import { textsOf, variablesOf, variablesOfFlags, type VariableFlags } from './declared-variables.ts';

export interface ExecOptions extends VariableFlags, Inheritance {
  /** Black out the values in what the command prints; it is then a child of this process. */
  readonly redact?: boolean;
}

/**
 * `vaultonce exec -- CMD…`: fetches, writes the outputs if there are any, and becomes the command, which has the
 * variables of `environment:` on top of the inherited ones.
 * @throws RunError; `no_command` (127) and `not_executable` (126) before anything is requested
 */
export async function exec(
  command: readonly string[],
  options: ExecOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  checkArguments(command);
  const program = findCommand(command, io);
  const named = await variablesOfFlags(options);
  let credentials: Promise<readonly string[]> = Promise.resolve([]);
  const { env, masks } = await perform(
    flags,
    {
      printsValues: true,
      declares: '`environment:` or `outputs:` in the config, or use --env NAME=REF or --env-from SECRET',
      configOptional: named.length > 0,
      scope: (config) => {
        credentials = credentialVariables(config);
        const { outputs } = config;
        return {
          secrets: outputs.length > 0 ? 'all' : 'needed',
          outputs,
          values: variablesOf(config, named),
        };
      },
      deliver: async (values, _note, scope) => {
        const variables = textsOf(values);
        const result = inherited(io.env, options, await credentials);
        const changed = new Set(changedVariables(result));
        for (const { name, text } of variables) {
          result[name] = text;
          changed.delete(name);
        }
        if (changed.size > 0) io.scope.log.write({ event: 'variables_not_utf8', names: [...changed] });
        checkSize(program, result);
        maskInJob(variables, io, scope);
        const redacts = options.redact === true;
        if (redacts) warnUnmaskable(variables, io);
        return { env: result, masks: redacts ? masksOf(variables, checkpointOf(scope)) : [] };
      },
    },
    io,
  );
  if (options.redact !== true) return replaceProcess(program, env);
  const { runRedacted } = await import('../deliver/exec/supervise.ts');
  // Its status is ours, and there is no failure to report.
  throw new RunError([], await runRedacted(program, env, masks));
}

/** @throws RunError `usage` */
function checkArguments(command: readonly string[]): void {
  throwIfAny(
    changedArguments(command).map((index) => ({
      kind: 'usage',
      message: `${index === 0 ? 'the name' : `argument ${String(index)}`} of the command is not valid UTF-8, and cannot be passed on as it is`,
      hint: 'encode it as UTF-8, or let a shell make it: `vaultonce exec -- sh -c COMMAND`',
    })),
  );
}

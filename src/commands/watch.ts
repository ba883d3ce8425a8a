import type { Flags } from '../config/settings.ts';
import { findCommand } from '../deliver/exec/find-program.ts';
import { inherited, type Inheritance } from '../deliver/exec/own-environment.ts';
import { checkpointOf } from '../deliver/variables/index.ts';
import { masksOf } from '../deliver/variables/masks.ts';
import type { Io } from '../host/io.ts';
import { credentialVariables } from '../session/prepare.ts';
import { textsOf, variablesOf, variablesOfFlags, type VariableFlags } from './declared-variables.ts';

export interface WatchOptions extends VariableFlags, Inheritance {
  /** Black out the values in what the command prints. */
  readonly redact?: boolean;
  /** Only ask a running one whether it is ready. */
  readonly probe?: boolean;
}

/** systemd hears from one of the two. */
const NOTIFY_SOCKET = 'NOTIFY_SOCKET';

/**
 * `vaultonce watch`: does what `render` does, then stays and keeps everything good; with a command, it is started with the
 * variables of `environment:`, and looked after.
 * @throws RunError; with a command, its exit code
 */
export async function watch(
  command: readonly string[],
  options: WatchOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  const { watch: stay, probeReady } = await import('../watch/start.ts');
  if (options.probe === true) {
    await probeReady(flags, io);
    return;
  }
  const program = command.length === 0 ? undefined : findCommand(command, io);
  const named = await variablesOfFlags(options);
  let credentials: Promise<readonly string[]> = Promise.resolve([]);
  const notifies = options.keepEnv?.includes(NOTIFY_SOCKET) === true;
  const application = program && {
    program,
    notifies,
    async start(values: Parameters<typeof textsOf>[0]) {
      const variables = textsOf(values);
      const env = inherited(io.env, options, await credentials);
      if (!notifies)
        for (const name of [NOTIFY_SOCKET, 'WATCHDOG_USEC', 'WATCHDOG_PID'])
          Reflect.deleteProperty(env, name);
      for (const { name, text } of variables) env[name] = text;
      return { env, masks: options.redact === true ? masksOf(variables, checkpointOf(io.scope)) : undefined };
    },
  };
  await stay(
    {
      application,
      values(config) {
        credentials = credentialVariables(config);
        return variablesOf(config, named);
      },
    },
    flags,
    io,
  );
}

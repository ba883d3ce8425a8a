import { once } from 'node:events';
import { listening } from '../../base/cancellation.ts';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import type { Scope } from '../../host/scope.ts';
import type { JobHandover } from './handover.ts';
import { masksOf, unmaskable } from './masks.ts';

/** https://buildkite.com/docs/agent/v3/cli-env, https://buildkite.com/docs/agent/v3/cli-redactor */
export const buildkite: JobHandover = {
  kind: 'job',
  name: 'buildkite',
  destinations: ['env'],
  setsJobVariables: ['env'],
  goesTo: () => 'the environment of the job in Buildkite',
  async deliver(variables, { scope }) {
    const names = unmaskable(variables);
    if (names.length > 0) scope.log.write({ event: 'not_masked', names });
    const values = Object.fromEntries(variables.map(({ name, text }) => [name, text]));
    const masks = masksOf(variables, () => {
      scope.throwIfEnded();
    }).map((mask, index): [string, string] => [`mask_${String(index)}`, mask]);
    await callAgent(['redactor', 'add', '--format', 'json'], Object.fromEntries(masks), scope);
    await callAgent(['env', 'set', '--input-format=json', '-'], values, scope);
  },
};

/** Values go through stdin: arguments are seen by every process. */
async function callAgent(
  args: readonly string[],
  values: Readonly<Record<string, string>>,
  scope: Scope,
): Promise<void> {
  const command = ['buildkite-agent', ...args.slice(0, 2)].join(' ');
  scope.throwIfEnded();
  const reason = await failureOf(args, JSON.stringify(values), scope);
  if (scope.signal.aborted) throw endedDuring(command, scope.signal.reason as RunError);
  if (reason === undefined) return;
  throw new RunError('output', `${command} failed (${reason})`, {
    hint: 'run it in a job of Buildkite with agent 3.73 or later, or choose another format: --format shell',
  });
}

/** Why the agent has failed, if it has. It is killed if the scope ends before it does. */
async function failureOf(
  args: readonly string[],
  input: string,
  { signal }: Scope,
): Promise<string | undefined> {
  const { spawn } = await import('node:child_process');
  try {
    const child = spawn('buildkite-agent', args, { stdio: ['pipe', 'ignore', 'ignore'] });
    const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const kill = (): void => {
      child.kill('SIGKILL');
    };
    // The status of one that has not read everything says more.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const [status, by] = await listening(signal, kill, () => exit);
    return status === 0 ? undefined : (by ?? `status ${String(status)}`);
  } catch (error) {
    return systemErrorCode(error) ?? 'unknown error';
  }
}

/** A timeout tells what has taken the time. */
function endedDuring(command: string, { failures }: RunError): RunError {
  return new RunError(
    failures.map((failure) =>
      failure.kind === 'deadline'
        ? {
            ...failure,
            details: [`${command} had not ended`],
            hint: 'does it end when it runs by itself in the job? raise `timeout` or --timeout if it needs longer',
          }
        : failure,
    ),
  );
}

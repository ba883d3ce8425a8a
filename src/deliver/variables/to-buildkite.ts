import { spawnSync } from 'node:child_process';
import { RunError, systemErrorCode } from '../../base/errors.ts';
import type { JobHandover } from './handover.ts';
import { masksOf, unmaskable } from './masks.ts';

/** https://buildkite.com/docs/agent/v3/cli-env, https://buildkite.com/docs/agent/v3/cli-redactor */
export const buildkite: JobHandover = {
  kind: 'job',
  name: 'buildkite',
  destinations: ['env'],
  setsJobVariables: ['env'],
  goesTo: () => 'the environment of the job in Buildkite',
  deliver(variables, io) {
    const names = unmaskable(variables);
    if (names.length > 0) io.scope.log.write({ event: 'not_masked', names });
    const values = Object.fromEntries(variables.map(({ name, text }) => [name, text]));
    const masks = masksOf(variables).map((mask, index) => [`mask_${String(index)}`, mask]);
    callAgent(['redactor', 'add', '--format', 'json'], Object.fromEntries(masks) as Record<string, string>);
    callAgent(['env', 'set', '--input-format=json', '-'], values);
  },
};

/** Values go through stdin: arguments are seen by every process. */
function callAgent(args: readonly string[], values: Readonly<Record<string, string>>): void {
  const { error, status } = spawnSync('buildkite-agent', args, {
    input: JSON.stringify(values),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  if (error === undefined && status === 0) return;
  const reason = error === undefined ? `status ${String(status)}` : (systemErrorCode(error) ?? error.name);
  throw new RunError('output', `buildkite-agent ${args.slice(0, 2).join(' ')} failed (${reason})`, {
    hint: 'run it in a job of Buildkite with agent 3.73 or later, or choose another format: --format shell',
  });
}

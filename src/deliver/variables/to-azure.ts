import { throwIfAny } from '../../base/errors.ts';
import type { HandoverIo, JobHandover } from './handover.ts';

/** The agent's own switch. https://github.com/microsoft/azure-pipelines-agent, AgentKnobs.cs */
const ALLOWS_LINES = 'SYSTEM_UNSAFEALLOWMULTILINESECRET';

/**
 * As an output, a variable is `NAME` of this step to other steps and jobs; else it is one of the job itself.
 * https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
 */
export const azure: JobHandover = {
  kind: 'job',
  name: 'azure',
  destinations: ['env', 'output'],
  setsJobVariables: ['env'],
  deliver(variables, { env, stdout }, to) {
    const allowsLines = env[ALLOWS_LINES]?.toLowerCase() === 'true';
    const broken = allowsLines ? [] : variables.filter(({ text }) => hasLines(text));
    throwIfAny(
      broken.map(({ name }) => ({
        kind: 'output',
        message: `the value of \`${name}\` has several lines, which Azure Pipelines refuses in a secret variable`,
        hint: 'write it to a file with an output, or use it in this step: `vaultonce exec -- CMD`',
      })),
    );
    const properties = `issecret=true${to === 'output' ? ';isoutput=true' : ''}`;
    const commands = variables.map(
      ({ name, text }) => `##vso[task.setvariable variable=${name};${properties}]${escape(text)}\n`,
    );
    stdout.write(commands.join(''));
  },
};

/** Each line is a mask of its own; one of several lines could match nothing in a log. */
export function maskAzure(masks: readonly string[], { stderr }: Pick<HandoverIo, 'stderr'>): void {
  const lines = masks.filter((mask) => !hasLines(mask));
  stderr.write(lines.map((mask) => `##vso[task.setsecret]${escape(mask)}\n`).join(''));
}

function hasLines(text: string): boolean {
  return /[\r\n]/.test(text);
}

/** The agent decodes these, `%` itself included. */
function escape(text: string): string {
  return text.replaceAll('%', '%AZP25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

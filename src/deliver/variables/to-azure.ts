import { throwIfAny } from '../../base/errors.ts';
import type { HandoverIo, JobHandover } from './handover.ts';
import { unmaskable } from './masks.ts';
import type { Variable } from './variable.ts';

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
  goesTo: (to) => (to === 'env' ? 'the job in Azure Pipelines' : 'the outputs of this step'),
  deliver(variables, { env, stdout }, to) {
    const allowsLines = env[ALLOWS_LINES]?.toLowerCase() === 'true';
    const isSecret = (one: Variable): boolean => one.mask && unmaskable([one]).length === 0;
    const broken = allowsLines ? [] : variables.filter((one) => isSecret(one) && hasLines(one.text));
    throwIfAny(
      broken.map(({ name }) => ({
        kind: 'output',
        message: `the value of \`${name}\` has several lines, which Azure Pipelines refuses in a secret variable`,
        hint: 'write it to a file with an output, or use it in this step: `vaultonce exec -- CMD`',
      })),
    );
    const place = to === 'output' ? ';isoutput=true' : '';
    // The agent masks what is secret, however short.
    const commands = variables.map((one) => {
      const properties = `variable=${one.name};issecret=${String(isSecret(one))}${place}`;
      return `##vso[task.setvariable ${properties}]${escape(one.text)}\n`;
    });
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

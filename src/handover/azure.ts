import type { Handover, HandoverIo } from './handover.ts';

/** https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands */
export const azure: Handover = {
  name: 'azure',
  setsJobVariables: true,
  deliver(variables, { stdout }) {
    const commands = variables.map(
      ({ name, text }) =>
        `##vso[task.setvariable variable=${name};issecret=true;isoutput=true]${escape(text)}\n`,
    );
    stdout.write(commands.join(''));
  },
};

export function maskAzure(masks: readonly string[], { stderr }: Pick<HandoverIo, 'stderr'>): void {
  stderr.write(masks.map((mask) => `##vso[task.setsecret]${escape(mask)}\n`).join(''));
}

/** The agent decodes these, `%` itself included. */
function escape(text: string): string {
  return text.replaceAll('%', '%AZP25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

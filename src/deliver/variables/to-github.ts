import { randomUUID } from 'node:crypto';
import type { Destination } from './format-names.ts';
import type { HandoverIo, JobHandover } from './handover.ts';
import { appendToJobFiles, checkJobFile } from './job-file.ts';
import type { Variable } from './variable.ts';

const FILES: Readonly<Record<Destination, readonly string[]>> = {
  env: ['GITHUB_ENV'],
  output: ['GITHUB_OUTPUT'],
  both: ['GITHUB_ENV', 'GITHUB_OUTPUT'],
};

/** https://docs.github.com/actions/reference/workflow-commands-for-github-actions */
export const github: JobHandover = {
  kind: 'job',
  name: 'github',
  destinations: ['env', 'output', 'both'],
  setsJobVariables: ['env', 'both'],
  check: (io, to) => {
    for (const file of FILES[to]) checkJobFile(file, io);
  },
  goesTo: (to) => FILES[to].map((file) => `$${file}`).join(' and '),
  deliver(variables, io, to) {
    appendToJobFiles(FILES[to], variables.map(block).join(''), io);
  },
};

/** The runner reads commands on stderr too, so that stdout stays free for `eval`. */
export function maskGithub(masks: readonly string[], { stderr }: Pick<HandoverIo, 'stderr'>): void {
  stderr.write(masks.map((mask) => `::add-mask::${escape(mask)}\n`).join(''));
}

function escape(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** A value can hold anything but its own end mark, which nobody can guess. */
function block({ name, text }: Variable): string {
  const end = `ghadelimiter_${randomUUID()}`;
  return `${name}<<${end}\n${text}\n${end}\n`;
}

import type { JobHandover } from './handover.ts';
import { appendToJobFiles, checkJobFile } from './job-file.ts';
import { exportsOf } from './texts.ts';

/** Later steps source this file. https://circleci.com/docs/env-vars/ */
export const circleci: JobHandover = {
  kind: 'job',
  name: 'circleci',
  destinations: ['env'],
  setsJobVariables: ['env'],
  check: (io) => {
    checkJobFile('BASH_ENV', io);
  },
  goesTo: () => '$BASH_ENV',
  deliver(variables, io) {
    appendToJobFiles(['BASH_ENV'], exportsOf(variables), io);
  },
};

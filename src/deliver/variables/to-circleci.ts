import type { JobHandover } from './handover.ts';
import { appendToJobFiles, checkJobFile } from './job-file.ts';
import { exportsOf } from './texts.ts';

/** Later steps source this file, which CircleCI only names: the first step that writes to it makes it. https://circleci.com/docs/env-vars/ */
export const circleci: JobHandover = {
  kind: 'job',
  name: 'circleci',
  destinations: ['env'],
  setsJobVariables: ['env'],
  check: (io) => {
    checkJobFile('BASH_ENV', io, 'first writer');
  },
  goesTo: () => '$BASH_ENV',
  deliver(variables, io) {
    appendToJobFiles(['BASH_ENV'], exportsOf(variables), io, 'first writer');
  },
};

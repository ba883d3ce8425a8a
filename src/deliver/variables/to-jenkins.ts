import type { TextHandover } from './handover.ts';
import { exitOf, exportsOf } from './texts.ts';

/**
 * Jenkins runs a `sh` step with `-x`, and masks only what it knows itself: `eval` would write every value to the log. So
 * the exports are a file that each step reads, and that turns tracing off first.
 * https://www.jenkins.io/doc/pipeline/steps/workflow-durable-task-step/#sh-shell-script
 */
export const jenkins: TextHandover = {
  kind: 'text',
  name: 'jenkins',
  destinations: ['env'],
  setsJobVariables: [],
  textOf: (variables) => `{ set +x; } 2>/dev/null\n${exportsOf(variables)}`,
  needsFile: () => ({
    message: 'Jenkins traces the shell of a `sh` step: `eval` would write the values to the log',
    hint: 'name a file in memory for `. FILE` (--out /dev/shm/FILE), use `vaultonce exec -- CMD`, or use `set +x` and --format shell',
  }),
  failureText: exitOf,
};

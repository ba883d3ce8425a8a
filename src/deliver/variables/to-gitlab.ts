import { throwIfAny } from '../../base/errors.ts';
import type { TextHandover } from './handover.ts';
import { exitOf, exportsOf } from './texts.ts';
import type { Variable } from './variable.ts';

/**
 * GitLab has no file that the rest of a job reads: `env` is for `eval` in the script. `output` is the report that later
 * jobs get variables from. https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsdotenv
 */
export const gitlab: TextHandover = {
  kind: 'text',
  name: 'gitlab',
  destinations: ['env', 'output'],
  setsJobVariables: ['output'],
  textOf: (variables, to) => (to === 'env' ? exportsOf(variables) : reportOf(variables)),
  needsFile: (to) =>
    to === 'env'
      ? undefined
      : {
          message: 'a dotenv report is a file',
          hint: 'name it as `artifacts: { reports: { dotenv: FILE } }` does: --out FILE --allow-disk',
        },
  warning: (to) =>
    to === 'env'
      ? undefined
      : 'a dotenv report is an artifact: anyone who may see the pipeline can download its values; where possible, let later jobs log in themselves',
  failureText: exitOf,
};

/**
 * The report is not the usual dotenv: quotes belong to the value, blanks around it are lost, lines are not carried on, and
 * the later job expands `$NAME` in it.
 */
function reportOf(variables: readonly Variable[]): string {
  const broken = variables.filter(({ text }) => text !== text.trim() || /["'$\r\n]/.test(text));
  throwIfAny(
    broken.map(({ name }) => ({
      kind: 'output',
      message: `the value of \`${name}\` has several lines, quotes, a dollar sign or spaces around it, which a dotenv report cannot hold`,
      hint: 'let the later job fetch it itself, or store it as base64',
    })),
  );
  return variables.map(({ name, text }) => `${name}=${text}\n`).join('');
}

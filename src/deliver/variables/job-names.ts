import type { Failure } from '../../base/errors.ts';
import { RUNS_CODE } from '../../render/variable-names.ts';

/** Variables that belong to the CI system itself. */
const OF_THE_SYSTEM =
  /^(?:GITHUB_.*|RUNNER_.*|ACTIONS_.*|CI|GITLAB_.*|CI_.*|CIRCLE.*|BUILDKITE.*|SYSTEM_.*|AGENT_.*|BUILD_.*|TF_BUILD)$/i;

/** Those among these whose names would change how a job runs. */
export function hijackingNames(
  variables: readonly { readonly name: string; readonly where: string }[],
): Failure[] {
  return variables
    .filter(({ name }) => RUNS_CODE.test(name) || OF_THE_SYSTEM.test(name))
    .map(({ name, where }) => ({
      kind: 'output',
      message: `the variable \`${name}\` would change how the later steps of the job run`,
      where,
      hint: 'choose another name, or use --force if it is intended',
    }));
}

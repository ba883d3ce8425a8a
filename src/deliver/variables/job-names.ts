import type { Failure } from '../../base/errors.ts';
import { RUNS_CODE } from '../../render/variable-names.ts';

/** Variables that belong to the CI system itself. */
const OF_THE_SYSTEM =
  /^(?:GITHUB_.*|RUNNER_.*|ACTIONS_.*|CI|GITLAB_.*|CI_.*|CIRCLE.*|BUILDKITE.*|SYSTEM_.*|AGENT_.*|BUILD_.*|TF_BUILD)$/i;

/** The names among these that would change how a job runs. */
export function hijackingNames(names: readonly string[]): Failure[] {
  return names
    .filter((name) => RUNS_CODE.test(name) || OF_THE_SYSTEM.test(name))
    .map((name) => ({
      kind: 'output',
      message: `the variable \`${name}\` would change how the later steps of the job run`,
      where: `environment.${name}`,
      hint: 'choose another name, or use --force if it is intended',
    }));
}

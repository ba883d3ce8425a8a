import type { Failure } from '../../base/errors.ts';

/** Variables that decide which code the later steps of a job run, or that belong to the CI system itself. */
const HIJACKING =
  /^(?:PATH|IFS|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|PS4|PROMPT_COMMAND|CDPATH|HOME|SHELL|LD_.*|DYLD_.*|GCONV_PATH|NODE_OPTIONS|NODE_PATH|BUN_OPTIONS|BUN_BE_BUN|PYTHON(?:PATH|HOME|STARTUP)|PERL5?(?:LIB|OPT|DB)|RUBY(?:OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|GIT_(?:SSH|SSH_COMMAND|EXEC_PATH|CONFIG.*|ASKPASS)|GITHUB_.*|RUNNER_.*|ACTIONS_.*|CI|GITLAB_.*|CI_.*|CIRCLE.*|BUILDKITE.*|SYSTEM_.*|AGENT_.*|BUILD_.*|TF_BUILD)$/i;

/** The names among these that would change how a job runs. */
export function hijackingNames(names: readonly string[]): Failure[] {
  return names
    .filter((name) => HIJACKING.test(name))
    .map((name) => ({
      kind: 'output',
      message: `the variable \`${name}\` would change how the later steps of the job run`,
      where: `environment.${name}`,
      hint: 'choose another name, or use --force if it is intended',
    }));
}

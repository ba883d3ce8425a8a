import { RunError } from '../errors.ts';
import type { Io } from '../io.ts';
import { azure, maskAzure } from './azure.ts';
import { buildkite } from './buildkite.ts';
import { circleci } from './circleci.ts';
import { github, maskGithub } from './github.ts';
import type { Variable } from '../values.ts';
import type { Handover, HandoverIo } from './handover.ts';
import { masksOf } from './masks.ts';
import { dotenv, fish, json, shell } from './texts.ts';

/** Every way to hand variables on, by the name that `--format` has. */
export const HANDOVERS = {
  shell,
  fish,
  dotenv,
  json,
  github,
  azure,
  circleci,
  buildkite,
} as const satisfies Record<string, Handover>;

/** A CI system as far as variables and logs are concerned. */
interface CiSystem {
  readonly name: string;
  /** Set, to this value if one is given, in each of its jobs. */
  readonly variable: string;
  readonly value?: string;
  /** What `--format` is by default; a reason where there is no safe way. */
  readonly handover: Handover | { readonly refusal: string };
  /** Hides texts in the job's log, where a line of it can do so. */
  readonly mask?: (masks: readonly string[], io: HandoverIo) => void;
}

const SYSTEMS: readonly CiSystem[] = [
  { name: 'GitHub Actions', variable: 'GITHUB_ACTIONS', value: 'true', handover: github, mask: maskGithub },
  { name: 'Azure Pipelines', variable: 'TF_BUILD', handover: azure, mask: maskAzure },
  { name: 'CircleCI', variable: 'CIRCLECI', value: 'true', handover: circleci },
  { name: 'Buildkite', variable: 'BUILDKITE', value: 'true', handover: buildkite },
  // Its dotenv reports are artifacts that can be downloaded: only the job itself gets the variables.
  { name: 'GitLab', variable: 'GITLAB_CI', value: 'true', handover: shell },
  { name: 'Jenkins', variable: 'JENKINS_URL', handover: shell },
  {
    name: 'Bitbucket Pipelines',
    variable: 'BITBUCKET_BUILD_NUMBER',
    handover: { refusal: 'variables that one step hands to the next are printed in its log' },
  },
  {
    name: 'Tekton',
    variable: 'TEKTON_RESOURCE_NAME',
    handover: { refusal: 'results are stored in the status of the TaskRun, which others can read' },
  },
];

/** The CI system of this job, if it runs in one. */
export function detectSystem(env: Io['env']): CiSystem | undefined {
  return SYSTEMS.find(({ variable, value }) =>
    value === undefined ? (env[variable] ?? '') !== '' : env[variable]?.toLowerCase() === value,
  );
}

/** Hides the values in the log of the job, if this is one: before anything else can show them. */
export function maskInJob(variables: readonly Variable[], io: HandoverIo): void {
  detectSystem(io.env)?.mask?.(masksOf(variables), io);
}

/**
 * The handover of a CI system; a shell's outside of one.
 * @throws RunError `output` where there is no safe one
 */
export function defaultHandover(system: CiSystem | undefined): Handover {
  if (system === undefined) return shell;
  if ('name' in system.handover) return system.handover;
  throw new RunError(
    'output',
    `${system.name} has no safe way to hand variables on: ${system.handover.refusal}`,
    {
      hint: 'use them in this step: eval "$(vaultonce env --format shell)", `vaultonce exec -- CMD`, or files in memory',
    },
  );
}

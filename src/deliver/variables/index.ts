import { RunError } from '../../base/errors.ts';
import { nearestHint } from '../../base/nearest.ts';
import { shownName } from '../../base/shown-text.ts';
import type { Io } from '../../host/io.ts';
import type { Scope } from '../../host/scope.ts';
import { FORMAT_NAMES, type FormatName } from './format-names.ts';
import type { Handover, HandoverIo } from './handover.ts';
import { masksOf, unmaskable } from './masks.ts';
import { powershell } from './powershell.ts';
import { dotenv, envFile, fish, json, shell } from './texts.ts';
import { azure, maskAzure } from './to-azure.ts';
import { buildkite } from './to-buildkite.ts';
import { circleci } from './to-circleci.ts';
import { github, maskGithub } from './to-github.ts';
import { gitlab } from './to-gitlab.ts';
import { jenkins } from './to-jenkins.ts';
import type { Variable } from './variable.ts';

/** Every way to hand variables on, by the name that `--format` has. */
const HANDOVERS: Readonly<Record<FormatName, Handover>> = {
  shell,
  fish,
  powershell,
  dotenv,
  'env-file': envFile,
  json,
  github,
  gitlab,
  circleci,
  buildkite,
  azure,
  jenkins,
};

/** A CI system as far as variables and logs are concerned. */
interface CiSystem {
  readonly name: string;
  /** Set, to this value if one is given, in each of its jobs. */
  readonly variable: string;
  readonly value?: string;
  /** What `--format` is by default; a reason where there is no safe way, whoever asks for it. */
  readonly handover: Handover | { readonly format: string; readonly refusal: string };
  /** Hides texts in the job's log, where a line of it can do so. */
  readonly mask?: (masks: readonly string[], io: HandoverIo) => void;
}

const SYSTEMS: readonly CiSystem[] = [
  { name: 'GitHub Actions', variable: 'GITHUB_ACTIONS', value: 'true', handover: github, mask: maskGithub },
  { name: 'Azure Pipelines', variable: 'TF_BUILD', handover: azure, mask: maskAzure },
  { name: 'CircleCI', variable: 'CIRCLECI', value: 'true', handover: circleci },
  { name: 'Buildkite', variable: 'BUILDKITE', value: 'true', handover: buildkite },
  { name: 'GitLab', variable: 'GITLAB_CI', value: 'true', handover: gitlab },
  { name: 'Jenkins', variable: 'JENKINS_URL', handover: jenkins },
  {
    name: 'Bitbucket Pipelines',
    variable: 'BITBUCKET_BUILD_NUMBER',
    handover: {
      format: 'bitbucket',
      refusal: 'variables that one step passes to the next are printed in its log',
    },
  },
  {
    name: 'Tekton',
    variable: 'TEKTON_RESOURCE_NAME',
    handover: {
      format: 'tekton',
      refusal: 'results are stored in the status of the TaskRun, which others can read',
    },
  },
];

/** The CI system of this job, if it runs in one. */
export function detectSystem(env: Io['env']): CiSystem | undefined {
  return SYSTEMS.find(({ variable, value }) =>
    value === undefined ? (env[variable] ?? '') !== '' : env[variable]?.toLowerCase() === value,
  );
}

/**
 * Hides the values in the log of the job, if this is one: before anything else can show them.
 * @throws RunError `deadline` or that of a signal, if it takes that long
 */
export function maskInJob(variables: readonly Variable[], io: HandoverIo, scope: Scope): void {
  const checkpoint = checkpointOf(scope);
  const system = detectSystem(io.env);
  if (system?.mask !== undefined) {
    warnUnmaskable(variables, io);
    system.mask(masksOf(variables, checkpoint), io);
  }
  checkpoint();
}

/** Ends work that does not wait for anything when its scope has ended. */
export function checkpointOf(scope: Scope): () => void {
  return () => {
    scope.throwIfEnded();
  };
}

/** Names the variables that stay visible, unless that is meant. */
export function warnUnmaskable(variables: readonly Variable[], { scope }: Pick<HandoverIo, 'scope'>): void {
  const names = unmaskable(variables);
  if (names.length > 0) scope.log.write({ event: 'not_masked', names });
}

/**
 * The handover of that name; of the CI system without one; a shell's outside of CI.
 * @throws RunError `usage` for an unknown name, `output` where there is no safe way
 */
export function handoverFor(format: string | undefined, env: Io['env']): Handover {
  if (format === undefined) return handoverOf(detectSystem(env));
  const known = FORMAT_NAMES.find((name) => name === format);
  if (known !== undefined) return HANDOVERS[known];
  const unsafe = SYSTEMS.find(({ handover }) => 'refusal' in handover && handover.format === format);
  if (unsafe !== undefined) return handoverOf(unsafe);
  const meant = OTHER_NAMES.get(format);
  throw new RunError('usage', `unknown --format \`${shownName(format)}\``, {
    hint:
      meant === undefined
        ? nearestHint(format, FORMAT_NAMES, 'format')
        : `it is \`${meant}\` here; known formats: ${FORMAT_NAMES.join(', ')}`,
  });
}

/** What formats and systems are called elsewhere, the `source:` of a login included. */
const OTHER_NAMES: ReadonlyMap<string, FormatName> = new Map([
  ['github-actions', 'github'],
  ['azure-pipelines', 'azure'],
  ['sh', 'shell'],
  ['bash', 'shell'],
  ['zsh', 'shell'],
  ['export', 'shell'],
  ['pwsh', 'powershell'],
  ['env', 'dotenv'],
  ['docker', 'env-file'],
]);

function handoverOf(system: CiSystem | undefined): Handover {
  if (system === undefined) return shell;
  if ('name' in system.handover) return system.handover;
  throw new RunError(
    'output',
    `${system.name} has no safe way to pass on variables: ${system.handover.refusal}`,
    {
      hint: 'use them in this step: eval "$(vaultonce env --format shell)", `vaultonce exec -- CMD`, or files in memory',
    },
  );
}

/** What a shell must read instead of the variables of a failed run, even if the format is what was wrong. */
export function failureText(format: string | undefined, env: Io['env'], exitCode: number): string {
  let handover: Handover = shell;
  try {
    handover = handoverFor(format, env);
  } catch {
    // That is what has failed.
  }
  return handover.kind === 'text' ? (handover.failureText?.(exitCode) ?? '') : '';
}

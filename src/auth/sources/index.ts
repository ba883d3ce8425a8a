import { azurePipelines } from './azure-pipelines.ts';
import { buildkite } from './buildkite.ts';
import { githubActions } from './github-actions.ts';
import type { JwtSource } from './identity-source.ts';
import { bitbucket, circleci, gitlab } from './job-variable.ts';

/** Every CI system that gives its jobs an identity token, by the name that `auth.source` has. */
export const JWT_SOURCES = {
  'github-actions': githubActions,
  gitlab,
  circleci,
  buildkite,
  bitbucket,
  'azure-pipelines': azurePipelines,
} satisfies Record<string, JwtSource>;

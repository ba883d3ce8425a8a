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

export type SourceName = keyof typeof JWT_SOURCES;

/** What each of them is. */
export function sourceMeanings(): Readonly<Record<SourceName, string>> {
  const meanings = Object.entries(JWT_SOURCES).map(([name, { about }]) => [name, about]);
  return Object.fromEntries(meanings) as Record<SourceName, string>;
}

/**
 * Every value of `--format`, in the order of the help. The registry in `index.ts` has one handover for each; they are
 * apart because the help must not load what handing over needs.
 */
export const FORMAT_NAMES = [
  'shell',
  'fish',
  'powershell',
  'dotenv',
  'env-file',
  'json',
  'github',
  'gitlab',
  'circleci',
  'buildkite',
  'azure',
  'jenkins',
] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];

/** `env`: the environment of what runs next. `output`: what other steps or jobs take from this one. `both`: that of one run. */
export const DESTINATIONS = ['env', 'output', 'both'] as const;

export type Destination = (typeof DESTINATIONS)[number];

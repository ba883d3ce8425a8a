import type { Environment, Flags } from './settings.ts';

/** What resolving needs besides the config itself. */
export interface Surroundings {
  readonly flags: Flags;
  readonly env: Environment;
  /** What fills `${VAR}`; undefined: `env`. */
  readonly variables?: Environment | undefined;
  readonly cwd: string;
}

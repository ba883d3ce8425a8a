import type { Environment, Flags } from './settings.ts';

/** What resolving needs besides the config itself. */
export interface Surroundings {
  readonly flags: Flags;
  readonly env: Environment;
  readonly cwd: string;
}

import type { Workspace } from '../support/workspace.ts';

/** What every tool does: log in with approle if it can, fetch the secrets, write one file for each. */
export interface Job {
  readonly address: string;
  /** Empty: there is no TLS. */
  readonly caFile: string;
  readonly workspace: Workspace;
  readonly roleId: string;
  readonly secretId: string;
  /** For tools that cannot log in. */
  readonly token: string;
  /** Logical paths below `secret/`. */
  readonly paths: readonly string[];
}

export interface Tool {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where its files go; undefined: it has none. */
  readonly output: string | undefined;
}

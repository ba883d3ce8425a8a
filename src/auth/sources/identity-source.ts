import type { Secret } from '../../base/secret.ts';
import type { AuthIo } from '../method.ts';

/** What a job can ask for, where its system takes it. */
export interface SourceOptions {
  /** The `aud` that the token is to have. */
  readonly audience: string | undefined;
  /** Azure Pipelines: the service connection that the token is for. */
  readonly serviceConnectionId: string | undefined;
}

/** Where a job gets its identity token. To add a system: one file, and one line in the index. */
export interface JwtSource {
  /** Which system it is, for editors. */
  readonly about: string;
  /** Fields of `SourceOptions` that the system has no place for. */
  readonly without: readonly (keyof SourceOptions)[];
  /** Variables of the system's own that say how to log in; they go before the file. */
  readonly settings?: { readonly role: string; readonly mount: string };
  /** The variables that hold the token, or what it is asked for with: `exec` does not pass them on. */
  readonly variables: readonly string[];
  /**
   * @throws AbsentCredential outside of the system, so that the next method of a list is tried
   * @throws RunError `config` when the job lacks the permission, `unavailable` when its token service is down
   */
  find(options: SourceOptions, io: AuthIo): Secret | Promise<Secret>;
}

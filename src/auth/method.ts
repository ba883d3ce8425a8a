import type * as z from 'zod/mini';
import type { Io } from '../io.ts';
import type { Secret } from '../secret-string.ts';

/** What a method needs of the outside: files are read directly, everything else comes from here. */
export type AuthIo = Pick<Io, 'env'>;

/** A token that exists already; nothing is posted, and nothing is revoked in the end. */
export interface GivenToken {
  readonly kind: 'given';
  readonly token: Secret;
  /** Where it came from: `$VAULT_TOKEN`, `~/.vault-token`. */
  readonly source: string;
}

/** A login to be posted to `auth/<mount>/<path>`. */
export interface LoginRequest {
  readonly kind: 'login';
  /** Below the mount: `login`, `login/alice`. */
  readonly path: string;
  /** Secrets are blacked out wherever the server repeats them. */
  readonly body: Readonly<Record<string, string | Secret>>;
  /** The JWT among them: its claims, never the token, explain a refusal. */
  readonly jwt?: Secret;
}

export type Login = GivenToken | LoginRequest;

/**
 * A way to log in. It makes no call: it reads its credentials and says what to post.
 * To add one: one file, and one line in the index.
 */
export interface AuthMethod<Schema extends z.ZodMiniType = z.ZodMiniType> {
  /** The method's part of the config; built only for the method that a config names. */
  readonly schema: () => Schema;
  /**
   * Read anew for each try, because service account tokens rotate.
   * @throws RunError `config` when a credential is missing or cannot be read
   */
  login(config: z.output<Schema>, io: AuthIo): Login;
  /** True when a bare 403 `permission denied` may be a passing fault of the cluster behind the server. */
  readonly refusalMayPass?: boolean;
  /** What a refusal usually means, and what to look at. */
  readonly refusedHint: string;
}

/** Keeps the type of a method's own config, which the registry forgets. */
export function defineMethod<Schema extends z.ZodMiniType>(method: AuthMethod<Schema>): AuthMethod<Schema> {
  return method;
}

import type { JsonValue } from '../base/secret-data.ts';
import type { Secret } from '../base/secret.ts';
import type { Scope } from '../host/scope.ts';
import type { ServerSettings } from '../http/server.ts';
import type { ThirdPartyIo } from '../http/third-party.ts';
import type { Field, ObjectDefinition } from '../shape/definition.ts';

/** The effects of a method: it reads files directly, everything else comes from here. */
export type AuthIo = ThirdPartyIo & Pick<Scope, 'log'>;

/** What a method may know of the server that it logs in to. */
export type LoginServer = Pick<ServerSettings, 'address'>;

/** What a login depends on besides its config and the outside. */
export interface LoginContext {
  /** For what is signed or requested in the name of the server. */
  readonly server: LoginServer;
  /** An identity token (JWT) that the caller has; a method with `takesCredential` uses it in place of the configured one. */
  readonly credential?: Secret | undefined;
}

/** A credential that comes in a response-wrapping token, which opens once. */
export interface Wrapped {
  readonly token: Secret;
  /** Where it must have been wrapped; checked before it is opened. Undefined: anywhere. */
  readonly creationPath: string | undefined;
}

/** A token that exists already; nothing is posted, and nothing is revoked in the end. */
export interface GivenToken {
  readonly kind: 'given';
  readonly token: Secret;
  /** Where it came from: `$VAULT_TOKEN`, `~/.vault-token`. */
  readonly source: string;
  /** The token is a wrapping token, and the one to use is inside. */
  readonly wrapped?: Wrapped;
  /** Renew it before it is used, so that its TTL starts again. */
  readonly renew?: boolean;
}

/** A login to be posted to `auth/<path>`. */
export interface LoginRequest {
  readonly kind: 'login';
  /** With the mount: `approle/login`, `userpass/login/alice`. */
  readonly path: string;
  /** Secrets are blacked out wherever the server repeats them. */
  readonly body: Readonly<Record<string, JsonValue | Secret>>;
  /** What else must not come back in an error text; the secrets of `body` are known. */
  readonly sensitive?: readonly Secret[];
  /** The JWT among them: its claims, never the token, explain a refusal. */
  readonly jwt?: Secret;
  /** A field of the body that is in a wrapping token, by its name. */
  readonly wrapped?: Wrapped & { readonly field: string };
  /** What is left to do once the server has accepted the login. */
  readonly accepted?: () => void;
}

export type Login = GivenToken | LoginRequest;

/** A file that holds an identity token (JWT), such as that of a service account, which a pod can have made for it. */
export interface IdentityFile {
  /** The key that names it. */
  readonly field: string;
  readonly path: string;
}

/** A client certificate that is the credential. */
export interface ClientCertificate {
  /** Files. */
  readonly clientCert: string;
  readonly clientKey: string;
}

/**
 * A way to log in. It makes no call to Vault: it finds its credentials and says what to post.
 * To add one: one file, and one line in the index.
 */
export interface AuthMethod<Config = unknown> {
  /** The method's part of the config. */
  readonly fields: ObjectDefinition & Field<Config>;
  /**
   * Called again for each try, because service account tokens rotate.
   * @throws AbsentCredential when there is none here, so that the next method of a list is tried
   * @throws RunError `config` when a credential cannot be read, `unavailable` when the service that has it is down
   */
  login(config: Config, io: AuthIo, context: LoginContext): Login | Promise<Login>;
  /** False of a method whose token exists already: nothing is posted. */
  readonly posts?: false;
  /** Where it posts its first request to, below `auth/`; undefined: that is known once its credentials have been read. */
  postsTo?(config: Config): string | undefined;
  /** Whether the token is renewed before it is used. */
  renews?(config: Config): boolean;
  /** How many requests open the wrapping token that its credential is in. */
  unwraps?(config: Config): number;
  /** It uses the credential of the context, if there is one: the field that names another one. */
  readonly takesCredential?: string;
  /** Unless its config names a file or a variable, all that it logs in with is in there: nothing is the machine's. */
  readonly isSelfContained?: true;
  /** Where it reads an identity token; undefined: from no file. */
  identityFile?(config: Config): IdentityFile | undefined;
  /** What this login is with, if no pod has it: the token of a CI job. */
  elsewhere?(config: Config): string | undefined;
  /** Only of a method that proves a client certificate: its own, or nothing, which means that of `vault.tls`. */
  clientCertificate?(config: Config): Partial<ClientCertificate>;
  /** The environment variables that hold the credential: `exec` does not pass them on. */
  variables?(config: Config): readonly string[];
  /** The key by which the credential does for one login only; undefined: it does for any number. */
  worksOnce?(config: Config): string | undefined;
  /** The server locks whoever it has refused often enough. */
  readonly locksOut?: true;
  /**
   * What the server may not reach when it refuses with a bare 403 `permission denied`: such a login is tried again for a
   * while.
   */
  readonly waitsFor?: string;
  /** What to look at after a refusal whose text says no more. */
  readonly refusedHint: string;
  /** What to look at after a bare 403 `permission denied`, besides the mount and the namespace. */
  readonly deniedHint?: string;
}

/** Keeps the type of a method's own config, which the registry forgets. */
export function defineMethod<Config>(method: AuthMethod<Config>): AuthMethod<Config> {
  return method;
}

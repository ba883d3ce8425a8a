import type { AUTH_METHODS } from '../auth/index.ts';
import type { JsonValue } from '../base/secret-data.ts';
import type { Secret } from '../base/secret.ts';
import type { EngineName } from '../engines/index.ts';
import type { Encoding } from '../formats/decode.ts';
import type { FormatName, FormatOptions } from '../formats/index.ts';
import type { KeySelection } from '../formats/keys.ts';
import type { ServerSettings } from '../http/server.ts';
import type { TypeOf } from '../shape/definition.ts';
import type { Ref, Source } from '../shape/ref.ts';
import type { SecretTarget } from './kubernetes-schema.ts';
import type { ValueOrigin } from './value-origins.ts';

export type AuthConfig = TypeOf<
  Awaited<ReturnType<(typeof AUTH_METHODS)[keyof typeof AUTH_METHODS]>>['fields']
>;

/** Where a login is declared, for messages. */
export interface LoginPlace {
  /** `auth[1]` of a list, otherwise `auth`. */
  readonly name: string;
  /** `vaultonce.yaml:3, auth[1].token_file` of a field, without one that of the login. */
  of(field: string | undefined): string;
}

export type LoginPlaces = ReadonlyMap<AuthConfig, LoginPlace>;

/** What below a path is fetched, instead of what is at it. */
export interface Listing {
  /** The names there, or all secrets below. */
  readonly kind: 'names' | 'tree';
  /** Patterns for paths below it; undefined: all. */
  readonly include: readonly string[] | undefined;
  readonly exclude: readonly string[];
  /** More secrets, or folders, are a failure. */
  readonly maxSecrets: number;
}

export interface DeclaredSecret {
  readonly name: string;
  /** For messages: `vaultonce.yaml:12, secrets.db`. */
  readonly where: string;
  /** Normalised: no slash at either end. */
  readonly path: string;
  readonly version: number | undefined;
  readonly engine: EngineName | undefined;
  /** With a slash at the end. */
  readonly mount: string | undefined;
  readonly write: Secret<Readonly<Record<string, JsonValue>>> | undefined;
  readonly namespace: string | undefined;
  readonly optional: boolean;
  /** By key. */
  readonly default: Secret<Readonly<Record<string, JsonValue>>> | undefined;
  /** Texts that are JSON are read. */
  readonly parse: 'json' | undefined;
  readonly minTtlMs: number | undefined;
  readonly reuse: boolean;
  /** How long what was read may be reused, whether it ends or not. */
  readonly maxAgeMs: number | undefined;
  readonly wrapTtlMs: number | undefined;
  /** How often `watch` reads it again; undefined: as its kind and `watch` say. */
  readonly refreshMs: number | undefined;
  /** The part of its life after which `watch` replaces it; undefined: as `watch` says. */
  readonly rotateAt: number | undefined;
  /** Undefined: the secret at the path. */
  readonly listing: Listing | undefined;
}

/** The token of the run, for an app that goes on talking to Vault. */
export interface TokenContent {
  readonly kind: 'token';
  /** Hand it on in a wrapping token with this TTL. */
  readonly wrapTtlMs: number | undefined;
  /** Its shortest TTL; it is renewed if need be. */
  readonly minTtlMs: number | undefined;
}

export type DeclaredContent =
  | {
      readonly kind: 'template';
      readonly source: string;
      /** For messages; undefined for inline `contents`. */
      readonly file: string | undefined;
      /** By the name that templates use. */
      readonly partials: ReadonlyMap<string, { readonly source: string; readonly file: string }>;
    }
  | {
      readonly kind: 'format';
      readonly format: FormatName;
      readonly secrets: readonly string[];
      readonly keys: KeySelection;
      readonly onConflict: 'error' | 'first' | 'last';
      readonly options: FormatOptions;
    }
  | TokenContent
  /** A single value, verbatim unless decoded. */
  | { readonly kind: 'value'; readonly ref: Ref; readonly decode: Encoding | undefined };

/** What a variable is made of. */
export type VariableContent =
  | Extract<DeclaredContent, { kind: 'template' }>
  | TokenContent
  | { readonly kind: 'value'; readonly ref: Ref }
  /** All keys of a secret, each as a variable. */
  | { readonly kind: 'keys'; readonly of: Source; readonly keys: KeySelection }
  /** All keys of a secret, as one object. */
  | { readonly kind: 'secret'; readonly of: Source };

/** A variable of `environment:`, or an argument of `read`. */
export interface DeclaredVariable {
  /** Of `keys`, what stands for their names. */
  readonly name: string;
  /** For messages: `vaultonce.yaml:9, environment.DATABASE_PASSWORD`. */
  readonly where: string;
  readonly content: VariableContent;
  /** It must not show in logs. */
  readonly mask: boolean;
}

export interface DeclaredOutput {
  /** For messages: `vaultonce.yaml:20, outputs[1] (db.env)`. */
  readonly where: string;
  /** Absolute. Of an entry of a Secret its place there, which has no slash in front. */
  readonly path: string;
  /** Undefined: a file. */
  readonly kubernetes: SecretTarget | undefined;
  readonly content: DeclaredContent;
  readonly mode: number;
  readonly directoryMode: number;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly allowDisk: boolean;
  /** Whom `watch` tells that it has changed; undefined: whom `watch.on_change` says. */
  readonly onChange: readonly Handler[] | undefined;
}

/** Somebody who is told of a change, and how. */
export type Handler = { readonly where: string } & (
  | { readonly kind: 'restart' }
  | {
      readonly kind: 'signal';
      readonly signal: NodeJS.Signals;
      readonly target:
        | { readonly kind: 'child' }
        | { readonly kind: 'process'; readonly name: string }
        | { readonly kind: 'pid_file'; readonly path: string };
    }
  | { readonly kind: 'run'; readonly command: readonly string[]; readonly timeoutMs: number }
  | {
      readonly kind: 'http';
      readonly method: string;
      readonly url: string;
      readonly timeoutMs: number;
    }
);

/** How secrets are kept good. */
export interface WatchSettings {
  /** The config has something to say about it. */
  readonly isDeclared: boolean;
  /** How often what has no end is read. */
  readonly refreshMs: number;
  /** The part of a life after which what cannot be renewed is replaced, between 0 and 1. */
  readonly rotateAt: number;
  /** Changes within this time are one. */
  readonly settleMs: number;
  /** Undefined: the command, if there is one, where its variables have changed. */
  readonly onChange: readonly Handler[] | undefined;
  /** An address to listen on. */
  readonly health: string | undefined;
  /** How long the command may take to end. */
  readonly stopMs: number;
  /** How long after its end a secret ends the process; 0: never. */
  readonly maxStaleMs: number;
  /** For messages: `vaultonce.yaml:30, watch`. */
  readonly where: string;
}

/** What happens to the directory of the outputs besides writing them. */
export interface DeclaredDirectory {
  readonly kind: 'prune' | 'swap';
  /** Absolute. */
  readonly path: string;
  /** For messages: `vaultonce.yaml:9, output.prune`. */
  readonly where: string;
}

/** Where `reuse` remembers what was written. */
export interface DeclaredState {
  /** Absolute. */
  readonly path: string;
  readonly directoryMode: number;
  readonly allowDisk: boolean;
}

export type RevokePolicy = 'auto' | 'always' | 'never';

/** Everything declared, from flags, environment, files and defaults. */
export interface Config {
  /** Names of the files, `-` or `$VAULTONCE_CONFIG_INLINE`. */
  readonly sources: readonly string[];
  /** Names of the files with defaults below them, or `$VAULTONCE_DEFAULTS_INLINE`. */
  readonly defaults: readonly string[];
  /** Where each value comes from, for who asks. */
  readonly origins: () => readonly ValueOrigin[];
  readonly server: ServerSettings;
  /** The first whose credentials are there is taken. */
  readonly auth: readonly [AuthConfig, ...AuthConfig[]];
  readonly loginPlaces: LoginPlaces;
  readonly secrets: readonly DeclaredSecret[];
  readonly outputs: readonly DeclaredOutput[];
  /** Undefined: files are only written. */
  readonly managed: DeclaredDirectory | undefined;
  /** Absolute: where the paths of outputs start, if that is declared. */
  readonly directory: string | undefined;
  /** Undefined: nothing is to be reused. */
  readonly state: DeclaredState | undefined;
  readonly environment: readonly DeclaredVariable[];
  /** For the whole run. */
  readonly timeoutMs: number;
  /** The longest random wait before the login. */
  readonly startupJitterMs: number;
  /** Requests under way at once; undefined: as many as suit the connection. */
  readonly concurrency: number | undefined;
  readonly revoke: RevokePolicy;
  readonly watch: WatchSettings;
}

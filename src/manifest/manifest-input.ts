import type { Handler } from '../config/config.ts';
import type { ConfigPath } from '../config/interpolate.ts';
import type { PlacedOutput } from '../plan/outputs.ts';
import type { ObjectDefinition } from '../shape/definition.ts';
import type { ManifestFormat } from './format-list.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** What the command line says. */
export interface ManifestOptions {
  readonly format: ManifestFormat;
  /** Of the workload; other names start with it. */
  readonly name: string;
  /** Containers that read the files. */
  readonly containers: readonly string[];
  readonly image: string;
  /** Undefined: the workload's own, or in what is created one of its name. */
  readonly serviceAccount: string | undefined;
  readonly podNamespace: string | undefined;
  /** As whom the init container runs. */
  readonly user: string | undefined;
  readonly audience: string;
  /** ConfigMap with the CA of the server. */
  readonly ca: string;
  /** A native sidecar that stays; undefined: an init container that ends. */
  readonly sidecar: Sidecar | undefined;
}

/** How a sidecar is asked whether it is ready, and whom it tells of changes. */
export interface Sidecar {
  /** Where it answers the kubelet; undefined: nowhere, and it is asked from within. */
  readonly port: number | undefined;
  /** Nothing in the config says where. */
  readonly isAssumed: boolean;
  /** Where it answers within. */
  readonly socket: { readonly path: string; readonly where: string } | undefined;
  readonly handlers: readonly Handler[];
}

/** An output, and the bytes of each of its files, where they are known. */
export interface SizedOutput extends PlacedOutput {
  readonly sizes: readonly number[] | undefined;
}

/** A template, or what it includes. */
export interface TemplateFile {
  /** As the config names it: relative to the config's directory, or absolute. */
  readonly file: string;
  readonly source: string;
}

/** What the config reads besides itself. */
export interface TemplateUse {
  /** The path of the text in the config that names the file; undefined: a template within the config. */
  readonly at: ConfigPath | undefined;
  readonly template: TemplateFile | undefined;
  /** Relative to the template's directory; without one, to the config's. */
  readonly partials: readonly TemplateFile[];
}

/** The login that the pod will use. */
export interface PodLogin {
  /** `auth`, or `auth[1]`. */
  readonly at: ConfigPath;
  /** The token that is projected for it. */
  readonly identity: { readonly field: string; readonly path: string } | undefined;
  /** The variables that hold its credential. */
  readonly variables: readonly string[];
}

/** A setting of the environment here that the config leaves to it. */
export interface GivenVariable {
  readonly name: string;
  readonly value: string;
}

/** All that a manifest is made of. */
export interface ManifestInput {
  readonly options: ManifestOptions;
  readonly definition: ObjectDefinition;
  /** The config with `${VAR}` in it. */
  readonly written: Fields;
  /** The same with variables filled in. */
  readonly filled: Fields;
  /** For messages: `vaultonce.yaml:12, auth.token`. */
  readonly placeOf: (path: ConfigPath) => string;
  readonly outputs: readonly SizedOutput[];
  /** Absolute: `output.directory`. */
  readonly directory: string | undefined;
  readonly templates: readonly TemplateUse[];
  readonly login: PodLogin;
  /** Of the server: address, namespace, CA. */
  readonly settings: readonly GivenVariable[];
  /** What `${VAR}` is filled with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The server's address. */
  readonly address: string;
}

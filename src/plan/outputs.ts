import type { Secret } from '../base/secret.ts';
import type { Handler, TokenContent } from '../config/config.ts';
import type { SecretTarget } from '../config/kubernetes-schema.ts';
import type { Encoding } from '../formats/decode.ts';
import type { AnyFormat, FormatInput } from '../formats/format.ts';
import type { FormatOptions } from '../formats/index.ts';
import type { KeySelection } from '../formats/keys.ts';
import type { Template } from '../template/parse.ts';
import type { ValuePlan } from './values.ts';

/** Where an output goes and how it looks there. */
export interface Target {
  /** Absolute and normalised. A directory for `files`, else a file. */
  readonly path: string;
  readonly kind: 'file' | 'directory';
  /** Permission bits of the file, or of each file below a directory target. */
  readonly mode: number;
  /** Permission bits of directories that are created. */
  readonly directoryMode: number;
  /** Undefined: left as the process creates it. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  /** Writing outside tmpfs and ramfs has been allowed. */
  readonly allowDisk: boolean;
}

export type OutputContent =
  | TokenContent
  | { readonly kind: 'template'; readonly template: Template }
  /** A single value, verbatim unless decoded. */
  | { readonly kind: 'value'; readonly value: ValuePlan; readonly decode: Encoding | undefined }
  | {
      readonly kind: 'format';
      readonly format: AnyFormat;
      /** Names of declared secrets, in the order of the config. */
      readonly secrets: readonly string[];
      readonly keys: KeySelection;
      readonly onConflict: 'error' | 'first' | 'last';
      readonly options: FormatOptions;
      /** What the format needs besides the keys. */
      readonly inputs: readonly FormatInput<ValuePlan>[];
    };

/** One declared output. */
export interface OutputPlan {
  /** As the config names it: `outputs[2] (db.env)`. Every error about this output starts with it. */
  readonly where: string;
  readonly target: Target;
  /** It is an entry of a Secret, or several, and no file: `target` says its name there. */
  readonly kubernetes?: SecretTarget | undefined;
  /** Whom to tell that it has changed; undefined: whom `watch.on_change` says. */
  readonly onChange?: readonly Handler[] | undefined;
  readonly content: OutputContent;
}

/** Where an output goes, and no more. */
export type PlacedOutput = Pick<OutputPlan, 'where' | 'target' | 'kubernetes'>;

/** One file, complete in memory. */
export interface RenderedFile {
  readonly path: string;
  readonly content: Secret<Uint8Array>;
}

/** One output, complete in memory. A `files` output has one file per key; all others have one. */
export interface RenderedOutput {
  readonly plan: OutputPlan;
  readonly files: readonly RenderedFile[];
}

/** What the writer needs to know of an output. */
export interface WritableOutput {
  readonly plan: PlacedOutput;
  readonly files: readonly RenderedFile[];
}

/**
 * A directory that a run changes as a whole. `prune`: undeclared files of earlier runs are removed. `swap`: all
 * outputs are in it, and one link makes them visible.
 */
export interface ManagedDirectory {
  readonly kind: 'prune' | 'swap';
  /** Absolute and normalised. */
  readonly path: string;
  /** For messages: `vaultonce.yaml:9, output.prune`. */
  readonly where: string;
}

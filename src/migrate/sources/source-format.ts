import type { Draft, PlacedText } from '../draft.ts';
import type { HclObject } from '../hcl/hcl-syntax.ts';

/** A file of another tool. */
export interface SourceFile {
  /** As messages call it. */
  readonly name: string;
  readonly text: string;
}

/** A document of a YAML file, with the line of each thing in it. */
export interface YamlDocument {
  readonly value: unknown;
  readonly lineOf: (path: readonly (string | number)[]) => number | undefined;
}

/** What a file holds once it has been parsed. */
export type Parsed =
  | { readonly kind: 'hcl'; readonly root: HclObject }
  | { readonly kind: 'yaml'; readonly documents: readonly YamlDocument[] };

/** Reads what a config names. */
export interface Reading {
  /** @returns undefined for a file that cannot be read, which has then been reported */
  template(path: string, where: string): SourceFile | undefined;
  /** A text that is YAML in its turn. @returns undefined for one that does not parse, which has then been reported */
  yaml(text: string, placed: PlacedText): YamlDocument | undefined;
}

/** A kind of file that can be migrated. Its functions are pure. */
export interface SourceFormat {
  /** As messages and notes call it. */
  readonly title: string;
  /** By its content. The first that recognises a file reads it. */
  recognises(parsed: Parsed): boolean;
  read(parsed: Parsed, file: SourceFile, draft: Draft, reading: Reading): void;
}

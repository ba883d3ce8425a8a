import type { JsonValue } from '../base/secret-data.ts';
import { DeclaredSecrets } from './declared-secrets.ts';
import { convertGo } from './go-template/convert.ts';
import { GoSyntaxError, type Delimiters } from './go-template/lex-go.ts';
import { parseGo } from './go-template/parse-go.ts';
import { textPiece, type Piece } from './go-template/pieces.ts';
import { holdsCredential, looksLikeCredential } from '../base/shown-text.ts';
import type { NoteKind } from './note-kinds.ts';

/** Something that cannot be carried over, or that does not parse. */
export interface Problem {
  /** `agent.hcl:12` */
  readonly where: string;
  readonly message: string;
  readonly hint: string;
  /** Nothing comes of the file: it does not parse, or is of no known kind. */
  readonly isFatal?: boolean;
}

/** A text in a file, and which line of the file each of its lines is. */
export interface PlacedText {
  readonly text: string;
  /** As messages call it. */
  readonly file: string;
  readonly firstLine: number;
  /** False: it is in quotes, on one line. */
  readonly isVerbatim: boolean;
}

/** What an output or a variable renders. */
export interface TemplateDraft {
  readonly pieces: readonly Piece[];
  /** It holds actions that have no counterpart. */
  readonly isKept: boolean;
  /** Where it stands, for what is found out later. */
  readonly where: string;
}

export type Fields = Readonly<Record<string, JsonValue>>;

export interface OutputDraft {
  /** Undefined: an entry of a Secret of the cluster. */
  readonly path: string | undefined;
  readonly template?: TemplateDraft;
  /** Everything besides the path and the template. */
  readonly fields: Fields;
}

/** A variable of `environment:`: a reference, all keys of a secret, or a template. */
export type VariableDraft =
  | { readonly kind: 'value'; readonly value: () => JsonValue }
  | { readonly kind: 'template'; readonly template: TemplateDraft };

/** A class of the Secrets Store CSI driver, which is written as one for this provider, too. */
export interface ClassDraft {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly audience: string | undefined;
  /** Secrets that the driver makes of files. */
  readonly secretObjects: JsonValue | undefined;
  readonly where: string;
}

export type Section = 'vault' | 'auth' | 'output' | 'vault.tls';

/** The config that is being made, from one file after another. */
export class Draft {
  readonly secrets = new DeclaredSecrets();
  readonly outputs: OutputDraft[] = [];
  readonly classes: ClassDraft[] = [];
  readonly environment = new Map<string, VariableDraft>();
  readonly notes = new Map<NoteKind, Set<string>>();
  readonly problems: Problem[] = [];
  readonly #sections = new Map<Section, Map<string, { value: JsonValue; where: string }>>();

  set(section: Section, key: string, value: JsonValue | undefined, where: string): void {
    if (value === undefined) return;
    if (typeof value === 'string' && holdsCredential(value)) {
      this.note('credential', where);
      return;
    }
    const fields = this.#sections.get(section) ?? new Map<string, { value: JsonValue; where: string }>();
    this.#sections.set(section, fields);
    const known = fields.get(key);
    if (known !== undefined && JSON.stringify(known.value) !== JSON.stringify(value)) {
      this.problem(
        where,
        `\`${section}.${key}\` differs from that of ${known.where}: a config has one`,
        'migrate these files one by one, each into a directory of its own',
      );
      return;
    }
    fields.set(key, { value, where });
  }

  has(section: Section): boolean {
    return this.#sections.has(section);
  }

  section(section: Section): Fields {
    const fields = this.#sections.get(section) ?? new Map<string, { value: JsonValue }>();
    return Object.fromEntries([...fields].map(([key, { value }]) => [key, value]));
  }

  /** Adds an output, unless its path cannot be one. */
  output(output: OutputDraft, where: string): void {
    if (output.path !== undefined && looksLikeCredential(output.path))
      this.problem(where, 'this is not the path of a file', 'write the path: a credential belongs elsewhere');
    else this.outputs.push(output);
  }

  note(kind: NoteKind, where: string): void {
    const places = this.notes.get(kind) ?? new Set<string>();
    this.notes.set(kind, places.add(where));
  }

  problem(where: string, message: string, hint: string): void {
    this.problems.push({ where, message, hint });
  }

  /** Something for which there is no result, not even in part. */
  fatal(where: string, message: string, hint: string): void {
    this.problems.push({ where, message, hint, isFatal: true });
  }

  /** Reads a Go template. What does not parse is a problem, and the text of an empty template. */
  goTemplate(placed: PlacedText, delimiters?: Delimiters): TemplateDraft {
    const { file } = placed;
    // What reads the template leaves it out, too.
    const text = placed.text.replace(/^\ufeff/, '');
    const whereOf = (position: number): string => `${file}:${String(lineOf(placed, position))}`;
    const where = whereOf(0);
    if (text !== placed.text) this.note('bom', where);
    if (holdsCredential(text)) this.note('template credential', where);
    try {
      const note = (kind: NoteKind): void => {
        this.note(kind, where);
      };
      const template = parseGo(text, delimiters);
      // The first time tells which secrets have keys outside of `.Data.data`.
      convertGo(template, { secrets: this.secrets, note: () => undefined });
      const { pieces, kept } = convertGo(template, { secrets: this.secrets, note });
      for (const { position, message, hint } of kept) this.problem(whereOf(position), message, hint);
      return { pieces, isKept: kept.length > 0, where };
    } catch (error) {
      if (!(error instanceof GoSyntaxError)) throw error;
      const hint = 'correct the template: the tool that it is for refuses it, too';
      this.fatal(whereOf(error.position), `the Go template does not parse: ${error.message}`, hint);
      return { pieces: [textPiece(text)], isKept: true, where };
    }
  }
}

function lineOf({ text, firstLine, isVerbatim }: PlacedText, position: number): number {
  return isVerbatim ? firstLine + text.slice(0, position).split('\n').length - 1 : firstLine;
}

export function literalOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : literal(text);
}

/** A text of a source that goes into the config as it is: `${` is no variable there. */
export function literal(text: string): string {
  return text.replaceAll('${', () => '$${');
}

import { TextDocument } from 'vscode-languageserver-textdocument';
import { getLanguageService } from 'yaml-language-server';
import type { JsonSchema } from '../../src/shape/notations.ts';

/** What an editor offers where the text has a `|>`. */
export interface Offer {
  readonly label: string;
  /** Inserted, with `$1` where the cursor goes. */
  readonly text: string;
  readonly documentation: string;
}

/** The language server of VS Code, Neovim and others. */
export class Editor {
  readonly #service;

  /**
   * @param schema of every config; else a config names it in its first line
   * @param files what can be fetched or read, by address
   */
  constructor(schema: JsonSchema | undefined, files: Readonly<Record<string, string>> = {}) {
    this.#service = getLanguageService({
      schemaRequestService: (uri) => {
        const text = files[uri];
        return text === undefined ? Promise.reject(new Error(`there is no ${uri}`)) : Promise.resolve(text);
      },
      workspaceContext: { resolveRelativePath: (path, from) => new URL(path, from).href },
    });
    const schemas =
      schema === undefined ? [] : [{ uri: 'file:///schema.json', fileMatch: ['*.yaml'], schema }];
    this.#service.configure({ validate: true, completion: true, schemas });
  }

  /** What it says is wrong, each with its line, from 1. */
  async problemsIn(text: string): Promise<string[]> {
    const found = await this.#service.doValidation(documentOf(text), false);
    return found.map(({ range, message }) => `${String(range.start.line + 1)}: ${message}`);
  }

  /** What it offers at the `|>` of the text. */
  async offersIn(text: string): Promise<Offer[]> {
    const document = documentOf(text.replace('|>', ''));
    const { items } = await this.#service.doComplete(
      document,
      document.positionAt(text.indexOf('|>')),
      false,
    );
    return items.map(({ label, insertText = '', documentation = '' }) => ({
      label,
      text: insertText,
      documentation: typeof documentation === 'string' ? documentation : documentation.value,
    }));
  }
}

/** Where the config is. */
const CONFIG = 'file:///work/vaultonce.yaml';

let version = 0;

function documentOf(text: string): TextDocument {
  version += 1;
  return TextDocument.create(CONFIG, 'yaml', version, text);
}

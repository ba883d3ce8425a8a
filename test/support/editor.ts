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

/** The language server of VS Code, Neovim and others, with a config that has this schema. */
export class Editor {
  readonly #service = getLanguageService({
    schemaRequestService: (uri) => Promise.reject(new Error(`nothing is fetched, not ${uri} either`)),
    workspaceContext: { resolveRelativePath: (path) => path },
  });

  constructor(schema: JsonSchema) {
    const schemas = [{ uri: 'file:///schema.json', fileMatch: ['*.yaml'], schema }];
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

let version = 0;

function documentOf(text: string): TextDocument {
  version += 1;
  return TextDocument.create('file:///vaultonce.yaml', 'yaml', version, text);
}

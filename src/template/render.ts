import { nearest } from '../config/nearest.ts';
import type { Failure } from '../errors.ts';
import { isRawJsonNumber, textOf, type FetchedSecret, type JsonValue, type Secrets } from '../secrets.ts';
import type { Node, Place, Template } from './parse.ts';
import { lookUp, type Found, type Scope } from './scope.ts';

/** Partials that include themselves end with their data; one that does not is stopped here. */
const DEEPEST_NESTING = 200;

export interface RenderedTemplate {
  readonly text: string;
  /** Every key that is missing, and every text that a lambda could not take. */
  readonly failures: readonly Failure[];
}

/** Renders a template. Values are only ever output: one that looks like a tag stays as it is. */
export function renderTemplate({ nodes }: Template, secrets: Secrets): RenderedTemplate {
  const renderer = new Renderer();
  const text = renderer.render(nodes, [{ kind: 'root', secrets }]);
  return { text, failures: [...renderer.failures.values()] };
}

class Renderer {
  /** By place and message: a loop reports a missing key once. */
  readonly failures = new Map<string, Failure>();

  render(nodes: readonly Node[], scopes: readonly Scope[]): string {
    return nodes.map((node) => this.#renderNode(node, scopes)).join('');
  }

  #renderNode(node: Node, scopes: readonly Scope[]): string {
    switch (node.kind) {
      case 'text':
        return node.text;
      case 'variable':
        return this.#renderVariable(node.name, node.place, scopes);
      case 'section':
        return this.#renderSection(node, scopes);
      case 'lambda': {
        const result = node.lambda(this.render(node.children, scopes), node);
        if ('text' in result) return result.text;
        this.#report('template', node.place, `{{#${node.name}}}: ${result.problem}`);
        return '';
      }
      case 'partial':
        return this.#renderPartial(node, scopes);
    }
  }

  #renderVariable(name: string, place: Place, scopes: readonly Scope[]): string {
    const found = lookUp(name, scopes);
    switch (found.kind) {
      case 'value':
        return textOf(found.value);
      case 'secret':
        return found.secret.kind === 'found' ? textOf(Object.fromEntries(found.secret.keys.reveal())) : '';
      case 'entries':
      case 'silent':
        return '';
      case 'missing':
        this.#reportMissing(name, found, place);
        return '';
    }
  }

  /** A section on a key that is missing is a test, not a mistake. */
  #renderSection(node: Extract<Node, { kind: 'section' }>, scopes: readonly Scope[]): string {
    const found = lookUp(node.name, scopes);
    const inner = scopesOf(found);
    if (node.inverted) return inner.length === 0 ? this.render(node.children, scopes) : '';
    return inner.map((scope) => this.render(node.children, [...scopes, scope])).join('');
  }

  #renderPartial(node: Extract<Node, { kind: 'partial' }>, scopes: readonly Scope[]): string {
    const nesting = scopes.filter(({ kind }) => kind === 'partial').length;
    if (nesting < DEEPEST_NESTING) return this.render(node.nodes(), [...scopes, { kind: 'partial' }]);
    this.#report('template', node.place, `the partial {{> ${node.name}}} includes itself without end`);
    return '';
  }

  #reportMissing(
    name: string,
    { secret, key, known }: Extract<Found, { kind: 'missing' }>,
    place: Place,
  ): void {
    if (secret === undefined) {
      this.#report('not_found', place, `\`${name}\` is neither a key here nor a declared secret`, known, key);
      return;
    }
    this.#report(
      'not_found',
      place,
      `the secret \`${secret.name}\` (${secret.metadata.path}) has no key \`${key}\``,
      known,
      key,
    );
  }

  #report(
    kind: Failure['kind'],
    { file, line }: Place,
    message: string,
    known?: readonly string[],
    key?: string,
  ): void {
    const where = `${file ?? 'contents'}:${String(line)}`;
    const candidate = known === undefined || key === undefined ? undefined : nearest(key, known);
    this.failures.set(`${where} ${message}`, {
      kind,
      message,
      where,
      details:
        known === undefined ? undefined : [`known keys: ${known.length === 0 ? 'none' : known.join(', ')}`],
      hint: candidate === undefined ? hintFor(kind) : `did you mean \`${candidate}\`?`,
    });
  }
}

function hintFor(kind: Failure['kind']): string | undefined {
  if (kind !== 'not_found') return undefined;
  return 'correct the name, add the key to the secret, or give it a `default:`; a section {{#name}}…{{/name}} tests for a key';
}

/** The scopes that a section's content is rendered in: none when its value is missing, empty, 0 or false. */
function scopesOf(found: Found): readonly Scope[] {
  switch (found.kind) {
    case 'missing':
    case 'silent':
      return [];
    case 'secret':
      return secretScopes(found.secret);
    case 'entries':
      return found.entries.map(([key, value]) => ({ kind: 'entry', key, value }));
    case 'value':
      return valueScopes(found.value);
  }
}

function secretScopes(secret: FetchedSecret): readonly Scope[] {
  return secret.kind === 'found' ? [{ kind: 'secret', secret }] : [];
}

function valueScopes(value: JsonValue): readonly Scope[] {
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).map((item) => ({ kind: 'value', value: item }));
  return isTruthy(value) ? [{ kind: 'value', value }] : [];
}

/** As in Mustache: null, false, 0 and the empty text are false; the text "false" is a text. */
function isTruthy(value: JsonValue): boolean {
  return isRawJsonNumber(value) ? Number(value.rawJSON) !== 0 : Boolean(value);
}

import type { Failure, FailureContext, FailureKind } from '../base/errors.ts';
import { quotedName, TEXT_HINT, wayText, type KeyStep } from '../base/key-path.ts';
import { nearest } from '../base/nearest.ts';
import {
  isRawJsonNumber,
  textOf,
  type FetchedSecret,
  type JsonValue,
  type Secrets,
} from '../base/secret-data.ts';
import { lookUp, type Found, type Missing, type Scope } from './lookup.ts';
import { placeText, type Place } from './names.ts';
import type { Node, Template } from './parse.ts';

/** Partials that include themselves end with their data; one that does not is stopped here. */
const DEEPEST_NESTING = 200;

export interface RenderedTemplate {
  readonly text: string;
  /** Every key that is missing, and every text that a lambda could not take. */
  readonly failures: readonly Failure[];
}

/**
 * Renders a template. Values are only ever output: one that looks like a tag stays as it is.
 * @param parts gets the text of every value that is output, and what lambdas make of them
 */
export function renderTemplate({ nodes }: Template, secrets: Secrets, parts?: Set<string>): RenderedTemplate {
  const renderer = new Renderer(parts);
  const text = renderer.render(nodes, [{ kind: 'root', secrets }]);
  return { text, failures: [...renderer.failures.values()] };
}

class Renderer {
  /** By place and message: a loop reports a missing key once. */
  readonly failures = new Map<string, Failure>();
  readonly #parts: Set<string> | undefined;
  #isEndless = false;

  constructor(parts: Set<string> | undefined) {
    this.#parts = parts;
  }

  render(nodes: readonly Node[], scopes: readonly Scope[]): string {
    return nodes.map((node) => this.#renderNode(node, scopes)).join('');
  }

  #renderNode(node: Node, scopes: readonly Scope[]): string {
    switch (node.kind) {
      case 'text':
        return node.text;
      case 'variable':
        return this.#part(this.#renderVariable(node, scopes));
      case 'section':
        return this.#renderSection(node, scopes);
      case 'lambda':
        return this.#renderLambda(node, scopes);
      case 'partial':
        return this.#renderPartial(node, scopes);
    }
  }

  #part(text: string): string {
    this.#parts?.add(text);
    return text;
  }

  #renderVariable(node: Extract<Node, { kind: 'variable' }>, scopes: readonly Scope[]): string {
    const found = lookUp(node.steps, scopes);
    switch (found.kind) {
      case 'value':
        return textOf(found.value);
      case 'secret':
        return found.secret.kind === 'found' ? textOf(Object.fromEntries(found.secret.keys.reveal())) : '';
      case 'entries':
      case 'silent':
        return '';
      case 'ambiguous':
        this.#reportAmbiguous(node, found);
        return '';
      case 'missing':
        this.#reportMissing(node.name, found, node.place);
        return '';
    }
  }

  /** A section on a key that is missing is a test, not a mistake; one on entries that cannot exist is a mistake. */
  #renderSection(node: Extract<Node, { kind: 'section' }>, scopes: readonly Scope[]): string {
    const found = lookUp(node.steps, scopes);
    if (found.kind === 'ambiguous') this.#reportAmbiguous(node, found);
    if (found.kind === 'missing' && found.key === '@entries')
      this.#reportMissing(node.name, found, node.place);
    const inner = scopesOf(found);
    if (node.inverted) return inner.length === 0 ? this.render(node.children, scopes) : '';
    return inner.map((scope) => this.render(node.children, [...scopes, scope])).join('');
  }

  #renderLambda(node: Extract<Node, { kind: 'lambda' }>, scopes: readonly Scope[]): string {
    const inner = this.render(node.children, scopes);
    // Each level of an endless partial would double the backslashes of `@json`.
    if (this.#isEndless) return '';
    const result = node.lambda(inner, node);
    if ('text' in result) return this.#part(result.text);
    this.#report('template', node.place, `{{#${node.name}}}: ${result.problem}`, {
      hint: 'check the values in the section',
    });
    return '';
  }

  #renderPartial(node: Extract<Node, { kind: 'partial' }>, scopes: readonly Scope[]): string {
    // One that includes itself twice would otherwise be rendered 2 ** DEEPEST_NESTING times.
    if (this.#isEndless) return '';
    const nesting = scopes.filter(({ kind }) => kind === 'partial').length;
    if (nesting < DEEPEST_NESTING) return this.render(node.nodes(), [...scopes, { kind: 'partial' }]);
    this.#isEndless = true;
    this.#report('template', node.place, `the partial {{> ${node.name}}} includes itself without end`, {
      hint: 'put the tag in a section that ends with the data',
    });
    return '';
  }

  #reportAmbiguous(
    {
      name,
      steps,
      place,
    }: { readonly name: string; readonly steps: readonly KeyStep[]; readonly place: Place },
    { ways }: Extract<Found, { kind: 'ambiguous' }>,
  ): void {
    const owner = ownerOf(steps, ways[0]);
    const [one, other] = ways.map((way) => `\`{{${owner}${quotedName(way)}}}\``);
    this.#report('template', place, `\`${name}\` is both ${ways.map(wayText).join(' and ')}`, {
      hint: `write ${one ?? ''} or ${other ?? ''}`,
    });
  }

  #reportMissing(name: string, missing: Missing, place: Place): void {
    const reserved = RESERVED_PROBLEMS.get(missing.key);
    if (reserved !== undefined) {
      this.#report('not_found', place, `${ownerText(name, missing)} ${reserved.problem}`, {
        hint: reserved.hint,
      });
      return;
    }
    const { key, known } = missing;
    const candidate = nearest(key, known);
    const remedy = missing.isText === true ? TEXT_HINT : MISSING_HINT;
    this.#report('not_found', place, missingText(name, missing), {
      details: [`known keys: ${known.length === 0 ? 'none' : known.join(', ')}`],
      hint: candidate === undefined ? remedy : `did you mean \`${candidate}\`?`,
    });
  }

  #report(kind: FailureKind, place: Place, message: string, context: FailureContext): void {
    const where = placeText(place);
    this.failures.set(`${where} ${message}`, { kind, message, where, ...context });
  }
}

const MISSING_HINT =
  'correct the name, add the key to the secret, or give it a `default:`; a section {{#name}}…{{/name}} tests for a key';

function missingText(name: string, missing: Missing): string {
  return missing.owner === undefined
    ? `\`${name}\` is neither a key here nor a declared secret`
    : `${ownerText(name, missing)} has no key \`${missing.key}\``;
}

function ownerText(name: string, { owner }: Missing): string {
  if (owner === undefined || typeof owner === 'string') return `\`${owner ?? name}\``;
  return `the secret \`${owner.name}\` (${owner.metadata.path})`;
}

/** What of a name comes before the keys: that of a secret, or of an entry. */
function ownerOf(steps: readonly KeyStep[], way: readonly string[]): string {
  const keys = way.join('.');
  const [first] = steps;
  const whole = steps.map(({ name }) => name).join('.');
  return first === undefined || whole === keys ? '' : `${first.name}.`;
}

/** Why a reserved name has no value. */
const RESERVED_PROBLEMS: ReadonlyMap<string, { readonly problem: string; readonly hint: string }> = new Map([
  ['@entries', { problem: 'has no entries: only secrets have them', hint: 'name the keys that you need' }],
  ['@version', { problem: 'has no version: it is not a kv2 secret', hint: testHint('@version') }],
  ['@lease_id', { problem: 'has no lease', hint: testHint('@lease_id') }],
  ['@lease_duration', { problem: 'has no lease', hint: testHint('@lease_duration') }],
]);

function testHint(name: string): string {
  return `leave it out, or test for it with {{#secret.${name}}}…{{/secret.${name}}}`;
}

/** The scopes that a section's content is rendered in: none when its value is missing, empty, 0 or false. */
function scopesOf(found: Found): readonly Scope[] {
  switch (found.kind) {
    case 'missing':
    case 'ambiguous':
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

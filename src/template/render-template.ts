import type { Failure, FailureContext, FailureKind } from '../base/errors.ts';
import { quotedName, TEXT_HINT, wayText, type KeyStep } from '../base/key-path.ts';
import { nearest } from '../base/nearest.ts';
import { textOf, type Secrets } from '../base/secret-data.ts';
import { shownKey } from '../base/shown-text.ts';
import { lookUp, type Found, type Missing, type Scope } from './lookup.ts';
import { placeText, type Place } from './names.ts';
import type { Node, Template } from './parse.ts';
import { scopesOf } from './section-scopes.ts';

/** Partials that include themselves end with their data; one that does not is stopped here. */
const DEEPEST_PARTIALS = 200;
/** Of sections, lambdas and partials within each other while rendering: the stack has an end. */
const DEEPEST_NESTING = 1000;
/** How much is done between two looks at the clock: about a millisecond. */
const STEPS_BETWEEN_PAUSES = 1000;
/** In characters. Beyond, it is a loop within a loop that nobody meant. */
export const LARGEST_OUTPUT = 64 * 1024 * 1024;

export interface RenderedTemplate {
  readonly text: string;
  /** Every key that is missing, and every text that a lambda could not take. */
  readonly failures: readonly Failure[];
}

/**
 * Renders a template. Values are only ever output: one that looks like a tag stays as it is. The generator stops now and
 * then, so that whoever runs it can look at the clock, and let signals in.
 * @param parts gets the text of every value that is output, and what lambdas make of them
 */
export function* renderInSteps(
  { nodes }: Template,
  secrets: Secrets,
  parts?: Set<string>,
): Generator<undefined, RenderedTemplate> {
  const renderer = new Renderer(parts);
  const text = yield* renderer.render(nodes, [{ kind: 'root', secrets }]);
  return { text, failures: [...renderer.failures.values()] };
}

type NodeOf<Kind extends Node['kind']> = Extract<Node, { kind: Kind }>;
type Steps = Generator<undefined, string>;

class Renderer {
  /** By place and message: a loop reports a missing key once. */
  readonly failures = new Map<string, Failure>();
  readonly #parts: Set<string> | undefined;
  #steps = 0;
  #pauseAt = STEPS_BETWEEN_PAUSES;
  #nesting = 0;
  #size = 0;
  /** Nothing of it can be used any more. */
  #isOver = false;

  constructor(parts: Set<string> | undefined) {
    this.#parts = parts;
  }

  *render(nodes: readonly Node[], scopes: readonly Scope[]): Steps {
    const texts: string[] = [];
    for (const node of nodes) {
      if (this.#isOver) return '';
      this.#steps += 1;
      if (this.#steps >= this.#pauseAt) {
        this.#pauseAt = this.#steps + STEPS_BETWEEN_PAUSES;
        yield;
      }
      if (node.kind === 'text') texts.push(this.#sized(node.text));
      else if (node.kind === 'variable')
        texts.push(this.#sized(this.#part(this.#renderVariable(node, scopes))));
      else texts.push(yield* this.#renderInside(node, scopes));
    }
    return texts.join('');
  }

  *#renderInside(node: NodeOf<'section' | 'lambda' | 'partial'>, scopes: readonly Scope[]): Steps {
    if (this.#nesting >= DEEPEST_NESTING) {
      this.#end(
        node.place,
        `tags are nested more than ${String(DEEPEST_NESTING)} deep`,
        'nest fewer sections',
      );
      return '';
    }
    this.#nesting += 1;
    const text = yield* this.#renderNested(node, scopes);
    this.#nesting -= 1;
    return text;
  }

  #renderNested(node: NodeOf<'section' | 'lambda' | 'partial'>, scopes: readonly Scope[]): Steps {
    switch (node.kind) {
      case 'section':
        return this.#renderSection(node, scopes);
      case 'lambda':
        return this.#renderLambda(node, scopes);
      case 'partial':
        return this.#renderPartial(node, scopes);
    }
  }

  /** Counts a text that is added. */
  #sized(text: string, instead = 0): string {
    this.#size += text.length - instead;
    if (this.#size <= LARGEST_OUTPUT) return text;
    this.#end(
      undefined,
      'the text is larger than 64 MiB, the limit of an output',
      'look for a section in a section that repeats the keys of a secret for each of its keys',
    );
    return '';
  }

  #end(place: Place | undefined, message: string, hint: string): void {
    if (!this.#isOver) this.#report('template', place, message, { hint });
    this.#isOver = true;
  }

  #part(text: string): string {
    this.#parts?.add(text);
    return text;
  }

  #renderVariable(node: NodeOf<'variable'>, scopes: readonly Scope[]): string {
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
  *#renderSection(node: NodeOf<'section'>, scopes: readonly Scope[]): Steps {
    const found = lookUp(node.steps, scopes);
    if (found.kind === 'ambiguous') this.#reportAmbiguous(node, found);
    if (found.kind === 'missing' && found.key === '@entries')
      this.#reportMissing(node.name, found, node.place);
    const inner = scopesOf(found);
    this.#steps += inner.length;
    if (node.inverted) return inner.length === 0 ? yield* this.render(node.children, scopes) : '';
    const texts: string[] = [];
    for (const scope of inner) texts.push(yield* this.render(node.children, [...scopes, scope]));
    return texts.join('');
  }

  *#renderLambda(node: NodeOf<'lambda'>, scopes: readonly Scope[]): Steps {
    const inner = yield* this.render(node.children, scopes);
    if (this.#isOver) return '';
    const result = node.lambda(inner, node);
    if ('text' in result) return this.#part(this.#sized(result.text, inner.length));
    this.#report('template', node.place, `{{#${node.name}}}: ${result.problem}`, {
      hint: 'check the values in the section',
    });
    return '';
  }

  *#renderPartial(node: NodeOf<'partial'>, scopes: readonly Scope[]): Steps {
    const nesting = scopes.filter(({ kind }) => kind === 'partial').length;
    if (nesting < DEEPEST_PARTIALS) return yield* this.render(node.nodes(), [...scopes, { kind: 'partial' }]);
    this.#end(
      node.place,
      `the partial {{> ${node.name}}} includes itself without end`,
      'put the tag in a section that ends with the data',
    );
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
    this.#steps += known.length;
    const candidate = nearest(key, known);
    const remedy = missing.isText === true ? TEXT_HINT : MISSING_HINT;
    this.#report('not_found', place, missingText(name, missing), {
      details: [`known keys: ${known.length === 0 ? 'none' : known.join(', ')}`],
      hint: candidate === undefined ? remedy : `did you mean \`${candidate}\`?`,
    });
  }

  #report(kind: FailureKind, place: Place | undefined, message: string, context: FailureContext): void {
    const where = place === undefined ? undefined : placeText(place);
    this.failures.set(`${where ?? ''} ${message}`, { kind, message, where, ...context });
  }
}

const MISSING_HINT =
  'correct the name, add the key to the secret, or give it a `default:`; a section {{#name}}…{{/name}} tests for a key';

function missingText(name: string, missing: Missing): string {
  return missing.owner === undefined
    ? `\`${shownKey(name)}\` is neither a key here nor a declared secret`
    : `${ownerText(name, missing)} has no key \`${shownKey(missing.key)}\``;
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
  [
    '@version',
    { problem: 'has no version', hint: `only a kv2 secret that is there has one: ${testHint('@version')}` },
  ],
  ['@lease_id', { problem: 'has no lease', hint: testHint('@lease_id') }],
  ['@lease_duration', { problem: 'has no lease', hint: testHint('@lease_duration') }],
]);

function testHint(name: string): string {
  return `leave it out, or test for it with {{#secret.${name}}}…{{/secret.${name}}}`;
}

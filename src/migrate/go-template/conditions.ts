import { section, type Piece } from './pieces.ts';
import { InKeptBlock, isWhole, nameOf, type SectionScope, type Value } from './go-values.ts';
import { Unsupported } from '../unsupported.ts';

/** What decides between two texts. */
export type Condition =
  | { readonly kind: 'test'; readonly value: Value }
  | { readonly kind: 'constant'; readonly isTrue: boolean }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly Condition[] };

/** @throws Unsupported, InKeptBlock */
export function conditionOf(value: Value): Condition {
  switch (value.kind) {
    case 'secret':
      // A secret that is missing fails the run.
      return isWhole(value) ? ALWAYS : { kind: 'test', value };
    case 'certificate':
      return ALWAYS;
    case 'names':
    case 'item':
    case 'entry':
      return { kind: 'test', value };
    case 'unknown':
      throw new InKeptBlock();
    case 'index':
    case 'environment':
    case 'pieces':
      throw new Unsupported('a condition on anything but a key of a secret has no counterpart');
    default:
      return { kind: 'constant', isTrue: isTrue(value) };
  }
}

const ALWAYS: Condition = { kind: 'constant', isTrue: true };

/** As text/template has it. */
function isTrue(value: Extract<Value, { kind: 'text' | 'number' | 'constant' | 'nothing' }>): boolean {
  switch (value.kind) {
    case 'text':
      return value.text !== '';
    case 'number':
      return Number(value.text) !== 0;
    case 'constant':
      return value.isTrue;
    case 'nothing':
      return false;
  }
}

/** Writes the text of either branch, in the scope of the sections around it. */
type Branch = (scopes: readonly SectionScope[]) => readonly Piece[];

/** Branches are written as often as conditions are combined. */
const MOST_PIECES = 10_000;

/** `if … else …` by sections. @throws Unsupported, InKeptBlock */
export function choose(
  condition: Condition,
  [yes, no]: readonly [Branch, Branch],
  scopes: readonly SectionScope[],
): readonly Piece[] {
  switch (condition.kind) {
    case 'constant':
      return (condition.isTrue ? yes : no)(scopes);
    case 'not':
      return choose(condition.condition, [no, yes], scopes);
    case 'and':
    case 'or': {
      const { kind } = condition;
      const [first, ...conditions] = condition.conditions;
      if (first === undefined) return (kind === 'and' ? yes : no)(scopes);
      const others: Branch = (inner) => choose({ kind, conditions }, [yes, no], inner);
      return choose(first, kind === 'and' ? [others, no] : [yes, others], scopes);
    }
    case 'test':
      return sections(condition.value, [yes, no], scopes);
  }
}

function sections(
  value: Value,
  [yes, no]: readonly [Branch, Branch],
  scopes: readonly SectionScope[],
): readonly Piece[] {
  const name = nameOf(value, scopes);
  const inner = yes([...scopes, { kind: 'test', tested: value }]);
  const other = no(scopes);
  if (inner.length + other.length > MOST_PIECES)
    throw new Unsupported('conditions are combined to more text than can be written');
  return [
    ...(inner.length === 0 ? [] : section(name, inner)),
    ...(other.length === 0 ? [] : section(name, other, true)),
  ];
}

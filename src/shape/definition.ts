import type { JsonValue } from '../base/secret-data.ts';
import { problemsOf, type Combination } from './combination.ts';

/**
 * What a part of the config looks like, as data. `accept.ts` accepts what is right by it; `zod-schema.ts` makes a zod schema
 * of it, which finds what is wrong with the rest; `json-schema.ts` and the reference describe it.
 */
export type Definition =
  | StringDefinition
  | { readonly kind: 'number' | 'boolean' | 'json' }
  | { readonly kind: 'literal'; readonly value: string }
  | EnumerationDefinition
  | { readonly kind: 'list'; readonly item: Definition; readonly isFilled: boolean }
  | MapDefinition
  | ObjectDefinition
  | { readonly kind: 'either'; readonly options: readonly [Definition, Definition] }
  | ParsedDefinition
  | VariantsDefinition
  | { readonly kind: 'one-or-more'; readonly item: Definition };

export type DefinitionOf<Kind extends Definition['kind']> = Extract<Definition, { kind: Kind }>;

interface StringDefinition {
  readonly kind: 'string';
  readonly isFilled: boolean;
  readonly pattern?: { readonly is: RegExp; readonly problem: string } | undefined;
}

interface EnumerationDefinition {
  readonly kind: 'enumeration';
  readonly values: readonly string[];
  /** What each of them means, for editors. */
  readonly about: readonly string[];
}

interface MapDefinition {
  readonly kind: 'map';
  readonly key: Definition;
  readonly value: Definition;
  /** What the JSON Schema says instead, where a later step refuses some of what `value` takes, in better words. */
  readonly narrower?: (() => Narrower) | undefined;
}

/** What may stand under some keys, and under all others. */
interface Narrower {
  readonly named: Readonly<Record<string, Definition>>;
  readonly others: Definition;
}

/** What a parser takes. */
interface ParsedDefinition {
  readonly kind: 'parsed';
  readonly input: Definition;
  readonly parse: (value: never) => Parsed<unknown>;
  /** Undefined: whatever `input` takes. */
  readonly notation?: Notation | undefined;
  /** What it takes is a credential, which may stand in no place that others read. */
  readonly isCredential?: true;
}

/** How a value is written: the reference names it, and `notations.ts` has its JSON Schema, which agrees with the parser. */
export type Notation =
  | 'boolean'
  | 'duration'
  | 'timeLimit'
  | 'wait'
  | 'percentage'
  | 'mode'
  | 'rateLimit'
  | 'path'
  | 'mount'
  | 'reference'
  | 'source'
  | WholeNumbers;

interface WholeNumbers {
  readonly name: 'number' | 'uid' | 'gid';
  readonly minimum: number;
  readonly maximum: number;
}

export interface ObjectDefinition {
  readonly kind: 'object';
  /** There are no others. */
  readonly members: Readonly<Record<string, Member>>;
  /** The names of those that are not optional. */
  readonly needed: readonly string[];
  /** Of the rules for the combination of values, those that the JSON Schema can tell. */
  readonly combinations: readonly Combination[];
  /** What is wrong with the combination of values, each of which is right. */
  readonly check: (value: never) => readonly string[];
}

/** Objects that differ in the value of one of their members, a literal. */
export interface VariantsDefinition {
  readonly kind: 'variants';
  readonly by: string;
  readonly variants: Readonly<Record<string, ObjectDefinition>>;
}

/** What a parser makes of a value. A problem never quotes it. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string; readonly hint?: string };

/** A definition, and the type of what it lets pass. */
export type Field<T> = Definition & Typed<T>;

interface Typed<out T> {
  /** For the compiler alone. */
  readonly type?: T;
}

export type TypeOf<F> = F extends Typed<infer T> ? T : never;

/** A field in an object. */
export interface Member {
  readonly isOptional: boolean;
  /** The default. */
  readonly fallback: string | undefined;
  readonly field: Definition;
  /** What the reference says. */
  readonly description: string | undefined;
  /** That it is an old name, and which one is not. */
  readonly deprecated?: string;
}

interface Required<T> extends Member {
  readonly isOptional: false;
  readonly field: Field<T>;
}

interface Optional<T> extends Member {
  readonly isOptional: true;
  readonly field: Field<T>;
}

type Members = Readonly<Record<string, Member>>;
type OptionalNames<M extends Members> = {
  [Name in keyof M]: M[Name]['isOptional'] extends true ? Name : never;
}[keyof M];
type ObjectOf<M extends Members> = Flat<
  { [Name in Exclude<keyof M, OptionalNames<M>>]: TypeOf<M[Name]['field']> } & {
    [Name in OptionalNames<M>]?: TypeOf<M[Name]['field']> | undefined;
  }
>;
type Flat<T> = { [Name in keyof T]: T[Name] };

interface StringOptions {
  /** Not empty. */
  readonly isFilled?: boolean;
  readonly pattern?: StringDefinition['pattern'];
}

export function string({ isFilled = false, pattern }: StringOptions = {}): Field<string> {
  return { kind: 'string', isFilled, pattern };
}

export const number: Field<number> = { kind: 'number' };

export const trueOrFalse: Field<boolean> = { kind: 'boolean' };

/** Whatever JSON can say. */
export const json: Field<JsonValue> = { kind: 'json' };

export function literal<const Value extends string>(value: Value): Field<Value> {
  return { kind: 'literal', value };
}

/** @param meanings of the values, by value */
export function enumeration<const Value extends string>(
  meanings: Readonly<Record<Value, string>>,
): Field<Value> {
  return { kind: 'enumeration', values: Object.keys(meanings), about: Object.values(meanings) };
}

export function list<T>(item: Field<T>, { isFilled = false } = {}): Field<T[]> {
  return { kind: 'list', item, isFilled };
}

export function map<T>(
  key: Field<string>,
  value: Field<T>,
  narrower?: () => Narrower,
): Field<Record<string, T>> {
  return { kind: 'map', key, value, narrower };
}

/** The first one that fits. */
export function either<A, B>(first: Field<A>, second: Field<B>): Field<A | B> {
  return { kind: 'either', options: [first, second] };
}

export function parsed<Input, T>(
  input: Field<Input>,
  parse: (value: Input) => Parsed<T>,
  notation?: Notation,
): Field<T> {
  return { kind: 'parsed', input, parse, notation };
}

/** What must hold, and the problem if it does not. */
type Rule<T> = readonly [holds: (value: T) => boolean, problem: string];

/**
 * @param combinations the rules for the combination of values that are data
 * @param rules the others; or a function that finds what else is wrong, beside the problems of combinations
 */
export function object<const M extends Members>(
  members: M,
  combinations: readonly Combination[] = [],
  rules:
    readonly Rule<ObjectOf<M>>[] | ((value: ObjectOf<M>, known: readonly string[]) => readonly string[]) = [],
): ObjectDefinition & Typed<ObjectOf<M>> {
  const needed = Object.keys(members).filter((name) => members[name]?.isOptional === false);
  const others =
    typeof rules === 'function'
      ? rules
      : (value: ObjectOf<M>): string[] =>
          rules.filter(([holds]) => !holds(value)).map(([, problem]) => problem);
  const check = (value: ObjectOf<M>): string[] => {
    const known = problemsOf(combinations, value);
    return [...known, ...others(value, known)];
  };
  return { kind: 'object', members, needed, combinations, check };
}

/** @param by the member that says which one it is */
export function variants<V extends Readonly<Record<string, ObjectDefinition>>>(
  by: string,
  all: V,
): VariantsDefinition & Typed<TypeOf<V[keyof V]>> {
  return { kind: 'variants', by, variants: all };
}

/** One, or a list of them. */
export function oneOrMore<T>(item: Field<T>): Field<T | T[]> {
  return { kind: 'one-or-more', item };
}

/** It must be given. */
export function required<T>(field: Field<T>, description?: string): Required<T> {
  return { isOptional: false, fallback: undefined, field, description };
}

export function optional<T>(field: Field<T>, description?: string): Optional<T> {
  return { isOptional: true, fallback: undefined, field, description };
}

/** @param fallback the default */
export function withDefault(field: Field<string>, fallback: string, description: string): Required<string> {
  return { isOptional: false, fallback, field, description };
}

import type { DeclaredVariable } from '../config/config.ts';
import type { Source } from '../shape/ref.ts';
import { alignColumns } from './table.ts';

/** Where a variable comes from. */
export interface VariableDescription {
  readonly name: string;
  readonly kind: DeclaredVariable['content']['kind'];
  /** Null: the token, or those that a template names. */
  readonly secret: string | null;
  /** Null: all keys, or those that a template names. */
  readonly key: string | null;
}

export function describeVariable({ name, content }: DeclaredVariable): VariableDescription {
  const { kind } = content;
  switch (kind) {
    case 'value':
      return { name, kind, secret: secretOf(content.ref), key: content.ref.key };
    case 'keys':
    case 'secret':
      return { name, kind, secret: secretOf(content.of), key: null };
    case 'template':
    case 'token':
      return { name, kind, secret: null, key: null };
  }
}

function secretOf(ref: Source): string {
  if (ref.kind === 'name') return ref.name;
  return ref.version === undefined ? ref.path : `${ref.path}@${String(ref.version)}`;
}

export function variablesTable(variables: readonly VariableDescription[]): string[] {
  if (variables.length === 0) return [];
  const rows = variables.map(({ name, kind, secret, key }) => [name, secret ?? kind, key ?? '*']);
  return ['', ...alignColumns(['VARIABLE', 'SECRET', 'KEY'], rows)];
}

/** With the values of fixtures. */
export interface Rendered {
  /** Outputs. */
  readonly rendered: number;
  /** Variables; those of `*` are one for each key. */
  readonly rendered_variables: number;
}

export function renderedLines({
  rendered = 0,
  rendered_variables: variables = 0,
}: Partial<Rendered>): string[] {
  const outputs = rendered === 0 ? [] : ['', `all outputs render (${String(rendered)})`];
  return variables === 0 ? outputs : [...outputs, '', `all variables render (${String(variables)})`];
}

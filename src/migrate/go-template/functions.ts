import { shownName } from '../../base/shown-text.ts';
import type { DeclaredSecrets } from '../declared-secrets.ts';
import type { NoteKind } from '../note-kinds.ts';
import { encoded, textPiece, type Piece } from './pieces.ts';
import { choose, conditionOf } from './conditions.ts';
import { configText, listedPath, requestOf, writeOf } from './requests.ts';
import {
  encodedValue,
  InKeptBlock,
  isWhole,
  nameOf,
  piecesOf,
  withFields,
  type SectionScope,
  type Value,
} from './go-values.ts';
import { Unsupported } from '../unsupported.ts';

/** What functions need of the template around them. */
export interface CallContext {
  readonly secrets: DeclaredSecrets;
  readonly scopes: readonly SectionScope[];
  readonly note: (kind: NoteKind) => void;
}

type GoFunction = (args: readonly Value[], context: CallContext) => Value;

/** Functions of text/template and of consul-template that have a counterpart. */
const FUNCTIONS: ReadonlyMap<string, GoFunction> = new Map<string, GoFunction>([
  ['secret', secret],
  ['secrets', secrets],
  ['pkiCert', pkiCert],
  ['index', index],
  ['print', print],
  ['printf', printf],
  ['env', environment],
  ['or', or],
  ['toJSON', toJson],
  ['toUnescapedJSON', toJson],
  ['toYAML', withNote('@yaml', 'toYAML')],
  ['base64Encode', withNote('@base64')],
  ['base64Decode', withNote('@base64decode')],
  ['urlquery', withNote('@url', 'urlquery')],
  ['indent', indent],
]);

const ANY_OTHER = 'values are written unchanged: store them as they are needed';

/** Why some have none, and what to do. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:eq|ne|lt|le|gt|ge|len|not|and|contains\w*|in|regexMatch)$/,
    'values are not compared: a section tests whether there is one',
  ],
  [
    /^(?:key\w*|services?|nodes?|ls|safeLs|tree|safeTree|datacenters|connect|caRoots|caLeaf)$/,
    'nothing is read from Consul',
  ],
  [/^nomad\w*$/, 'nothing is read from Nomad'],
  [/^file$/, 'a partial, `{{> name}}`, is the only file that a template reads'],
  [
    /^(?:mustEnv|envOrDefault)$/,
    'write `${NAME}` or `${NAME:-default}` into an inline template: `contents:`',
  ],
  [/^(?:executeTemplate)$/, 'write it as a partial, `{{> name}}`, in a file next to the template'],
];

/** @throws Unsupported, InKeptBlock */
export function call(name: string, args: readonly Value[], context: CallContext): Value {
  const found = FUNCTIONS.get(name);
  if (found !== undefined) return found(args, context);
  if (args.some(({ kind }) => kind === 'unknown')) throw new InKeptBlock();
  const hint = HINTS.find(([names]) => names.test(name))?.[1] ?? ANY_OTHER;
  throw new Unsupported(`the function \`${shownName(name)}\` has no counterpart`, hint);
}

function only(args: readonly Value[], name: string): Value {
  const [value] = args;
  if (value === undefined || args.length > 1) throw new Unsupported(`\`${name}\` takes one value`);
  return value;
}

function secret(args: readonly Value[], { secrets: declared, note }: CallContext): Value {
  const [path, ...data] = args;
  if (path === undefined) throw new Unsupported('`secret` needs a path');
  const request = requestOf(configText(path));
  const write = data.length === 0 ? undefined : writeOf(data.map(configText), note);
  return { kind: 'secret', secret: declared.declare({ ...request, write }), fields: [] };
}

function secrets(args: readonly Value[], { secrets: declared, note }: CallContext): Value {
  const given = configText(only(args, 'secrets'));
  const path = listedPath(given);
  if (path !== given) note('list metadata');
  return { kind: 'names', secret: declared.declare({ path, list: true }, `${path}/names`) };
}

function pkiCert(args: readonly Value[], { secrets: declared, note }: CallContext): Value {
  const [path, ...data] = args;
  if (path === undefined) throw new Unsupported('`pkiCert` needs a path');
  note('pkiCert');
  const write = writeOf(data.map(configText), note);
  return {
    kind: 'certificate',
    secret: declared.declare({ path: configText(path), write }, `${configText(path)}/tls`),
    fields: [],
  };
}

function index(args: readonly Value[]): Value {
  const [value, ...keys] = args;
  if (value === undefined) throw new Unsupported('`index` needs a value');
  return keys.reduce<Value>((found, key) => {
    if (key.kind === 'unknown') throw new InKeptBlock();
    if (key.kind === 'text' || key.kind === 'number') return withFields(found, [key.text]);
    throw new Unsupported('`index` with a key that is another value has no counterpart');
  }, value);
}

function print(args: readonly Value[], { scopes }: CallContext): Value {
  // Go puts a blank between two values of which neither is a text, which only the values tell.
  if (args.length > 1)
    throw new Unsupported('`print` of several values', 'write one action for each of them');
  return { kind: 'pieces', pieces: args.flatMap((value) => [...piecesOf(value, scopes)]) };
}

function printf(args: readonly Value[], { scopes }: CallContext): Value {
  const [format, ...values] = args;
  if (format?.kind === 'unknown') throw new InKeptBlock();
  if (format?.kind !== 'text') throw new Unsupported('`printf` needs a format in quotes');
  const pieces: Piece[] = [];
  let next = 0;
  for (const [part, verb] of format.text.matchAll(/%(.?)|[^%]+/gs)) {
    if (verb === undefined) pieces.push(textPiece(part));
    else if (verb === '%') pieces.push(textPiece('%'));
    else if (/^[sdv]$/.test(verb)) {
      const value = values[next];
      next += 1;
      if (value === undefined) throw new Unsupported('`printf` has fewer values than its format');
      pieces.push(...piecesOf(value, scopes));
    } else throw new Unsupported('a verb of `printf` other than %s, %d and %v has no counterpart');
  }
  if (next < values.length) throw new Unsupported('`printf` has more values than its format');
  return { kind: 'pieces', pieces };
}

function environment(args: readonly Value[], { note }: CallContext): Value {
  const name = only(args, 'env');
  if (name.kind !== 'text' || !/^[A-Za-z_]\w*$/.test(name.text))
    throw new Unsupported('`env` needs the name of a variable in quotes');
  note('env');
  return { kind: 'environment', name: name.text };
}

/** The first of its values that is not empty. */
function or(args: readonly Value[], { scopes }: CallContext): Value {
  const pieces = args.reduceRight<((inner: readonly SectionScope[]) => readonly Piece[]) | undefined>(
    (rest, value) =>
      rest === undefined
        ? (inner) => piecesOf(value, inner)
        : (inner) => choose(conditionOf(value), [(scope) => piecesOf(value, scope), rest], inner),
    undefined,
  );
  return { kind: 'pieces', pieces: pieces?.(scopes) ?? [] };
}

function toJson(args: readonly Value[], { scopes, note }: CallContext): Value {
  const value = only(args, 'toJSON');
  note('toJSON');
  if (value.kind === 'secret' && isWhole(value)) {
    if (value.fields.length === 0)
      throw new Unsupported('a whole response as JSON has no counterpart', 'write the JSON of its data');
    if (value.fields.length === 1) note('whole data');
    return { kind: 'pieces', pieces: [{ kind: 'name', name: nameOf(value, scopes) }] };
  }
  return encodedValue('@json', value, scopes);
}

function withNote(encoding: string, kind?: NoteKind): GoFunction {
  return (args, { scopes, note }) => {
    const value = only(args, encoding.slice(1));
    if (value.kind === 'secret' && isWhole(value))
      throw new Unsupported('a whole secret in this notation', 'use an output with `format:`');
    if (kind !== undefined) note(kind);
    return encodedValue(encoding, value, scopes);
  };
}

function indent(args: readonly Value[], { scopes }: CallContext): Value {
  const [width, value] = args;
  if (width?.kind !== 'number' || value === undefined || !/^\d{1,3}$/.test(width.text))
    throw new Unsupported('`indent` needs a number and a value');
  const column = Number(width.text);
  const pieces = encoded('@indent', piecesOf(value, scopes), column);
  return { kind: 'pieces', pieces: [textPiece(' '.repeat(column)), ...pieces] };
}

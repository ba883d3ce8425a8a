import type { JsonValue } from '../../base/secret-data.ts';
import { literal, type Draft } from '../draft.ts';
import { Unsupported } from '../unsupported.ts';
import { requestOf } from '../go-template/requests.ts';
import type { HclObject } from '../hcl/hcl-syntax.ts';
import { Stanza } from '../stanza.ts';
import { leaveOut, readExec, readTokenServer } from './consul-template.ts';
import type { SourceFormat } from './source-format.ts';

const TOOL = 'envconsul';
const OWN = ['secret', 'prefix', 'upcase', 'sanitize', 'pristine'];

const LEFT_OUT = [
  ['watching', ['wait', 'max_stale', 'splay', 'retry', 'timeout', 'once']],
  ['logging', ['log_level', 'syslog']],
  ['process', ['pid_file', 'kill_signal', 'reload_signal']],
  ['consul', ['consul', 'auth', 'ssl', 'token', 'service']],
] as const;

export const ENVCONSUL: SourceFormat = {
  title: TOOL,
  recognises: (parsed) => parsed.kind === 'hcl' && parsed.root.entries.some(({ key }) => OWN.includes(key)),
  read(parsed, { name }, draft) {
    if (parsed.kind === 'hcl') readConfig(parsed.root, name, draft);
  },
};

/** How names of variables are made. */
interface Naming {
  readonly sanitizes: boolean;
  readonly upper: boolean;
}

function readConfig(root: HclObject, file: string, draft: Draft): void {
  const stanza = new Stanza(root, file, draft);
  for (const block of stanza.blocks('vault')) readTokenServer(block, draft);
  const naming = {
    sanitizes: stanza.boolean('sanitize') === true,
    upper: stanza.boolean('upcase') === true,
  };
  const all: JsonValue[] = [];
  for (const block of stanza.blocks('secret')) readSecret(block, naming, all, draft);
  if (all.length > 0)
    draft.environment.set('*', { kind: 'value', value: () => (all.length === 1 ? (all[0] ?? '') : all) });
  for (const block of stanza.blocks('prefix'))
    draft.problem(
      block.where(),
      'a prefix of Consul has no counterpart: nothing is read from Consul',
      'store it in Vault',
    );
  if (stanza.boolean('pristine') === true) draft.note('pristine', stanza.where('pristine'));
  const commands = stanza.blocks('exec');
  for (const block of commands) readExec(block, TOOL, draft);
  if (commands.length === 0) draft.note('exec', stanza.where());
  leaveOut(stanza, LEFT_OUT, draft);
  stanza.end(TOOL);
}

function readSecret(stanza: Stanza, naming: Naming, all: JsonValue[], draft: Draft): void {
  const path = stanza.text('path');
  const where = stanza.where();
  const withPath = stanza.boolean('no_prefix') !== true;
  const prefix = prefixOf(stanza.text('format'), withPath ? `${(path ?? '').replaceAll(/\W/g, '_')}_` : '');
  const keys = stanza.blocks('key');
  stanza.end(TOOL);
  if (path === undefined || prefix === undefined) {
    draft.problem(
      where,
      path === undefined ? 'a secret has no `path`' : 'a `format` that is no prefix has no counterpart',
      BY_HAND,
    );
    return;
  }
  draft.note('envconsul names', where);
  const ref = refOf(path, where, draft);
  if (ref === undefined) return;
  if (keys.length > 0 && withPath)
    draft.problem(where, 'a `key` of a secret without `no_prefix = true` has no counterpart', BY_HAND);
  const renamed = keys.map((key) => renamedKey(key, naming, draft)).filter((pair) => pair !== undefined);
  all.push(allKeys(ref, { prefix, renamed }, naming));
}

const BY_HAND = 'write the variables by hand: `NAME: path#key`';

/** How the keys of a secret become names of variables. */
interface Names {
  readonly prefix: string;
  /** Those with a format of their own, and their names. */
  readonly renamed: readonly (readonly [string, string])[];
}

function allKeys(ref: string, { prefix, renamed }: Names, naming: Naming): JsonValue {
  const keys = {
    ...(renamed.length === 0 ? {} : { rename: Object.fromEntries(renamed) }),
    ...(naming.sanitizes ? { sanitize: true } : {}),
    ...(naming.upper ? { case: 'upper' } : {}),
    ...(prefix === '' ? {} : { prefix: named(prefix, naming) }),
  };
  return Object.keys(keys).length === 0 ? ref : { value: ref, keys };
}

/** `key { name format }`: what the format makes of that key alone. */
function renamedKey(key: Stanza, naming: Naming, draft: Draft): readonly [string, string] | undefined {
  const name = key.text('name') ?? '';
  const prefix = prefixOf(key.text('format'), '');
  key.end(TOOL);
  const variable = prefix === undefined ? '' : named(`${prefix}${name}`, naming);
  if (name !== '' && /^[A-Za-z_]\w*$/.test(variable)) return [literal(name), variable];
  draft.problem(key.where(), 'the key has no name that a variable can have', BY_HAND);
  return undefined;
}

/** The name of the secret in the config. */
function refOf(path: string, where: string, draft: Draft): string | undefined {
  try {
    return draft.secrets.declare(requestOf(literal(path))).name;
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    draft.problem(where, error.message, error.hint);
    return undefined;
  }
}

function named(name: string, { sanitizes, upper }: Naming): string {
  const plain = sanitizes ? name.replaceAll(/\W/g, '_') : name;
  return upper ? plain.toUpperCase() : plain;
}

/** What a format like `app_{{ key }}` puts in front. @returns undefined for any other */
function prefixOf(format: string | undefined, before: string): string | undefined {
  if (format === undefined) return before;
  const [, prefix] = /^([^{}]*)\{\{-?\s*key\s*-?\}\}$/.exec(format) ?? [];
  return prefix === undefined ? undefined : `${prefix}${before}`;
}

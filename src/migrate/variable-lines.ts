import { holdsCredential } from '../base/shown-text.ts';
import type { Failure } from '../base/errors.ts';
import type { DeclaredVariable } from '../config/config.ts';
import { checkRef, checkSource, REF_HINT, SECRET_HINT, type Checked } from '../shape/ref.ts';
import {
  isForAll,
  keysForAll,
  keysOfSelector,
  parseActionSecret,
  variableName,
  type ActionSecret,
  type KeysForAll,
} from './action-secret.ts';
import { keyText, normalPath } from './declared-secrets.ts';
import { requestOf } from './go-template/requests.ts';
import { Unsupported } from './unsupported.ts';

/** What texts such as `PATH KEY | NAME` declare, and why some do not. */
export interface VariableLines {
  readonly variables: readonly DeclaredVariable[];
  readonly failures: readonly Failure[];
}

const HINT = 'write `PATH KEY | NAME`, `PATH KEY`, `PATH *`, `PATH * | PREFIX` or `NAME=path#key`';
/** How a line of our own begins; nothing mounts what looks like it. */
const OWN = /^([A-Za-z_]\w*)=(.*)$/s;
/** An entry as vault-action has it, which may be written on several lines. */
const ENTRY = /^\s*(?![A-Za-z_]\w*=)[^\s|]+\s+[^\s|]+\s*(?:\|\s*[^\s|]+\s*)?$/;

/**
 * Reads variables in the notation of vault-action, each on a line of its own or with a `;` behind it, and as NAME=REF.
 * @param source for messages, which quote nothing of the text: it may be a credential
 */
export function readVariableLines(text: string, source: string): VariableLines {
  const variables: DeclaredVariable[] = [];
  const failures: Failure[] = [];
  const entries = entriesOf(text);
  const onLine = new Map<number, number>();
  for (const { entry, line } of entries) {
    const count = (onLine.get(line) ?? 0) + 1;
    onLine.set(line, count);
    // A plan knows variables by this: no two have the same.
    const where = `${source}, line ${String(line)}${count === 1 ? '' : ` (${String(count)})`}`;
    const read = readEntry(entry, where);
    if ('problem' in read)
      failures.push({ kind: 'usage', where, message: read.problem, hint: read.hint ?? HINT });
    else variables.push(read.value);
  }
  if (entries.length === 0)
    failures.push({ kind: 'usage', where: source, message: 'the text names no variable', hint: HINT });
  return { variables, failures };
}

interface Entry {
  readonly entry: string;
  readonly line: number;
}

function entriesOf(text: string): Entry[] {
  let line = 1;
  const entries: Entry[] = [];
  for (const part of text.split(';')) {
    const lines = part.split('\n');
    const first = lines.findIndex((one) => one.trim() !== '');
    if (ENTRY.test(part)) entries.push({ entry: part.trim().replace(/\s+/g, ' '), line: line + first });
    else
      for (const [index, one] of lines.entries())
        if (one.trim() !== '') entries.push({ entry: one.trim(), line: line + index });
    line += lines.length - 1;
  }
  return entries;
}

function readEntry(entry: string, where: string): Checked<DeclaredVariable> {
  try {
    const [, name, ref] = OWN.exec(entry) ?? [];
    if (name !== undefined && ref !== undefined) return valueOf(name, ref, where);
    const secret = parseActionSecret(entry);
    if (secret === undefined) return { problem: 'the text does not declare a variable' };
    const path = sourceOf(secret);
    if (isForAll(secret)) return allKeysOf(path.text, keysForAll(secret), where);
    if ([secret.selector, secret.name].some(holdsCredential))
      return { problem: 'a key or a name that looks like a credential is refused' };
    return valueOf(
      variableName(secret),
      `${path.path}#${keyText(keysOfSelector(secret))}${path.version}`,
      where,
    );
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    return { problem: error.message, hint: error.hint };
  }
}

/** A path as references have it. @throws Unsupported */
function sourceOf({ path: given }: ActionSecret): Record<'path' | 'version' | 'text', string> {
  const { path: raw, version: pinned } = requestOf(given);
  const path = normalPath(raw).replaceAll('#', '%23').replaceAll('@', '%40');
  const version = pinned === undefined ? '' : `@${String(pinned)}`;
  return { path, version, text: path + version };
}

function valueOf(name: string, text: string, where: string): Checked<DeclaredVariable> {
  const ref = checkRef(text);
  if ('value' in ref)
    return { value: { name, where, content: { kind: 'value', ref: ref.value }, mask: true } };
  return { problem: `the text is not a reference to a value: ${ref.problem}`, hint: ref.hint ?? REF_HINT };
}

function allKeysOf(text: string, keys: KeysForAll, where: string): Checked<DeclaredVariable> {
  const source = checkSource(text);
  if (!('value' in source))
    return {
      problem: `the text does not name a secret: ${source.problem}`,
      hint: source.hint ?? SECRET_HINT,
    };
  return { value: { name: '*', where, content: { kind: 'keys', of: source.value, keys }, mask: true } };
}

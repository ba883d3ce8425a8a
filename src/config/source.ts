import { dirname, resolve } from 'node:path';
import { RunError, systemErrorCode } from '../base/errors.ts';
import { PATH_HINT, shownPath } from '../base/shown-text.ts';
import { utf8Text } from '../base/utf8.ts';
import { readInput, withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import type { Scope } from '../host/scope.ts';
import type { ConfigPath } from './interpolate.ts';
import { overrideOf, placeOfSetting, type Flags } from './settings.ts';

/** What a file is read for, as messages call it. */
export type Purpose = 'config' | 'defaults file' | 'fixtures file' | 'file to migrate';

/** The text of a config or of fixtures, and where it came from. */
export interface SourceText {
  readonly purpose: Purpose;
  /** As messages call it. */
  readonly name: string;
  readonly text: string;
  /** Where template paths start; undefined: it is somebody else's, and may name no file of this machine. */
  readonly directory: string | undefined;
  readonly format: 'json' | 'yaml';
}

/** The result of parsing a text. */
export interface Parsed {
  readonly value: unknown;
  /** The line, from 1, of the key or item at a path, or of what is around it; undefined when it is unknown. */
  readonly lineOf: (path: ConfigPath) => number | undefined;
}

/** A part of the config: a parsed text, or what flags say. */
export interface Source {
  /** Mistakes in flags are mistakes of the command line. */
  readonly kind: 'file' | 'flags';
  /** As messages call it. */
  readonly name: string;
  /** Where template paths start; undefined: it may name none. */
  readonly directory: string | undefined;
  readonly value: Readonly<Record<string, unknown>>;
  /** For messages: `vaultonce.yaml:12`, `--secret db`. */
  readonly placeOf: (path: ConfigPath) => string;
}

/** Nothing is that large: it is a mistaken path to something else. */
const LARGEST_MIB: Readonly<Record<Purpose, number>> = {
  config: 4,
  'defaults file': 4,
  'fixtures file': 10,
  'file to migrate': 4,
};

const CONFIG_FLAG = '--config';
/** Where no other config is named. */
export const DEFAULT_FILE = 'vaultonce.yaml';
const INLINE = '$VAULTONCE_CONFIG_INLINE';
const DEFAULTS_INLINE = '$VAULTONCE_DEFAULTS_INLINE';

/** A text that a manifest of Kubernetes may hold. */
export function isInline({ name }: Pick<Source, 'name'>): boolean {
  return name === INLINE || name === DEFAULTS_INLINE;
}

/** What reading takes: the signal ends the wait for a pipe or for stdin. */
export type SourceIo = Pick<Io, 'env' | 'cwd' | 'readStdin'> & { readonly scope: Pick<Scope, 'signal'> };

/**
 * Reads the config texts: those of `-c`; else `$VAULTONCE_CONFIG` and `$VAULTONCE_CONFIG_INLINE`; else
 * `./vaultonce.yaml`, which need not be there if the config is optional.
 * @throws RunError `config`
 */
export async function readSources(
  paths: readonly string[] | undefined,
  io: SourceIo,
  optional: boolean,
): Promise<SourceText[]> {
  if (paths !== undefined && paths.length > 0) return readPaths(paths, io);
  const { VAULTONCE_CONFIG: path = '', VAULTONCE_CONFIG_INLINE: inline = '' } = io.env;
  const named = path === '' ? [] : [await readSource(path, 'config', io, '$VAULTONCE_CONFIG')];
  const all = inline === '' ? named : [...named, sourceText(INLINE, inline, io.cwd)];
  return all.length > 0 ? all : readDefault(io, optional);
}

/**
 * Reads the texts of the defaults: that of `--defaults`; else `$VAULTONCE_DEFAULTS` and `$VAULTONCE_DEFAULTS_INLINE`, if any.
 * @throws RunError `config`
 */
export async function readDefaults(flags: Flags, io: SourceIo): Promise<SourceText[]> {
  const path = overrideOf('defaults', flags, io.env);
  const where = placeOfSetting('defaults', flags, io.env);
  if (path === '-') {
    throw new RunError('config', 'defaults are not read from stdin', {
      where,
      hint: `name a file, or put the text into ${DEFAULTS_INLINE}`,
    });
  }
  const named = path === undefined ? [] : [await readFile(path, 'defaults file', io, where)];
  const { VAULTONCE_DEFAULTS_INLINE: inline = '' } = io.env;
  if (flags.defaults !== undefined || inline === '') return named;
  return [...named, sourceText(DEFAULTS_INLINE, inline, io.cwd, 'defaults file')];
}

async function readPaths(paths: readonly string[], io: SourceIo): Promise<SourceText[]> {
  const repeated = paths.find((path, index) => paths.indexOf(path) !== index);
  if (repeated !== undefined) {
    const where = shownPath(repeated, CONFIG_FLAG, false);
    throw new RunError('config', 'the same config is given twice', { where, hint: 'pass it once' });
  }
  const sources: SourceText[] = [];
  for (const path of paths) {
    sources.push(await readSource(path, 'config', io));
  }
  return sources;
}

/**
 * Reads a file, or stdin for `-`.
 * @param field where the path stands, for messages: `--fixtures`
 * @throws RunError `config`
 */
export async function readSource(
  path: string,
  purpose: Purpose,
  io: SourceIo,
  field = CONFIG_FLAG,
): Promise<SourceText> {
  if (path !== '-') return readFile(path, purpose, io, field);
  const bytes = await io.readStdin(largestBytes(purpose), io.scope.signal);
  if (bytes === undefined) throw tooLarge('-', purpose);
  return sourceText('-', textOf(bytes, '-', purpose), io.cwd, purpose);
}

function largestBytes(purpose: Purpose): number {
  return LARGEST_MIB[purpose] * 1024 * 1024;
}

/** A text that has been read. YAML may start with a brace, too, but quotes few keys. */
export function sourceText(
  name: string,
  text: string,
  directory: string | undefined,
  purpose: Purpose = 'config',
): SourceText {
  return { purpose, name, text, directory, format: /^\s*\{\s*["}]/.test(text) ? 'json' : 'yaml' };
}

async function readFile(
  path: string,
  purpose: Purpose,
  { cwd, scope }: SourceIo,
  field: string,
): Promise<SourceText> {
  const absolute = resolve(cwd, path);
  const name = shownPath(path, field, true);
  try {
    const bytes = await withPipes(scope.signal, () => readInput(absolute, largestBytes(purpose)));
    return {
      purpose,
      name,
      text: textOf(bytes, name, purpose),
      directory: dirname(absolute),
      format: path.endsWith('.json') ? 'json' : 'yaml',
    };
  } catch (error) {
    if (error instanceof RunError) throw error;
    const code = systemErrorCode(error) ?? 'unknown error';
    if (code === 'EFBIG') throw tooLarge(name, purpose);
    const where = shownPath(path, field, code === 'EACCES' || code === 'EISDIR');
    throw new RunError('config', `the ${purpose} cannot be read (${code})`, {
      where,
      hint: where === path ? 'check the path and its permissions' : PATH_HINT,
    });
  }
}

/** @throws RunError `config` for what would be another text than it is: bytes that are not UTF-8 */
function textOf(bytes: Buffer, where: string, purpose: Purpose): string {
  const text = utf8Text(bytes);
  if (text === undefined) {
    throw new RunError('config', `the ${purpose} is not UTF-8 text`, { where, hint: 'save it as UTF-8' });
  }
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

async function readDefault(io: SourceIo, optional: boolean): Promise<SourceText[]> {
  try {
    return [await readFile(DEFAULT_FILE, 'config', io, CONFIG_FLAG)];
  } catch (error) {
    if (!(error instanceof RunError) || !error.message.includes('ENOENT')) throw error;
    if (optional) return [];
    throw new RunError('config', 'no config found', {
      details: [`looked at: -c, $VAULTONCE_CONFIG, ${INLINE}, ./${DEFAULT_FILE}`],
      hint: 'name one with `-c FILE`, or use flags: --out for files, --env for variables; `vaultonce schema --markdown` lists all keys',
    });
  }
}

function tooLarge(where: string, purpose: Purpose): RunError {
  return new RunError('config', `the file is too large for a ${purpose}`, {
    where,
    hint: `check the path: it has more than ${String(LARGEST_MIB[purpose])} MiB`,
  });
}

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { RunError, systemErrorCode } from '../base/errors.ts';
import type { Io } from '../host/io.ts';
import type { ConfigPath } from './interpolate.ts';

/** A config text, and where it came from. */
export interface SourceText {
  /** As messages call it. */
  readonly name: string;
  readonly text: string;
  /** Where template paths start. */
  readonly directory: string;
  readonly format: 'json' | 'yaml';
}

/** The result of parsing a text. */
export interface Parsed {
  readonly value: unknown;
  /** The line, from 1, of the key or item at a path, or of what is around it; undefined when it is not known. */
  readonly lineOf: (path: ConfigPath) => number | undefined;
}

/** A part of the config: a parsed text, or what flags say. */
export interface Source {
  /** Mistakes in flags are mistakes of the command line. */
  readonly kind: 'file' | 'flags';
  /** As messages call it. */
  readonly name: string;
  /** Where template paths start. */
  readonly directory: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** For messages: `vaultonce.yaml:12`, `--secret db`. */
  readonly placeOf: (path: ConfigPath) => string;
}

/** No config is that large; a mistaken path to something else is reported at once. */
const LARGEST_CHARACTERS = 10 * 1024 * 1024;

const DEFAULT_FILE = 'vaultonce.yaml';
const INLINE = '$VAULTONCE_CONFIG_INLINE';

type SourceIo = Pick<Io, 'env' | 'cwd' | 'readStdin'>;

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
  const named = path === '' ? [] : await readPaths([path], io);
  const all = inline === '' ? named : [...named, textSource(INLINE, inline, io)];
  return all.length > 0 ? all : readDefault(io, optional);
}

/** @throws RunError `config` */
export async function readPaths(paths: readonly string[], io: SourceIo): Promise<SourceText[]> {
  const repeated = paths.find((path, index) => paths.indexOf(path) !== index);
  if (repeated !== undefined) {
    throw new RunError('config', 'the same config is given twice', { where: repeated, hint: 'name it once' });
  }
  const sources: SourceText[] = [];
  for (const path of paths) {
    sources.push(path === '-' ? textSource('-', await io.readStdin(), io) : readFile(path, io));
  }
  return sources;
}

function textSource(name: string, text: string, { cwd }: SourceIo): SourceText {
  return sourceText(name, limited(text, name), cwd);
}

/** A text that has been read. What starts with a brace is JSON. */
export function sourceText(name: string, text: string, directory: string): SourceText {
  return { name, text, directory, format: /^\s*\{/.test(text) ? 'json' : 'yaml' };
}

function readFile(path: string, { cwd }: SourceIo): SourceText {
  const absolute = resolve(cwd, path);
  try {
    const text = limited(readFileSync(absolute, 'utf8'), path);
    return {
      name: path,
      text,
      directory: dirname(absolute),
      format: path.endsWith('.json') ? 'json' : 'yaml',
    };
  } catch (error) {
    if (error instanceof RunError) throw error;
    throw new RunError('config', `the config cannot be read (${systemErrorCode(error) ?? 'unknown error'})`, {
      where: path,
      hint: 'check the path and its permissions',
    });
  }
}

function readDefault(io: SourceIo, optional: boolean): SourceText[] {
  try {
    return [readFile(DEFAULT_FILE, io)];
  } catch (error) {
    if (!(error instanceof RunError) || !error.message.includes('ENOENT')) throw error;
    if (optional) return [];
    throw new RunError('config', 'no config was found', {
      details: [`looked at: -c, $VAULTONCE_CONFIG, ${INLINE}, ./${DEFAULT_FILE}`],
      hint: 'name one with `-c FILE`, or say it with --secret, --out and --auth; `vaultonce schema --markdown` shows what it can hold',
    });
  }
}

function limited(text: string, name: string): string {
  if (text.length <= LARGEST_CHARACTERS) return text;
  throw new RunError('config', 'the file is too large for a config', { where: name, hint: 'check the path' });
}

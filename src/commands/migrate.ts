import { basename, dirname, join, relative, resolve } from 'node:path';
import { firstOf, RunError, systemErrorCode, throwIfAny, type Failure } from '../base/errors.ts';
import { shownPath } from '../base/shown-text.ts';
import { configFrom } from '../config/load.ts';
import { loadYamlParser } from '../config/parse-yaml.ts';
import { readSource, sourceText, type Parsed, type SourceText } from '../config/source.ts';
import { PendingPipe, readInput, withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import type { Migration, Ports } from '../migrate/migrate-files.ts';
import { planConfig } from '../plan/plan-config.ts';
import { writePlainFiles } from './plain-files.ts';

export interface MigrateOptions {
  /** The directory that is written to. */
  readonly out?: string;
  /** Overwrites what is there. */
  readonly force?: boolean;
  /** Writes what could be carried over, and lists the rest. */
  readonly partial?: boolean;
}

const LARGEST_TEMPLATE_BYTES = 16 * 1024 * 1024;

/**
 * `vaultonce migrate FILE…`: makes a config and templates of the files of other tools.
 * @throws RunError `config` for what cannot be read or carried over, `output` for what cannot be written; then nothing is
 */
export async function migrate(
  paths: readonly string[],
  { out = '.', force = false, partial = false }: MigrateOptions,
  io: Io,
): Promise<void> {
  const { signal } = io.scope;
  const read: { name: string; path: string; text: string }[] = [];
  for (const path of paths) read.push({ ...(await readSource(path, 'file to migrate', io, 'FILE')), path });
  const { migrateFiles } = await import('../migrate/migrate-files.ts');
  const ports = portsFor(read, io.cwd, await loadYamlParser());
  const migration = await withPipes(signal, () => migrateFiles(read, ports));
  const stopping = migration.problems.filter(({ isFatal = false }) => isFatal || !partial);
  throwIfAny(firstOf(stopping, ({ where, message, hint }) => ({ kind: 'config', where, message, hint })));
  const directory = resolve(io.cwd, out);
  const found = await check(migration.check, directory);
  if (!partial) throwIfAny(found);
  const problems = found.map(({ where = '', message, hint = '' }) => ({ where, message, hint }));
  const files = migration
    .files(problems)
    .map(({ name, text }) => ({ path: join(directory, name), where: name, text }));
  const written = await writePlainFiles(files, force, io.scope);
  const omissions = migration.problems.length + problems.length;
  io.stdout.write(`${written.map((path) => relative(io.cwd, path) || path).join('\n')}\n`);
  if (omissions > 0) io.stdout.write(`not carried over: ${String(omissions)}, see the notes\n`);
}

function portsFor(
  files: readonly { readonly name: string; readonly path: string }[],
  cwd: string,
  parseYaml: (source: SourceText) => Parsed,
): Ports {
  return {
    parseYaml: (text, name) => {
      const { value, lineOf } = parseYaml({
        text,
        name,
        purpose: 'file to migrate',
        directory: cwd,
        format: 'yaml',
      });
      return { value, lineOf };
    },
    problemOf: (error) => {
      const [failure] = error instanceof RunError ? error.failures : [];
      if (failure === undefined) return undefined;
      const { where = '', message, hint = '' } = failure;
      return { where, message, hint };
    },
    readFile: (path, from) => {
      const config = files.find(({ name }) => name === from)?.path ?? '-';
      const directory = config === '-' ? cwd : dirname(resolve(cwd, config));
      const places = [resolve(cwd, path), resolve(directory, path), join(directory, basename(path))];
      return readFirst(places, shownPath(path, '`source`', true));
    },
  };
}

/** The first of these files that exists. */
function readFirst(paths: readonly string[], name: string): ReturnType<Ports['readFile']> {
  let reason = 'ENOENT';
  for (const path of paths) {
    try {
      return { name, text: readInput(path, LARGEST_TEMPLATE_BYTES).toString('utf8') };
    } catch (error) {
      if (error instanceof PendingPipe) throw error;
      const code = systemErrorCode(error) ?? 'unknown error';
      if (code !== 'ENOENT' && code !== 'ENOTDIR') reason = code;
    }
  }
  return { reason };
}

/** Has the config read and planned as `check` does. Values of variables are not known. @returns what is wrong with it */
async function check(
  { check: text, variables }: Migration['check'],
  directory: string,
): Promise<readonly Failure[]> {
  const env = Object.fromEntries(variables.map((name) => [name, 'x']));
  try {
    const source = sourceText('vaultonce.yaml', text, directory);
    const config = await configFrom([source], { env, cwd: directory });
    await planConfig(config, { secrets: 'all', outputs: config.outputs, values: config.environment });
    return [];
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    return error.failures.map(({ message, where, ...failure }) => ({
      ...failure,
      kind: 'config',
      message: `the config that comes of it is not valid: ${message}`,
      where: where?.replace(/^vaultonce\.yaml:\d+/, 'vaultonce.yaml'),
    }));
  }
}

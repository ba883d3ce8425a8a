import { fieldsOf, isMethod, type MethodName } from '../auth/index.ts';
import { throwIfAny } from '../base/errors.ts';
import { withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import { accept, REFUSED } from '../shape/accept.ts';
import { configFields, type ConfigFile } from './config-definition.ts';
import type { Config } from './config.ts';
import { configOfFlags, type FlagConfig } from './flag-source.ts';
import { interpolate } from './interpolate.ts';
import { mergeSources, type Merged } from './merge.ts';
import { override } from './override.ts';
import { parseSource } from './parse-source.ts';
import { failuresOf, type Problem } from './problems.ts';
import { resolveConfig, timeoutOf } from './resolve.ts';
import type { Flags } from './settings.ts';
import { INLINE, readSources, type Source, type SourceText } from './source.ts';
import type { Surroundings } from './surroundings.ts';

/** What a command asks of its config. */
interface LoadOptions {
  /** It can do without one. */
  readonly optional?: boolean;
  /** Additional outputs, as `--out` has them: `PATH=REF`. */
  readonly outputs?: readonly string[] | undefined;
}

type LoadIo = Pick<Io, 'env' | 'cwd' | 'readStdin' | 'scope'>;

/**
 * Reads, merges, validates and completes the config.
 * @throws RunError `config` with all problems of the step that failed; `usage` for a bad flag
 */
export async function loadConfig(flags: Flags, io: LoadIo, options: LoadOptions = {}): Promise<Config> {
  return (await load(flags, io, io.cwd, options)).config;
}

/** A config, and its texts as they are written. */
export interface WrittenConfig {
  readonly config: Config;
  /** With `${VAR}` in it. */
  readonly written: Merged;
  /** With variables filled in. */
  readonly filled: Merged;
}

/**
 * The config of a run elsewhere.
 * @param cwd the working directory there
 * @throws RunError as `loadConfig`
 */
export async function loadWritten(
  flags: Flags,
  io: LoadIo,
  cwd: string,
  options: LoadOptions,
): Promise<WrittenConfig> {
  const { config, sources, given, filled } = await load(flags, io, cwd, options);
  const overrides = given.overrides.map(({ value, ...one }) => ({ ...one, value: escaped(value) }));
  const added = { ...given.source, value: escaped(given.source.value) as Source['value'] };
  return { config, written: override(mergeSources([...sources, added]), overrides, cwd), filled };
}

/** What flags say is taken as it stands: in a file, `${` would be a variable. */
function escaped(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('${', '$$$${'));
}

interface Loaded {
  readonly config: Config;
  readonly sources: readonly Source[];
  readonly given: FlagConfig;
  readonly filled: Merged;
}

async function load(
  flags: Flags,
  io: LoadIo,
  runsIn: string,
  { optional = false, outputs = [] }: LoadOptions,
): Promise<Loaded> {
  const given = configOfFlags(flags, outputs, io.cwd);
  const { env, cwd, readStdin, scope: whole } = io;
  const { startedAtMs } = whole;
  // That of the config is not known yet.
  const timeoutMs = timeoutForReading(flags, env);
  using scope = whole.child({ timeoutMs, startedAtMs });
  const texts =
    flags.noConfig === true
      ? []
      : await readSources(flags.config, { env, cwd, readStdin, scope }, optional || given.suffices);
  return await withPipes(scope.signal, () => configOf(texts, given, { flags, env, cwd: runsIn }));
}

/** A timeout that is not valid is reported with all else that is wrong. */
function timeoutForReading(flags: Flags, env: Io['env']): number {
  try {
    return timeoutOf(undefined, flags, env);
  } catch {
    return timeoutOf(undefined, {}, {});
  }
}

/**
 * The config of texts that somebody else has read; templates and what else they name by path are read all the same.
 * @param around of the caller, whose variables fill `${VAR}` and go before the config: none for a text from elsewhere
 * @throws RunError `config` with all problems of the step that failed
 */
export async function configFrom(
  texts: readonly SourceText[],
  around: Pick<Surroundings, 'env' | 'cwd'>,
): Promise<Config> {
  return (await configOf(texts, configOfFlags({}, [], around.cwd), { ...around, flags: {} })).config;
}

async function configOf(
  texts: readonly SourceText[],
  given: FlagConfig,
  around: Surroundings,
): Promise<Loaded> {
  const sources = await Promise.all(texts.map(parseSource));
  const interpolated = sources.map((source) => interpolateSource(source, around.env));
  throwIfAny(interpolated.flatMap(({ source, problems }) => failuresOf(problems, mergeSources([source]))));
  const declared = mergeSources([...interpolated.map(({ source }) => source), given.source]);
  const filled = override(declared, given.overrides, around.cwd);
  const data = await parseConfig(filled);
  const config = resolveConfig(data, filled, sourceNames(texts, given), around);
  return { config, sources, given, filled };
}

/** @throws RunError with all that is wrong */
async function parseConfig(merged: Merged): Promise<ConfigFile> {
  const { value } = merged;
  const methods = [value['auth']].flat().flatMap(methodOf);
  const accepted = accept(configFields(await fieldsOf(methods)), value);
  if (accepted !== REFUSED) return accepted as ConfigFile;
  const { explain } = await import('./explain.ts');
  return explain(merged);
}

function methodOf(auth: unknown): MethodName[] {
  const method = typeof auth === 'object' && auth !== null && 'method' in auth ? auth.method : undefined;
  return isMethod(method) ? [method] : [];
}

/** Of a manifest, which gives the config to the variable. */
const KUBELET = ', and `$$$${` in `env:` of a Kubernetes manifest, where the kubelet makes `$` of `$$`';

/** Never empty: people read it. */
function sourceNames(texts: readonly SourceText[], { source, overrides, suffices }: FlagConfig): string[] {
  const files = texts.map(({ name }) => name);
  const names = suffices || overrides.length > 0 ? [...files, source.name] : files;
  return names.length === 0 ? ['no config'] : names;
}

function interpolateSource(source: Source, env: Io['env']): { source: Source; problems: Problem[] } {
  const { value, problems } = interpolate(source.value, env);
  const inManifest = source.name === INLINE;
  return {
    source: { ...source, value: value as Source['value'] },
    problems: inManifest
      ? problems.map(({ hint, ...problem }) => ({ ...problem, hint: `${hint}${KUBELET}` }))
      : problems,
  };
}

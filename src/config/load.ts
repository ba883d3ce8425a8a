import { fieldsOf, isMethod, type MethodName } from '../auth/index.ts';
import { allOrFailures, throwIfAny } from '../base/errors.ts';
import { withPipes } from '../host/input-file.ts';
import type { Io } from '../host/io.ts';
import type { Scope } from '../host/scope.ts';
import { accept, REFUSED } from '../shape/accept.ts';
import { configFields, type ConfigFile } from './config-definition.ts';
import type { Config } from './config.ts';
import { configOfFlags, type FlagConfig } from './flag-source.ts';
import { interpolate } from './interpolate.ts';
import { overDefaults, withoutOutputs } from './layers.ts';
import { mergeSources, type Merged } from './merge.ts';
import { override } from './override.ts';
import { parseSource } from './parse-source.ts';
import { failuresOf, type Problem } from './problems.ts';
import { timeoutOf } from './resolve-access.ts';
import { resolveConfig } from './resolve.ts';
import { givenKeys, type Flags } from './settings.ts';
import { withCurrentKeys } from './old-keys.ts';
import type { Deprecated } from './old-names.ts';
import { isInline, readDefaults, readSources, sourceText, type Source, type SourceText } from './source.ts';
import type { Surroundings } from './surroundings.ts';

/** What a command asks of its config. */
export interface LoadOptions {
  /** It can do without one. */
  readonly optional?: boolean;
  /** Additional outputs, as `--out` has them: `PATH=REF`. */
  readonly outputs?: readonly string[] | undefined;
  /** Called once its shape is right, and before the rest is checked. */
  readonly accepted?: ((file: ConfigFile, merged: Merged) => Promise<void>) | undefined;
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
  const { config, own, below, given, filled } = await load(flags, io, cwd, options);
  const overrides = given.overrides.map(({ value, ...one }) => ({ ...one, value: escaped(value) }));
  const added = { ...given.source, value: escaped(given.source.value) as Source['value'] };
  const declared = mergeSources([...own.map(({ source }) => source), added]);
  const written = await withDefaults(
    declared,
    below.map(({ source }) => source),
    (all) => override(all, overrides, cwd),
  );
  return { config, written, filled };
}

/** It is taken as it stands: in a file, `${` would be a variable. */
function escaped(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('${', '$$$${'));
}

interface Loaded {
  readonly config: Config;
  readonly own: readonly FilledSource[];
  /** Those of the defaults. */
  readonly below: readonly FilledSource[];
  readonly given: FlagConfig;
  readonly filled: Merged;
}

async function load(
  flags: Flags,
  io: LoadIo,
  runsIn: string,
  { optional = false, outputs = [], accepted }: LoadOptions,
): Promise<Loaded> {
  const given = configOfFlags(flags, outputs, io.cwd);
  const { env, cwd, readStdin, scope: whole } = io;
  const { startedAtMs } = whole;
  // That of the config is not known yet.
  const timeoutMs = timeoutForReading(flags, env);
  using scope = whole.child({ timeoutMs, startedAtMs });
  const reading = { env, cwd, readStdin, scope };
  const [texts = [], defaults = []] = await allOrFailures([
    flags.noConfig === true
      ? Promise.resolve([])
      : readSources(flags.config, reading, optional || given.suffices),
    readDefaults(flags, reading),
  ]);
  const loaded = await withPipes(scope.signal, () =>
    configOf({ texts, defaults }, given, { flags, env, cwd: runsIn }, accepted),
  );
  tellOf([...loaded.own, ...loaded.below], whole.log);
  return loaded;
}

/** Of each old key once, wherever else it stands. */
function tellOf(sources: readonly FilledSource[], log: Scope['log']): void {
  const told = new Set<string>();
  for (const used of sources.flatMap((one) => one.used)) {
    if (!told.has(used.name)) log.write(used);
    told.add(used.name);
  }
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
 * @param defaults below it
 * @throws RunError `config` with all problems of the step that failed
 */
export async function configFrom(
  texts: readonly SourceText[],
  around: Omit<Surroundings, 'flags'>,
  defaults: readonly SourceText[] = [],
): Promise<Config> {
  const read = { texts, defaults };
  return (await configOf(read, configOfFlags({}, [], around.cwd), { ...around, flags: {} })).config;
}

/** What has been read. */
interface Texts {
  readonly texts: readonly SourceText[];
  /** Below all of them. */
  readonly defaults: readonly SourceText[];
}

async function configOf(
  read: Texts,
  given: FlagConfig,
  around: Surroundings,
  accepted?: LoadOptions['accepted'],
): Promise<Loaded> {
  const { texts, defaults } = read;
  const [own = [], below = []] = await allOrFailures(
    [texts, defaults].map((some) => sourcesOf(some, around)),
  );
  const declared = mergeSources([...own.map(({ filled }) => filled), given.source]);
  const filled = await withDefaults(
    declared,
    below.map((one) => one.filled),
    (all) => override(all, given.overrides, around.cwd),
  );
  const data = await parseConfig(filled);
  await accepted?.(data, filled);
  const names = { sources: sourceNames(texts, given), defaults: defaults.map(({ name }) => name) };
  const config = resolveConfig(data, filled, names, around);
  return { config, own, below, given, filled };
}

/** A source, and the same with variables filled in. */
interface FilledSource {
  readonly source: Source;
  readonly filled: Source;
  readonly used: readonly Deprecated[];
}

/**
 * What is below every config that `configFrom` takes: what the defaults, the flags and the environment say. Its text may go to
 * `configFrom` as it is.
 * @throws RunError `config`; `usage` for a bad flag
 */
export async function loadDefaults(flags: Flags, io: LoadIo): Promise<SourceText> {
  const { env, cwd, scope } = io;
  const given = configOfFlags(flags, [], cwd);
  const sources = await sourcesOf(await readDefaults(flags, { ...io, scope }), { env });
  tellOf(sources, scope.log);
  const merged = mergeSources([...sources.map(({ filled }) => filled), given.source]);
  const set = givenKeys(flags, env).map(({ key, text }) => ({
    flag: key,
    path: key.split('.'),
    value: text,
  }));
  const { value } = override(merged, [...set, ...given.overrides], cwd);
  return sourceText('defaults', JSON.stringify(escaped(value)), cwd, 'defaults file');
}

/** @throws RunError `config` */
async function sourcesOf(
  texts: readonly SourceText[],
  { env, variables = env }: Pick<Surroundings, 'env' | 'variables'>,
): Promise<readonly FilledSource[]> {
  const sources = (await Promise.all(texts.map(parseSource))).map((source) => withCurrentKeys(source));
  const interpolated = sources.map((one) => ({ ...one, ...interpolateSource(one.source, variables) }));
  throwIfAny(interpolated.flatMap(({ filled, problems }) => failuresOf(problems, mergeSources([filled]))));
  return interpolated;
}

/**
 * @param overridden puts in what flags say: that may be a key of what the defaults have, and a login that they describe the rest of
 * @throws RunError `config` for defaults that contradict each other
 */
async function withDefaults(
  declared: Merged,
  below: readonly Source[],
  overridden: (merged: Merged) => Merged,
): Promise<Merged> {
  const last = below.at(-1);
  if (last === undefined) return overridden(declared);
  const defaults = mergeSources([...below.slice(0, -1), last]);
  const { auth } = defaults.value;
  const logins = Object.values(await fieldsOf(methodOf(auth)));
  const combinations = logins.flatMap((login) => login.combinations);
  const all = overridden(overDefaults(declared, defaults, combinations));
  return overDefaults(all, withoutOutputs(defaults), combinations);
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

function interpolateSource(source: Source, env: Io['env']): { filled: Source; problems: Problem[] } {
  const { value, problems } = interpolate(source.value, env);
  return {
    filled: { ...source, value: value as Source['value'] },
    problems: isInline(source)
      ? problems.map((one) => ({ ...one, hint: `${one.hint}${one.hint.includes('$${') ? KUBELET : ''}` }))
      : problems,
  };
}

import { RunError, throwIfAny } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Config } from './config.ts';
import { configOfFlags, type FlagConfig } from './flag-source.ts';
import { interpolate } from './interpolate.ts';
import { mergeSources } from './merge.ts';
import { override } from './override.ts';
import { parseSource } from './parse-source.ts';
import { failureOf, problemsOf, type Problem } from './problems.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema } from './schema.ts';
import type { Flags } from './settings.ts';
import { readSources, type Source, type SourceText } from './source.ts';

/** What a command has to say of its config. */
interface LoadOptions {
  /** It can do without one. */
  readonly optional?: boolean;
  /** Outputs more, as `--out` has them: `PATH=REF`. */
  readonly outputs?: readonly string[] | undefined;
}

/**
 * Reads, merges, validates and completes the config.
 * @throws RunError `config` with all problems of the step that failed; `usage` for a bad flag
 */
export async function loadConfig(
  flags: Flags,
  io: Pick<Io, 'env' | 'cwd' | 'readStdin'>,
  { optional = false, outputs = [] }: LoadOptions = {},
): Promise<Config> {
  const given = configOfFlags(flags, outputs, io.cwd);
  const texts = await readSources(flags.config, io, optional || given.suffices);
  const sources = await Promise.all(texts.map(parseSource));
  const interpolated = sources.map((source) => interpolateSource(source, io.env));
  throwIfAny(
    interpolated.flatMap(({ source, problems }) =>
      problems.map((problem) => failureOf(problem, mergeSources([source]))),
    ),
  );
  const declared = mergeSources([...interpolated.map(({ source }) => source), given.source]);
  const merged = override(declared, given.overrides, io.cwd);
  const schema = configSchema(merged.value['auth']);
  const result = schema.safeParse(merged.value);
  if (result.success) {
    return resolveConfig(result.data, merged, sourceNames(texts, given), { flags, env: io.env, cwd: io.cwd });
  }
  const problems = problemsOf(result.error.issues, schema, merged.value);
  throw new RunError(problems.map((problem) => failureOf(problem, merged)));
}

/** Never empty: people read it. */
function sourceNames(texts: readonly SourceText[], { source, overrides, suffices }: FlagConfig): string[] {
  const files = texts.map(({ name }) => name);
  const names = suffices || overrides.length > 0 ? [...files, source.name] : files;
  return names.length === 0 ? ['no config'] : names;
}

function interpolateSource(source: Source, env: Io['env']): { source: Source; problems: Problem[] } {
  const { value, problems } = interpolate(source.value, env);
  return { source: { ...source, value: value as Source['value'] }, problems };
}

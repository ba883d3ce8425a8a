import { RunError, throwIfAny } from '../errors.ts';
import type { Io } from '../io.ts';
import type { Config } from './config.ts';
import { interpolate } from './interpolate.ts';
import { mergeSources } from './merge.ts';
import { parseSource } from './parse-source.ts';
import { failureOf, problemsOf, type Problem } from './problems.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema } from './schema.ts';
import type { Flags } from './settings.ts';
import { readSources, type Source } from './source.ts';

/**
 * Reads, merges, validates and completes the config.
 * @param optional whether a command can do without one
 * @throws RunError `config` with all problems of the step that failed; `usage` for a bad flag
 */
export async function loadConfig(
  flags: Flags,
  io: Pick<Io, 'env' | 'cwd' | 'readStdin'>,
  { optional = false }: { readonly optional?: boolean } = {},
): Promise<Config> {
  const texts = await readSources(flags.config, io, optional);
  const sources = await Promise.all(texts.map(parseSource));
  const interpolated = sources.map((source) => interpolateSource(source, io.env));
  throwIfAny(
    interpolated.flatMap(({ source, problems }) =>
      problems.map((problem) => failureOf(problem, mergeSources([source]))),
    ),
  );
  const [first, ...others] = interpolated.map(({ source }) => source);
  if (first === undefined) throw new RunError('config', 'there is no config');
  const merged = mergeSources([first, ...others]);
  const schema = configSchema(methodOf(merged.value));
  const result = schema.safeParse(merged.value);
  if (result.success) {
    const names = texts.map(({ name }) => name);
    return resolveConfig(result.data, merged, names, { flags, env: io.env, cwd: io.cwd });
  }
  const problems = problemsOf(result.error.issues, schema, merged.value);
  throw new RunError(problems.map((problem) => failureOf(problem, merged)));
}

function interpolateSource(source: Source, env: Io['env']): { source: Source; problems: Problem[] } {
  const { value, problems } = interpolate(source.value, env);
  return { source: { ...source, value: value as Source['value'] }, problems };
}

function methodOf({ auth }: Readonly<Record<string, unknown>>): unknown {
  return typeof auth === 'object' && auth !== null && 'method' in auth ? auth.method : undefined;
}

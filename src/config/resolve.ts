import { isAbsolute, resolve } from 'node:path';
import { RunError, type Failure } from '../base/errors.ts';
import { isAtOrBelow } from '../base/paths-below.ts';
import { looksLikeCredential, shownName } from '../base/shown-text.ts';
import { formatNamed } from '../formats/index.ts';
import { formatNameOf, optionsOf } from '../formats/options.ts';
import type { ConfigFile, OutputFile } from './config-definition.ts';
import type {
  Config,
  DeclaredContent,
  DeclaredOutput,
  DeclaredSecret,
  DeclaredState,
  Listing,
} from './config.ts';
import { placeOf, type SecretTarget } from './kubernetes-schema.ts';
import { resolveManaged, STATE_NAME } from './managed-directory.ts';
import type { Merged } from './merge.ts';
import { declarationOf } from './problems.ts';
import { collectorOf, placedServer, placesOfLogins } from './declared-places.ts';
import { authOf, DEFAULT_TIMEOUT_MS, resolveTimes, reusedSecrets } from './resolve-access.ts';
import { resolveHandlers, resolveWatch } from './resolve-watch.ts';
import { resolveVariables } from './resolve-variables.ts';
import type { SecretFile } from './secret-schema.ts';
import { resolveServer } from './server-settings.ts';
import { overrideOf } from './settings.ts';
import type { Surroundings } from './surroundings.ts';
import { inlineTemplate, readTemplate } from './templates.ts';
import { valueOrigins } from './value-origins.ts';

const DEFAULT_MAX_SECRETS = 1000;
const DEFAULT_MODE = 0o400;

/**
 * Completes a valid config: flags and environment, defaults, template files, absolute paths.
 * @throws RunError with all failures
 */
export function resolveConfig(
  file: ConfigFile,
  merged: Merged,
  names: Pick<Config, 'sources' | 'defaults'>,
  around: Surroundings,
): Config {
  const { flags, env } = around;
  const failures: Failure[] = [];
  const collect = collectorOf(failures, merged);
  const times = collect(() => resolveTimes(file, around));
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = times ?? {};
  const server = collect(() => resolveServer(file.vault, timeoutMs, flags, env));
  const allowDisk = collect(() => overrideOf('allowDisk', flags, env));
  const managed = collect(() => resolveManaged(file, merged, around));
  const base = baseOf(file.output?.directory, around.cwd);
  const outputs = (file.outputs ?? []).flatMap((output, index) => {
    const { source } = merged.originOf(['outputs', index]);
    const where = declarationOf(['outputs', index], `outputs[${String(index)}] (${nameOf(output)})`, merged);
    const declared = collect(() =>
      resolveOutput({ output, where, directory: source.directory, base, file, around, allowDisk }),
    );
    return declared ?? [];
  });
  const state = collect(() => resolveState(file, around.cwd, allowDisk));
  const environment = collect(() => resolveVariables(file, merged));
  if (server === undefined || times === undefined || environment === undefined || failures.length > 0)
    throw new RunError(failures);
  const auth = authOf(file);
  return {
    ...names,
    origins: () => valueOrigins(merged, around),
    server: placedServer(server, merged),
    auth,
    loginPlaces: placesOfLogins(auth, merged),
    secrets: resolveSecrets(file, merged),
    outputs,
    managed,
    directory: file.output?.directory === undefined ? undefined : resolve(around.cwd, file.output.directory),
    state,
    environment,
    ...times,
    concurrency: file.concurrency,
    revoke: file.revoke ?? 'auto',
    watch: resolveWatch(file.watch, declarationOf(['watch'], 'watch', merged), around.cwd),
  };
}

/** @throws RunError `config` for `reuse` without a directory to remember in */
function resolveState(
  file: ConfigFile,
  cwd: string,
  allowDisk: boolean | undefined,
): DeclaredState | undefined {
  const { output = {} } = file;
  const [first] = reusedSecrets(file);
  if (first === undefined) return undefined;
  if (output.directory === undefined) {
    throw new RunError('config', '`reuse` needs `output.directory`', {
      where: `secrets.${first}`,
      hint: 'set it to the directory of the outputs: what they are made of is remembered there',
    });
  }
  return {
    path: resolve(cwd, output.directory, STATE_NAME),
    directoryMode: output.directory_mode ?? directoryModeFor(output.mode ?? DEFAULT_MODE),
    allowDisk: allowDisk ?? output.allow_disk ?? false,
  };
}

function resolveSecrets({ secrets = {} }: ConfigFile, merged: Merged): DeclaredSecret[] {
  return Object.entries(secrets).map(([name, declared]) => {
    // The short form has a path only; all other fields then are undefined.
    const secret: SecretFile = declared;
    return {
      name,
      where: declarationOf(['secrets', name], `secrets.${name}`, merged),
      path: secret.path,
      version: secret.version,
      engine: secret.engine,
      mount: secret.mount === undefined ? undefined : `${secret.mount}/`,
      write: secret.write,
      namespace: secret.namespace,
      optional: secret.optional ?? false,
      default: secret.default,
      parse: secret.parse,
      minTtlMs: secret.min_ttl,
      reuse: secret.reuse ?? false,
      maxAgeMs: secret.max_age,
      wrapTtlMs: secret.wrap_ttl,
      refreshMs: secret.refresh,
      rotateAt: secret.rotate_at,
      listing: listingOf(secret),
    };
  });
}

function listingOf({ list, recursive, include, exclude = [], max_secrets }: SecretFile): Listing | undefined {
  if (list !== true && recursive !== true) return undefined;
  return {
    kind: recursive === true ? 'tree' : 'names',
    include,
    exclude,
    maxSecrets: max_secrets ?? DEFAULT_MAX_SECRETS,
  };
}

interface OutputContext {
  readonly output: OutputFile;
  readonly where: string;
  /** Of the config file. */
  readonly directory: string | undefined;
  readonly base: Base;
  readonly file: ConfigFile;
  readonly around: Surroundings;
  readonly allowDisk: boolean | undefined;
}

/** What relative paths of outputs start at. */
interface Base {
  readonly path: string;
  /** By `output.directory`; else it is the working directory. */
  readonly isDeclared: boolean;
  /** `output.directory` is what a credential looks like. */
  readonly isRefused: boolean;
  readonly hasNul: boolean;
}

function baseOf(declared: string | undefined, cwd: string): Base {
  const directory = declared ?? '';
  return {
    path: resolve(cwd, directory),
    isDeclared: declared !== undefined,
    isRefused: looksLikeCredential(directory),
    hasNul: directory.includes('\0'),
  };
}

function resolveOutput(context: OutputContext): DeclaredOutput {
  const { output, where, directory, base, file, around, allowDisk } = context;
  const defaults = file.output ?? {};
  const mode = output.mode ?? defaults.mode ?? DEFAULT_MODE;
  return {
    where,
    ...placeIn(output, base, where),
    content: inOutput(where, () => resolveContent(output, directory)),
    mode,
    directoryMode: output.directory_mode ?? defaults.directory_mode ?? directoryModeFor(mode),
    uid: output.owner ?? defaults.owner,
    gid: output.group ?? defaults.group,
    allowDisk: allowDisk ?? output.allow_disk ?? defaults.allow_disk ?? false,
    onChange: output.on_change && resolveHandlers(output.on_change, `${where}, on_change`, around.cwd),
  };
}

/** Whoever may read the files may read and search their directories. */
function directoryModeFor(mode: number): number {
  const readers = mode & 0o044;
  return 0o700 | readers | (readers >> 2);
}

/** As messages call it. */
function nameOf({ path, kubernetes_secret: secret }: OutputFile): string {
  return shownName(path ?? (secret === undefined ? '' : placeOf(secretTarget(secret))));
}

function placeIn(output: OutputFile, base: Base, where: string): Pick<DeclaredOutput, 'path' | 'kubernetes'> {
  const { path, kubernetes_secret: secret } = output;
  if (path !== undefined) {
    const absolute = resolvePath(path, base, where);
    if (absolute === base.path && !isDirectory(output)) throw noFile(base, where);
    return { path: absolute, kubernetes: undefined };
  }
  return { path: nameOf(output), kubernetes: secret && secretTarget(secret) };
}

function isDirectory(output: OutputFile): boolean {
  const format = formatNameOf(output);
  return format !== undefined && formatNamed(format).target === 'directory';
}

function noFile({ isDeclared }: Base, where: string): RunError {
  return new RunError(
    'config',
    `the path is that of ${isDeclared ? 'output.directory' : 'the working directory'} itself`,
    { where, hint: 'name a file in it' },
  );
}

function secretTarget(secret: NonNullable<OutputFile['kubernetes_secret']>): SecretTarget {
  const { name, namespace, key, type, labels = {}, annotations = {}, immutable, force = false } = secret;
  const ownerReferences = (secret.owner_references ?? []).map(
    ({ api_version, block_owner_deletion, controller, ...owner }) => ({
      apiVersion: api_version,
      ...owner,
      ...(controller === undefined ? {} : { controller }),
      ...(block_owner_deletion === undefined ? {} : { blockOwnerDeletion: block_owner_deletion }),
    }),
  );
  const named = { name, namespace, key, type, labels, annotations, immutable, ownerReferences, force };
  return { ...named, fieldManager: secret.field_manager, serviceAccount: secret.service_account };
}

function resolvePath(path: string, base: Base, where: string): string {
  const absolute = resolve(base.path, path);
  if (base.hasNul || path.includes('\0')) {
    throw new RunError('config', 'the path has a NUL character', { where });
  }
  if (base.isRefused || looksLikeCredential(path)) {
    throw new RunError('config', 'this is not the path of an output', {
      where,
      hint: 'a path has no line break, at most 255 characters between two slashes, and does not look like a credential; it is not shown',
    });
  }
  if (isAbsolute(path) || isAtOrBelow(base.path, absolute)) return absolute;
  throw new RunError('config', 'the path leaves output.directory', {
    where,
    hint: 'write an absolute path if that is meant',
  });
}

/** An error inside an output says which output it is. */
function inOutput<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    throw new RunError(
      error.failures.map((failure) => ({
        ...failure,
        where: failure.where === undefined ? where : `${where}, ${failure.where}`,
      })),
    );
  }
}

function resolveContent(output: OutputFile, directory: string | undefined): DeclaredContent {
  if (output.template !== undefined) return readTemplate(output.template, directory);
  if (output.contents !== undefined) return inlineTemplate(output.contents, directory);
  const { secret = [], keys = {} } = output;
  const format = formatNameOf(output);
  if (output.value !== undefined) return { kind: 'value', ref: output.value, decode: output.decode };
  if (output.token === true) return { kind: 'token', wrapTtlMs: output.wrap_ttl, minTtlMs: output.min_ttl };
  // The rules have made sure that there is one.
  if (format === undefined) throw new TypeError('an output without content');
  return {
    kind: 'format',
    format,
    secrets: typeof secret === 'string' ? [secret] : secret,
    keys,
    onConflict: output.on_conflict ?? 'error',
    options: optionsOf(format, output),
  };
}

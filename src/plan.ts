import { join } from 'node:path';
import type { Config, DeclaredOutput, DeclaredSecret } from './config/config.ts';
import { nearestHint } from './config/nearest.ts';
import { RunError, throwIfAny, type Failure } from './errors.ts';
import { FORMATS } from './formats/index.ts';
import type { OutputContent, OutputPlan, Target } from './outputs.ts';
import { parseTemplate, undeclaredReferences, type Template } from './template/parse.ts';

/** A declared secret, complete with what it inherits. */
export interface SecretPlan extends DeclaredSecret {
  readonly namespace: string | undefined;
  /** Only the server can say which engine serves it. */
  readonly needsMountTable: boolean;
}

/** All that a run will do, decided before the first request. */
export interface Plan {
  readonly secrets: readonly SecretPlan[];
  readonly outputs: readonly OutputPlan[];
}

/** Built-in mounts that are never a KV engine; no look-up has to say so. */
const NEVER_KV = /^(?:sys|auth|cubbyhole|identity)\//;

/**
 * Turns a config into a plan. Pure: every undeclared reference, template error and clash is found here, all at once.
 * @throws RunError `config`, `template`
 */
export function planRun(config: Config): Plan {
  const failures: Failure[] = [];
  const names = config.secrets.map(({ name }) => name);
  const outputs = config.outputs.flatMap((output) => {
    const content = planContent(output, names, failures);
    return content === undefined ? [] : [{ where: output.where, target: targetOf(output), content }];
  });
  failures.push(...sharedTargets(outputs), ...undeclaredEnvironment(config, names));
  throwIfAny(failures);
  return { secrets: config.secrets.map((secret) => planSecret(secret, config)), outputs };
}

function planSecret(secret: DeclaredSecret, { server }: Config): SecretPlan {
  return {
    ...secret,
    namespace: secret.namespace ?? server.namespace,
    needsMountTable: secret.engine === undefined && secret.write === undefined && !NEVER_KV.test(secret.path),
  };
}

function planContent(
  output: DeclaredOutput,
  names: readonly string[],
  failures: Failure[],
): OutputContent | undefined {
  if (output.content.kind !== 'format') {
    const template = parse(output, failures);
    if (template === undefined) return undefined;
    failures.push(...undeclaredInTemplate(template, output, names));
    return { kind: 'template', template };
  }
  const { format, secrets, key, keys, decode, onConflict } = output.content;
  for (const name of secrets.filter((secret) => !names.includes(secret))) {
    failures.push(undeclared(name, output.where, names));
  }
  return { kind: 'format', format: FORMATS[format], secrets, key, keys, decode, onConflict };
}

function parse({ content, where }: DeclaredOutput, failures: Failure[]): Template | undefined {
  if (content.kind === 'format') return undefined;
  try {
    return parseTemplate(content.source, { file: content.file, partials: content.partials });
  } catch (error) {
    if (!(error instanceof RunError)) throw error;
    failures.push(...error.failures.map((failure) => ({ ...failure, where: placeIn(where, failure.where) })));
    return undefined;
  }
}

function undeclaredInTemplate(
  template: Template,
  { where }: DeclaredOutput,
  names: readonly string[],
): Failure[] {
  return undeclaredReferences(template, names).map(({ name, file, line }) =>
    undeclared(name, placeIn(where, `${file ?? 'contents'}:${String(line)}`), names),
  );
}

function placeIn(output: string, place: string | undefined): string {
  return place === undefined ? output : `${output}, ${place}`;
}

function undeclared(name: string, where: string, names: readonly string[]): Failure {
  return {
    kind: 'config',
    message: `no secret is declared as \`${name}\``,
    where,
    hint: nearestHint(name, names, 'secret') ?? 'declare it under `secrets:`',
  };
}

function targetOf({ path, content, mode, directoryMode, uid, gid, allowDisk }: DeclaredOutput): Target {
  const kind = content.kind === 'format' ? FORMATS[content.format].target : 'file';
  return { path, kind, mode, directoryMode, uid, gid, allowDisk };
}

/** Two outputs on one path, or a file where another output needs a directory. */
function sharedTargets(outputs: readonly OutputPlan[]): Failure[] {
  const failures: Failure[] = [];
  const seen = new Map<string, OutputPlan>();
  for (const output of outputs) {
    const { path, kind } = output.target;
    const other = seen.get(path);
    if (other === undefined) seen.set(path, output);
    else if (kind === 'file' || other.target.kind === 'file') failures.push(clash(output, other, path));
  }
  for (const output of outputs) {
    for (
      let parent = join(output.target.path, '..');
      parent !== join(parent, '..');
      parent = join(parent, '..')
    ) {
      const other = seen.get(parent);
      if (other?.target.kind === 'file') failures.push(clash(output, other, parent));
    }
  }
  return failures;
}

function clash(output: OutputPlan, other: OutputPlan, path: string): Failure {
  return {
    kind: 'config',
    message: `${output.where} and ${other.where} both need the path ${path}`,
    where: output.where,
    hint: 'give each output a path of its own',
  };
}

/** `name#key` references of `environment:`; a name with a slash is a path. */
function undeclaredEnvironment({ environment }: Config, names: readonly string[]): Failure[] {
  return environment.flatMap(({ name, ref }) =>
    ref.kind === 'name' && !names.includes(ref.name)
      ? [undeclared(ref.name, `environment.${name}`, names)]
      : [],
  );
}

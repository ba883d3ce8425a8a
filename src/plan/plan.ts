import { firstOf, RunError, throwIfAny, type Failure } from '../base/errors.ts';
import type { Config, DeclaredContent, DeclaredOutput, DeclaredSecret } from '../config/config.ts';
import type { FormatInput } from '../formats/format.ts';
import { formatNamed } from '../formats/index.ts';
import type { Ref } from '../shape/ref.ts';
import { parseTemplate, undeclaredReferences, type Template } from '../template/parse.ts';
import { reservedNames, sharedTargets, unmanageable } from './clashes.ts';
import { disagreements, isSecretOutput } from './cluster-outputs.ts';
import type { ManagedDirectory, OutputContent, OutputPlan, PlacedOutput, Target } from './outputs.ts';
import { planState } from './state-output.ts';
import { tokenOutputsOf } from './token-outputs.ts';
import { planValues, undeclared, type DeclaredValue, type ValuePlan } from './values.ts';

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
  /** Undefined: files are only written. */
  readonly managed: ManagedDirectory | undefined;
  /** That of all outputs; undefined: not declared, or other commands write there, too. */
  readonly directory: string | undefined;
  readonly values: readonly ValuePlan[];
  /** Where it is remembered what can be reused; undefined: nothing. */
  readonly state: PlacedOutput | undefined;
}

/** What of a config a command is about. */
export interface PlanScope {
  /** Fetch all declared secrets, or only those that outputs and values need. */
  readonly secrets: 'all' | 'needed';
  readonly outputs: readonly DeclaredOutput[];
  readonly values: readonly DeclaredValue[];
}

/** Built-in mounts that are never a KV engine; no look-up is needed. */
const NEVER_KV = ['sys/', 'auth/', 'cubbyhole/', 'identity/'];

/**
 * Turns a config into a plan. Pure: every undeclared reference, template error and clash is found here, all at once.
 * @throws RunError `config`, `template`
 */
export function planRun(config: Config, scope: PlanScope): Plan {
  const failures: Failure[] = [];
  const names = config.secrets.map(({ name }) => name);
  const asked = [...scope.outputs.flatMap(valuesOf), ...scope.values];
  const { values, secrets: unnamed, failures: unplanned } = planValues(asked, names);
  const outputs = scope.outputs.flatMap((output) => {
    const content = planContent(output, names, values, failures);
    return content === undefined
      ? []
      : [{ where: output.where, target: targetOf(output), kubernetes: output.kubernetes, content }];
  });
  // A command that writes less than all outputs cannot know what is not declared any more.
  const files = outputs.filter((output) => !isSecretOutput(output));
  const writesAll = scope.secrets === 'all' && files.length > 0;
  const managed = writesAll ? config.managed : undefined;
  failures.push(
    ...reservedNames(files),
    ...sharedTargets(files),
    ...unmanageable(files, managed),
    ...disagreements(outputs),
    ...revokedTokens(outputs, config),
    ...mixedReuse(outputs, config),
    ...unplanned,
    ...unusedEnvironment(config, scope, names),
  );
  throwIfAny(firstOf(failures, (failure) => failure));
  const needed = new Set([...values.map(({ secret }) => secret), ...outputs.flatMap(secretsOf)]);
  const declared = config.secrets.filter(({ name }) => scope.secrets === 'all' || needed.has(name));
  return {
    secrets: [...declared, ...unnamed].map((secret) => planSecret(secret, config)),
    outputs,
    managed,
    directory: writesAll ? config.directory : undefined,
    state: outputs.length > 0 && config.state !== undefined ? planState(config.state) : undefined,
    values: values.filter(({ where }) => scope.values.some((value) => value.where === where)),
  };
}

/** An output that would hold a dead token. */
function revokedTokens(outputs: readonly OutputPlan[], { revoke }: Config): Failure[] {
  if (revoke !== 'always') return [];
  return tokenOutputsOf(outputs).map(({ where }) => ({
    kind: 'config',
    message: 'the token of this output would be revoked (`revoke: always`)',
    where,
    hint: 'leave `revoke` out: a token that an output holds is kept',
  }));
}

/** A kept output would miss changes of the other secrets in it. */
function mixedReuse(outputs: readonly OutputPlan[], { secrets }: Config): Failure[] {
  const reused = new Set(secrets.filter(({ reuse }) => reuse).map(({ name }) => name));
  return outputs.flatMap((output) => {
    const others = secretsOf(output).filter((name) => !reused.has(name));
    if (others.length === 0 || others.length === secretsOf(output).length) return [];
    return [
      {
        kind: 'config',
        message: `it holds secrets with \`reuse\` and others: ${others.join(', ')}`,
        where: output.where,
        hint: 'make two outputs of it, or set `reuse` for all of them or for none',
      } as const,
    ];
  });
}

function valuesOf({ content, where }: DeclaredOutput): DeclaredValue[] {
  if (content.kind === 'value') return [{ name: where, where, ref: content.ref }];
  return inputsOf(content).flatMap(({ name, source }) => {
    if (source.kind !== 'value') return [];
    const place = inputPlace(where, name);
    return [{ name: place, where: place, ref: source.value }];
  });
}

function inputsOf(content: DeclaredContent): readonly FormatInput<Ref>[] {
  if (content.kind !== 'format') return [];
  return formatNamed(content.format).inputs?.(content.options) ?? [];
}

function inputPlace(output: string, name: string): string {
  return `${output}, ${name}_value`;
}

/** The names of the declared secrets that an output is made of. */
export function secretsOf({ content }: Pick<OutputPlan, 'content'>): readonly string[] {
  switch (content.kind) {
    case 'template':
      return [...content.template.secretNames];
    case 'format':
      return [
        ...content.secrets,
        ...content.inputs.flatMap(({ source }) => (source.kind === 'value' ? [source.value.secret] : [])),
      ];
    case 'value':
      return [content.value.secret];
    case 'token':
      return [];
  }
}

/** `environment:` is validated by commands that do not use it, too. */
function unusedEnvironment(
  config: Config,
  { values }: PlanScope,
  names: readonly string[],
): readonly Failure[] {
  const used = new Set(values.map(({ where }) => where));
  const unused = environmentOf(config).filter(({ where }) => !used.has(where));
  return planValues(unused, names).failures;
}

/** The variables of `environment:`. */
export function environmentOf({ environment }: Config): DeclaredValue[] {
  return environment.map(({ name, ref }) => ({ name, where: `environment.${name}`, ref }));
}

function planSecret(secret: DeclaredSecret, { server }: Config): SecretPlan {
  return {
    ...secret,
    namespace: secret.namespace ?? server.namespace,
    needsMountTable:
      secret.engine === undefined &&
      secret.write === undefined &&
      !NEVER_KV.some((mount) => secret.path.startsWith(mount)),
  };
}

function planContent(
  output: DeclaredOutput,
  names: readonly string[],
  values: readonly ValuePlan[],
  failures: Failure[],
): OutputContent | undefined {
  const { content, where } = output;
  if (content.kind === 'template') {
    const template = parse(content, where, failures);
    if (template === undefined) return undefined;
    failures.push(...undeclaredInTemplate(template, output, names));
    return { kind: 'template', template };
  }
  if (content.kind === 'value') {
    const value = values.find((candidate) => candidate.where === where);
    return value === undefined ? undefined : { kind: 'value', value, decode: content.decode };
  }
  if (content.kind === 'token') return content;
  for (const name of content.secrets.filter((secret) => !names.includes(secret))) {
    failures.push(undeclared(name, where, names));
  }
  const inputs = inputsOf(content).flatMap((input) => planInput(input, where, values));
  return { ...content, format: formatNamed(content.format), inputs };
}

/** A value that could not be planned has failed already. */
function planInput(
  { source, ...input }: FormatInput<Ref>,
  where: string,
  values: readonly ValuePlan[],
): FormatInput<ValuePlan>[] {
  if (source.kind !== 'value') return [{ ...input, source }];
  const value = values.find((candidate) => candidate.where === inputPlace(where, input.name));
  return value === undefined ? [] : [{ ...input, source: { kind: 'value', value } }];
}

function parse(
  { source, file, partials }: Extract<DeclaredContent, { kind: 'template' }>,
  where: string,
  failures: Failure[],
): Template | undefined {
  try {
    return parseTemplate(source, { file, partials });
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

export function placeIn(output: string, place: string | undefined): string {
  return place === undefined ? output : `${output}, ${place}`;
}

function targetOf({ path, content, mode, directoryMode, uid, gid, allowDisk }: DeclaredOutput): Target {
  const kind = content.kind === 'format' ? formatNamed(content.format).target : 'file';
  return { path, kind, mode, directoryMode, uid, gid, allowDisk };
}

/** Everything that a run writes, the record of `reuse` included. */
export function placesOf({ outputs, state }: Plan): readonly PlacedOutput[] {
  return state === undefined ? outputs : [...outputs, state];
}

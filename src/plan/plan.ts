import { firstOf, throwIfAny, type Failure } from '../base/errors.ts';
import type {
  Config,
  DeclaredContent,
  DeclaredOutput,
  DeclaredSecret,
  DeclaredVariable,
} from '../config/config.ts';
import type { FormatInput } from '../formats/format.ts';
import { formatNamed } from '../formats/index.ts';
import type { Ref } from '../shape/ref.ts';
import { reservedNames, sharedTargets, unmanageable } from './clashes.ts';
import { disagreements, isSecretOutput } from './cluster-outputs.ts';
import type { ManagedDirectory, OutputContent, OutputPlan, PlacedOutput, Target } from './outputs.ts';
import { planState } from './state-output.ts';
import { planTemplate } from './plan-template.ts';
import { tokenOutputsOf, type TokenHolders } from './token-outputs.ts';
import { planValues, undeclared, type DeclaredValue, type ValuePlan, type ValuePlans } from './values.ts';
import { planVariables, secretsOfVariable, sourcesOf, type VariablePlan } from './variables.ts';

/** A declared secret, complete with what it inherits. */
export interface SecretPlan extends DeclaredSecret {
  readonly namespace: string | undefined;
  /** Only the server can say which engine serves it. */
  readonly needsMountTable: boolean;
  /** Its end is looked for in the answer: somebody will ask for it. */
  readonly needsEnd: boolean;
  /** It is kept good, and with it the token that its lease ends with. */
  readonly isKept: boolean;
}

/** All that a run will do, decided before the first request. */
export interface Plan {
  readonly secrets: readonly SecretPlan[];
  readonly outputs: readonly OutputPlan[];
  /** Undefined: files are only written. */
  readonly managed: ManagedDirectory | undefined;
  /** That of all outputs; undefined: not declared, or other commands write there, too. */
  readonly directory: string | undefined;
  readonly values: readonly VariablePlan[];
  /** Where it is remembered what can be reused; undefined: nothing. */
  readonly state: PlacedOutput | undefined;
}

/** What of a config a command is about. */
export interface PlanScope {
  /** Fetch all declared secrets, or only those that outputs and values need. */
  readonly secrets: 'all' | 'needed';
  readonly outputs: readonly DeclaredOutput[];
  readonly values: readonly DeclaredVariable[];
  /** All secrets are kept good after the run. */
  readonly isWatched?: boolean;
}

/** Built-in mounts that are never a KV engine; no look-up is needed. */
const NEVER_KV = ['sys/', 'auth/', 'cubbyhole/', 'identity/'];

/**
 * Turns a config into a plan. Pure: every undeclared reference, template error and clash is found here, all at once.
 * @throws RunError `config`, `template`
 */
export function planRun(config: Config, scope: PlanScope): Plan {
  const failures: Failure[] = [];
  const names = new Set(config.secrets.map(({ name }) => name));
  const asked = [...scope.outputs.flatMap(valuesOf), ...sourcesOf(scope.values)];
  const { values, secrets: unnamed, failures: unplanned } = planValues(asked, names);
  const variables = planVariables(scope.values, values, names, failures);
  const outputs = scope.outputs.flatMap((output) => {
    const content = planContent(output, names, values, failures);
    return content === undefined
      ? []
      : [
          {
            where: output.where,
            target: targetOf(output),
            kubernetes: output.kubernetes,
            onChange: output.onChange,
            content,
          },
        ];
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
    ...revokedTokens({ outputs, values: variables }, config),
    ...mixedReuse(outputs, config),
    ...unplanned,
    ...unusedEnvironment(config, scope, names),
  );
  throwIfAny(firstOf(failures, (failure) => failure));
  const needed = new Set([
    ...[...values.values()].map(({ secret }) => secret),
    ...variables.flatMap(secretsOfVariable),
    ...outputs.flatMap(secretsOf),
  ]);
  const declared = config.secrets.filter(({ name }) => scope.secrets === 'all' || needed.has(name));
  return {
    secrets: [...declared, ...unnamed].map((secret) => planSecret(secret, config, scope)),
    outputs,
    managed,
    directory: writesAll ? config.directory : undefined,
    state: outputs.length > 0 && config.state !== undefined ? planState(config.state) : undefined,
    values: variables,
  };
}

/** An output that would hold a dead token. */
function revokedTokens(plan: TokenHolders, { revoke }: Config): Failure[] {
  if (revoke !== 'always') return [];
  return tokenOutputsOf(plan).map(({ where }) => ({
    kind: 'config',
    message: 'the token that is passed on here would be revoked (`revoke: always`)',
    where,
    hint: 'leave `revoke` out: a token that is passed on is kept',
  }));
}

/** An output is one value; only variables are made of whole secrets. */
function withKey(value: ValuePlan<string | undefined> | undefined): ValuePlan | undefined {
  return value?.key === undefined ? undefined : (value as ValuePlan);
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
    const place = `${where}, ${name}_value`;
    return [{ name: place, where: place, ref: source.value }];
  });
}

function inputsOf(content: DeclaredContent): readonly FormatInput<Ref>[] {
  if (content.kind !== 'format') return [];
  return formatNamed(content.format).inputs?.(content.options) ?? [];
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
  names: ReadonlySet<string>,
): readonly Failure[] {
  const used = new Set(values.map(({ where }) => where));
  const unused = config.environment.filter(({ where }) => !used.has(where));
  const failures: Failure[] = [];
  planVariables(unused, new Map(), names, failures);
  return [...failures, ...planValues(sourcesOf(unused), names).failures];
}

function planSecret(
  secret: DeclaredSecret,
  { server }: Config,
  { isWatched = false }: PlanScope,
): SecretPlan {
  return {
    ...secret,
    namespace: secret.namespace ?? server.namespace,
    needsEnd: secret.reuse || isWatched,
    isKept: isWatched,
    needsMountTable:
      secret.engine === undefined &&
      secret.write === undefined &&
      !NEVER_KV.some((mount) => secret.path.startsWith(mount)),
  };
}

function planContent(
  output: DeclaredOutput,
  names: ReadonlySet<string>,
  values: ValuePlans,
  failures: Failure[],
): OutputContent | undefined {
  const { content, where } = output;
  if (content.kind === 'template') {
    const template = planTemplate(content, where, names, failures);
    return template === undefined ? undefined : { kind: 'template', template };
  }
  if (content.kind === 'value') {
    const value = withKey(values.get(content.ref));
    return value === undefined ? undefined : { kind: 'value', value, decode: content.decode };
  }
  if (content.kind === 'token') return content;
  for (const name of content.secrets.filter((secret) => !names.has(secret))) {
    failures.push(undeclared(name, where, names));
  }
  const inputs = inputsOf(content).flatMap((input) => planInput(input, values));
  return { ...content, format: formatNamed(content.format), inputs };
}

/** A value that could not be planned has failed already. */
function planInput({ source, ...input }: FormatInput<Ref>, values: ValuePlans): FormatInput<ValuePlan>[] {
  if (source.kind !== 'value') return [{ ...input, source }];
  const value = withKey(values.get(source.value));
  return value === undefined ? [] : [{ ...input, source: { kind: 'value', value } }];
}

function targetOf({ path, content, mode, directoryMode, uid, gid, allowDisk }: DeclaredOutput): Target {
  const kind = content.kind === 'format' ? formatNamed(content.format).target : 'file';
  return { path, kind, mode, directoryMode, uid, gid, allowDisk };
}

/** Everything that a run writes, the record of `reuse` included. */
export function placesOf({ outputs, state }: Plan): readonly PlacedOutput[] {
  return state === undefined ? outputs : [...outputs, state];
}

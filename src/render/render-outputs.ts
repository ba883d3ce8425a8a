import { join } from 'node:path';
import { inDeclaredOrder, throwIfAny, type Failure } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { nested } from '../base/nested-keys.ts';
import { entriesOf, type FetchedSecret, type KeyValues, type Secrets } from '../base/secret-data.ts';
import { Secret } from '../base/secret.ts';
import { shownKey } from '../base/shown-text.ts';
import { bytesOf } from '../formats/decode.ts';
import type { Formatted, Later } from '../formats/format.ts';
import { mergeKeys, selectKeys } from '../formats/keys.ts';
import { badEntry, isBadEntry } from '../plan/cluster-outputs.ts';
import type { OutputContent, OutputPlan, RenderedFile, RenderedOutput } from '../plan/outputs.ts';
import type { OutputTokens } from '../session/tokens-for-outputs.ts';
import { LARGEST_OUTPUT, renderInSteps, type RenderedTemplate } from '../template/render-template.ts';
import { foundInputs } from './format-inputs.ts';
import { missingKey, placed, resolveValues } from './found-values.ts';
import { collision, conflict, keyAndFolder, remedyOf, tooDeepKey } from './key-problems.ts';
import { finish, NO_PAUSE, type Pause } from './pause.ts';
import { sharedPaths } from './shared-paths.ts';

type FormatContent = Extract<OutputContent, { kind: 'format' }>;

/**
 * Renders all outputs in memory. Pure. Slow work is done last, if nothing has failed.
 * @throws RunError with all missing keys and all values that their formats cannot represent
 */
export async function renderOutputs(
  outputs: readonly OutputPlan[],
  secrets: Secrets,
  tokens: OutputTokens,
  pause: Pause = NO_PAUSE,
): Promise<readonly RenderedOutput[]> {
  const failures: Failure[] = [];
  const rendered: UnfinishedOutput[] = [];
  for (const plan of outputs) {
    // Most neither pause nor take long, and there may be thousands: no promise is made for those.
    const pausing = pause();
    if (pausing !== undefined) await pausing;
    const { content } = plan;
    if (content.kind === 'template') {
      const work = finish(renderInSteps(content.template, secrets), pause);
      rendered.push({ plan, files: fileOf(plan, work instanceof Promise ? await work : work, failures) });
    } else rendered.push({ plan, files: render(plan, content, secrets, tokens, failures) });
  }
  failures.push(...rendered.flatMap(tooLarge), ...sharedPaths(rendered));
  throwIfAny(
    inDeclaredOrder(
      failures,
      outputs.map(({ where }) => where),
    ),
  );
  if (rendered.every(isComplete)) return rendered;
  return Promise.all(
    rendered.map(async ({ plan, files }) => ({ plan, files: await Promise.all(files.map(completed)) })),
  );
}

/** One that nobody meant would fill the memory that it is written to. */
function tooLarge({ plan, files }: UnfinishedOutput): Failure[] {
  const isTooLarge = files.some(
    ({ content }) => content instanceof Secret && content.reveal().length > LARGEST_OUTPUT,
  );
  if (!isTooLarge) return [];
  const message = 'the output is larger than 64 MiB, the limit of an output';
  return [{ kind: 'template', message, where: plan.where, hint: 'write it in parts, or leave keys out' }];
}

/** A file whose content may still have to be computed. */
interface UnfinishedFile {
  readonly path: string;
  readonly content: RenderedFile['content'] | Later;
}

interface UnfinishedOutput {
  readonly plan: OutputPlan;
  readonly files: readonly UnfinishedFile[];
}

function isComplete(output: UnfinishedOutput): output is RenderedOutput {
  return output.files.every(({ content }) => content instanceof Secret);
}

async function completed({ path, content }: UnfinishedFile): Promise<RenderedFile> {
  return { path, content: content instanceof Secret ? content : new Secret(await content()) };
}

function render(
  plan: OutputPlan,
  content: Exclude<OutputContent, { kind: 'template' }>,
  secrets: Secrets,
  tokens: OutputTokens,
  failures: Failure[],
): UnfinishedFile[] {
  switch (content.kind) {
    case 'value':
      return valueFileOf(plan, content, secrets, failures);
    case 'format':
      return filesOf(plan, content, secrets, failures);
    case 'token':
      return tokenFileOf(plan, tokens);
  }
}

/** If the token is missing, the run has failed already. */
function tokenFileOf({ target, where }: OutputPlan, tokens: OutputTokens): UnfinishedFile[] {
  const token = tokens.get(where);
  if (token === undefined) return [];
  return [{ path: target.path, content: new Secret<Uint8Array>(Buffer.from(token.reveal())) }];
}

function valueFileOf(
  plan: OutputPlan,
  { value: wanted, decode }: Extract<OutputContent, { kind: 'value' }>,
  secrets: Secrets,
  failures: Failure[],
): UnfinishedFile[] {
  const { values, failures: missing } = resolveValues([wanted], secrets);
  failures.push(...missing);
  return values.flatMap(({ value }) => {
    const bytes = bytesOf(wanted.key, value?.reveal() ?? null, decode);
    return rendered(
      plan,
      'problem' in bytes
        ? { problems: [bytes.problem] }
        : { files: [{ name: undefined, content: bytes.content }] },
      failures,
    );
  });
}

function fileOf(
  { target, where }: OutputPlan,
  { text, failures: found }: RenderedTemplate,
  failures: Failure[],
): UnfinishedFile[] {
  failures.push(...found.map((failure) => placed(failure, where)));
  if (!text.isWellFormed()) failures.push(halfPair(where));
  return [{ path: target.path, content: new Secret<Uint8Array>(Buffer.from(text)) }];
}

/** UTF-8 would silently replace it. */
function halfPair(where: string): Failure {
  return {
    kind: 'template',
    message: 'a value has half of a surrogate pair, which UTF-8 cannot hold',
    where,
    hint: 'correct the value in Vault, or write it with {{#@json}}…{{/@json}}',
  };
}

function filesOf(
  plan: OutputPlan,
  content: FormatContent,
  secrets: Secrets,
  failures: Failure[],
): UnfinishedFile[] {
  const named = content.secrets.map((name) => ({ name, secret: secrets.get(name) }));
  // A failed fetch has been reported; its keys are unknown.
  if (named.some(({ secret }) => secret === undefined || secret.kind === 'failed')) return [];
  const { values, conflicts } = mergeKeys(
    named.map(({ name, secret }) => ({ name, values: keysOf(secret) })),
    content.onConflict,
  );
  const tree = named.some(({ secret }) => secret?.kind === 'found' && secret.leaves !== undefined);
  const { nesting = '/' } = content.format;
  const selected = selectKeys(
    values,
    content.keys,
    tree ? (nesting.length === 1 ? nesting : '/') : undefined,
  );
  const allFound = named.every(({ secret }) => secret?.kind === 'found');
  const key = content.format.keyOf?.(content.options);
  const wanted = key === undefined || values.has(key) ? [] : [key];
  const problems = [
    // The keys of an absent optional secret may be missing.
    ...(allFound ? [...selected.missing, ...wanted] : []).map((absent) =>
      missingKey(
        { key: absent, secrets: content.secrets, where: plan.where },
        [...values.keys()].sort(),
        nearest(absent, [...values.keys()].sort()),
        remedyOf(
          absent,
          content.keys,
          'correct the name, add the key to the secret, or give it a `default:`',
        ),
      ),
    ),
    ...conflicts.map(({ key, secrets: names }) => conflict(key, names, plan)),
    ...selected.collisions.map(({ name, keys }) => collision(name, keys, plan)),
  ];
  if (problems.length > 0) {
    failures.push(...problems);
    return [];
  }
  return formatted(plan, content, { values: selected.values, tree }, secrets, failures);
}

function formatted(
  plan: OutputPlan,
  content: FormatContent,
  { values, tree }: { readonly values: KeyValues; readonly tree: boolean },
  secrets: Secrets,
  failures: Failure[],
): UnfinishedFile[] {
  const { format } = content;
  const shape = tree && format.nesting === 'objects' ? nested(values) : { values };
  if ('conflict' in shape) {
    failures.push(keyAndFolder(shape.conflict, plan));
    return [];
  }
  if ('tooDeep' in shape) {
    failures.push(tooDeepKey(plan));
    return [];
  }
  const inputs = foundInputs(content.inputs, secrets, failures);
  if (inputs === undefined) return [];
  const bad = [...shape.values.keys()].filter((name) => isBadEntry(plan, name));
  failures.push(...bad.map((name) => badEntry(plan, name)));
  const good = bad.length === 0 ? shape.values : without(shape.values, bad);
  return rendered(plan, format.render(good, content.options, { tree, inputs }), failures);
}

/** The others are rendered all the same, so that all that is wrong with them is reported, too. */
function without(values: KeyValues, names: readonly string[]): KeyValues {
  return new Map([...values].filter(([name]) => !names.includes(name)));
}

function keysOf(secret: FetchedSecret | undefined): KeyValues {
  return secret?.kind === 'found' ? entriesOf(secret) : new Map();
}

function rendered(
  { target, where }: OutputPlan,
  formatted: Formatted<Uint8Array | Later>,
  failures: Failure[],
): UnfinishedFile[] {
  if (formatted.problems === undefined) {
    return formatted.files.map(({ name, content }) => ({
      path: name === undefined ? target.path : join(target.path, name),
      content: typeof content === 'function' ? content : new Secret(content),
    }));
  }
  for (const { key, reason, hint } of formatted.problems) {
    failures.push({ kind: 'output', message: `the key \`${shownKey(key)}\` ${reason}`, where, hint });
  }
  return [];
}

import { isAbsolute, relative } from 'node:path';
import { isMethod, loadMethod } from '../auth/index.ts';
import { RunError, throwIfAny, type Failure } from '../base/errors.ts';
import type { AuthConfig, Config } from '../config/config.ts';
import { configFrom } from '../config/load.ts';
import { isFields, type Fields } from '../config/merge.ts';
import { parseSource } from '../config/parse-source.ts';
import { sourceText, type SourceText } from '../config/source.ts';
import { fetchSecrets } from '../fetch/fetch.ts';
import { isSecretOutput } from '../plan/cluster-outputs.ts';
import type { OutputPlan, RenderedOutput } from '../plan/outputs.ts';
import { planConfig } from '../plan/plan-config.ts';
import type { Plan } from '../plan/plan.ts';
import { tokenOutputsOf } from '../plan/token-outputs.ts';
import { modeText } from '../report/report.ts';
import { renderOutputs } from '../render/render-outputs.ts';
import { pauseOf } from '../run/pause-of.ts';
import { prepareTokens } from '../session/tokens-for-outputs.ts';
import type { Contents, Rendered } from './contents.ts';
import type { MountRequest } from './mount.ts';

/** Where the files of a volume are while they are only planned. */
const ROOT = '/volume';

/** How messages call the text. */
const NAME = 'config';

/**
 * A class that holds a config of this program. It is written by whoever may create classes and pods, so it gets nothing of this
 * provider: no file, no variable, no identity.
 * @param defaults of this provider, below it
 * @throws RunError with everything that is wrong with it
 */
export async function nativeClass(
  { parameters, permission, secrets }: MountRequest,
  defaults: SourceText,
): Promise<Contents> {
  const text = sourceText(NAME, parameters['config'] ?? '', undefined);
  const variables = Object.fromEntries([...secrets].map(([name, secret]) => [name, secret.reveal()]));
  const below = await defaultsFor(text, defaults, permission);
  const config = await configFrom([text], { env: {}, cwd: ROOT, variables }, [below]).catch(aboutVolumes);
  throwIfAny([...unsuitable(config), ...(await lentLogins(config))]);
  const { outputs } = config;
  const plan = await planConfig(config, { secrets: 'needed', outputs, values: [], isWatched: true });
  throwIfAny(plan.outputs.flatMap(ofThisMachine));
  const methods = await Promise.all(config.auth.map(({ method }) => loadMethod(method)));
  const takesToken = methods.some(({ takesCredential }) => takesCredential !== undefined);
  const identity = takesToken ? { audience: parameters['audience'] } : undefined;
  return contentsOf(config, plan, identity);
}

/** A method that takes the token of the pod needs no other, and modes are those of the volume. */
async function defaultsFor(text: SourceText, defaults: SourceText, permission: number): Promise<SourceText> {
  const [{ value: own }, { value: below }] = await Promise.all([parseSource(text), parseSource(defaults)]);
  const output = { mode: modeText(permission), ...fieldsIn(below['output']) };
  const auth = await loginBelow(own['auth'], below['auth']);
  return { ...defaults, text: JSON.stringify({ ...below, output, auth }) };
}

async function loginBelow(own: unknown, below: unknown): Promise<unknown> {
  const [upper, lower] = [fieldsIn(own), fieldsIn(below)];
  const method = upper['method'] ?? lower['method'];
  const field = isMethod(method) ? (await loadMethod(method)).takesCredential : undefined;
  if (field === undefined) return below;
  const shared = method === lower['method'] ? lower : {};
  return { method, [field]: 'the token of the pod', ...shared };
}

function fieldsIn(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** What is the working directory elsewhere is the volume here, and what the environment is, a Secret. */
function aboutVolumes(error: unknown): never {
  if (!(error instanceof RunError)) throw error;
  const [message, hint] = LEAVES;
  throw new RunError(
    error.failures.map((one) => {
      if (one.message.startsWith('the path leaves')) return { ...one, message, hint };
      return one.message.includes('needs the variable') ? { ...one, hint: NO_VARIABLE } : one;
    }),
  );
}

const NO_VARIABLE =
  'variables are the entries of the Secret that the volume names (`nodePublishSecretRef`); for a literal `${` write `$${`';

const LEAVES = ['the path leaves the volume', 'write it relative to the volume, as `db/password`'] as const;

const IN_CLASS = 'a class may not name files of the provider';

/** What has no meaning in a volume, or is not for whoever writes a class. */
function unsuitable(config: Config): readonly Failure[] {
  const { environment, managed, outputs, secrets, watch } = config;
  const refuse = (message: string, where: string | undefined, hint: string): Failure => ({
    kind: 'config',
    message,
    where,
    hint,
  });
  return [
    ...(outputs.length > 0 ? [] : [refuse('it declares no outputs', NAME, 'add `outputs:`')]),
    ...environment.map(({ where }) =>
      refuse(
        'a volume has no variables',
        where,
        'write an output, and let the driver make a Secret of it for `env` of the pod: `secretObjects` of the class',
      ),
    ),
    ...(managed === undefined
      ? []
      : [refuse('the driver replaces the files of a volume as a whole', managed.where, 'remove it')]),
    ...secrets
      .filter(({ reuse }) => reuse)
      .map(({ where }) => refuse('a volume is kept for as long as the pod lives', where, 'remove `reuse`')),
    ...(watch.onChange === undefined && watch.health === undefined
      ? []
      : [refuse('nobody is told of a change of a volume', watch.where, 'keep `rotate_at` only')]),
    ...config
      .origins()
      .flatMap(({ key, from }) =>
        isFileOfServer(key, config) && from.startsWith(NAME)
          ? [refuse(IN_CLASS, from, 'give a CA as `ca_cert_bytes`; the rest belongs to the provider')]
          : [],
      ),
  ];
}

const FILES_OF_TLS = /^vault\.tls\.(?:ca_cert|ca_path|client_cert|client_key|client_key_password_file)$/;

function isFileOfServer(key: string, { server }: Config): boolean {
  return FILES_OF_TLS.test(key) || (key === 'vault.address' && server.address.startsWith('unix:'));
}

/** Logins with what this provider has, or its machine: a class could read with them what its pods may not. */
async function lentLogins({ auth, loginPlaces }: Config): Promise<readonly Failure[]> {
  const whys = await Promise.all(auth.map(whyLent));
  return whys.flatMap((why, index) => {
    const place = auth[index] === undefined ? undefined : loginPlaces.get(auth[index]);
    if (why === undefined) return [];
    return [
      {
        kind: 'config',
        message: `this login would be with ${why}, which is not the pod's`,
        where: place?.of(undefined) ?? 'auth',
        hint: 'log in with the token of the pod (`method: kubernetes` or `jwt`), or give the credentials as `${NAME}` from the Secret that the volume names (`nodePublishSecretRef`)',
      } as const,
    ];
  });
}

async function whyLent(config: AuthConfig): Promise<string | undefined> {
  const method = await loadMethod(config.method);
  if (method.takesCredential !== undefined) return undefined;
  const named = Object.entries(config).find(
    ([name, value]) => /_(?:file|env)$/.test(name) && value !== undefined,
  );
  if (named !== undefined) return 'a file or a variable of the provider';
  if (method.isSelfContained !== true) return 'the identity of the node';
  return method.elsewhere?.(config);
}

function ofThisMachine(output: OutputPlan): readonly Failure[] {
  const { where, target, content } = output;
  const refuse = (message: string, hint: string): Failure[] => [{ kind: 'config', message, where, hint }];
  if (isSecretOutput(output))
    return refuse(
      'a volume holds files only',
      'let the driver make the Secret: `secretObjects` of the class',
    );
  if (target.uid !== undefined || target.gid !== undefined)
    return refuse('the driver gives the files of a volume to root', 'remove `owner` and `group`');
  if (content.kind === 'format' && content.inputs.some(({ source }) => source.kind === 'file'))
    return refuse(IN_CLASS, 'take the password from a secret');
  const path = relative(ROOT, target.path);
  if (path === '' || path.startsWith('..') || isAbsolute(path)) return refuse(...LEAVES);
  return [];
}

function contentsOf(config: Config, plan: Plan, identity: Contents['identity']): Contents {
  const tokenOutputs = tokenOutputsOf(plan);
  return {
    config,
    identity,
    plans: plan.secrets,
    holdsToken: tokenOutputs.length > 0,
    fetch: fetchSecrets,
    async render(secrets, { session, sender }, scope) {
      const tokens = await prepareTokens(tokenOutputs, session, sender);
      const outputs = await renderOutputs(plan.outputs, secrets, tokens, pauseOf(scope));
      return outputs.flatMap(filesOf);
    },
  };
}

function filesOf({ plan, files }: RenderedOutput): readonly Rendered[] {
  return files.map(({ path: absolute, content: contents }) => {
    const path = relative(ROOT, absolute);
    const version = (key: Uint8Array | undefined): string =>
      key === undefined ? '' : versionOfFile(key, path, contents.reveal());
    return { path, mode: plan.target.mode, contents, id: path, version };
  });
}

/** Tells nothing of the content, and is the same on all nodes. */
function versionOfFile(key: Uint8Array, path: string, contents: Uint8Array): string {
  const hmac = process.getBuiltinModule('node:crypto').createHmac('sha256', key);
  return hmac.update(path).update('\0').update(contents).digest('base64url');
}

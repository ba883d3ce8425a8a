import type { Failure } from '../base/errors.ts';
import type { Config, DeclaredContent, VariableContent } from '../config/config.ts';
import type { ConfigPath } from '../config/interpolate.ts';
import type { Setting } from '../config/settings.ts';
import type { Fields, GivenVariable, ManifestInput, PodLogin, TemplateUse } from './manifest-input.ts';

/** A login of the config, and what it takes of the place where it runs. */
export interface LoginChoice extends PodLogin {
  /** What it is with, if no pod has it. */
  readonly elsewhere: string | undefined;
}

/** What of the settings says which server it is. */
export type ServerSetting = 'address' | 'namespace' | 'serverName' | 'caCertBytes' | 'caCert' | 'caPath';

/** What the command knows; the rest follows from it. */
export interface Facts extends Omit<
  ManifestInput,
  'directory' | 'templates' | 'login' | 'settings' | 'address'
> {
  readonly config: Pick<Config, 'outputs' | 'environment' | 'directory' | 'server'>;
  readonly logins: readonly LoginChoice[];
  readonly settings: Readonly<Record<ServerSetting, Pick<Setting<unknown>, 'env' | 'file'>>>;
  /** The text of a CA that a variable names, or else the config. */
  readonly certificateIn: (path: string, variable: string | undefined) => string;
}

/** The facts, ordered; or why no pod can log in. */
export function inputOf(facts: Facts): ManifestInput | Failure {
  const { config, logins, filled, placeOf } = facts;
  const login =
    logins.find(({ identity }) => identity !== undefined) ??
    logins.find(({ elsewhere }) => elsewhere === undefined);
  if (login === undefined) {
    return {
      kind: 'config',
      message: `no pod has what the login is with: ${logins[0]?.elsewhere ?? ''}`,
      where: filled['auth'] === undefined ? 'auth' : placeOf(['auth']),
      hint: 'declare `auth: { method: kubernetes, role: ROLE }`, or use --auth kubernetes --role ROLE; a credential in a file, such as `token_file`, comes from a Secret',
    };
  }
  return {
    ...facts,
    directory: config.directory,
    templates: templatesOf(config),
    login,
    settings: serverVariables(facts),
    address: config.server.address,
  };
}

function templatesOf({ outputs, environment }: Facts['config']): TemplateUse[] {
  const ofOutputs = outputs.map(({ content }, index) => templateUse(content, ['outputs', index, 'template']));
  const ofVariables = environment.map(({ content }) => templateUse(content, undefined));
  return [...ofOutputs, ...ofVariables].flat();
}

/** @param at where a file would be named */
function templateUse(content: DeclaredContent | VariableContent, at: ConfigPath | undefined): TemplateUse[] {
  if (content.kind !== 'template') return [];
  const partials = [...content.partials.values()];
  const { file, source } = content;
  return at === undefined || file === undefined
    ? [{ at: undefined, template: undefined, partials }]
    : [{ at, template: { file, source }, partials }];
}

/** What the config leaves to the environment about the server. Whether to trust it is not for a shell to say. */
function serverVariables({ filled, settings, env, certificateIn }: Facts): GivenVariable[] {
  const isWritten = (name: ServerSetting): boolean => {
    const keys = settings[name].file?.split('.') ?? [];
    return keys.reduce<unknown>((value, key) => (value as Fields | undefined)?.[key], filled) !== undefined;
  };
  const variableFor = (name: ServerSetting): GivenVariable[] => {
    const variable = settings[name].env.find((one) => (env[one] ?? '') !== '');
    return variable === undefined ? [] : [{ name: variable, value: env[variable] ?? '' }];
  };
  const plain = (['address', 'namespace', 'serverName'] as const)
    .filter((name) => !isWritten(name))
    .flatMap(variableFor);
  if ((['caCertBytes', 'caCert', 'caPath'] as const).some(isWritten)) return plain;
  const [bytes] = variableFor('caCertBytes');
  const [file] = variableFor('caCert');
  if (bytes !== undefined) return [...plain, bytes];
  // A path of this machine is none of a pod: what the file says takes its place.
  if (file === undefined) return plain;
  return [...plain, { name: `${file.name}_BYTES`, value: certificateIn(file.value, file.name) }];
}

import type { ObjectDefinition } from '../shape/definition.ts';
import type { AuthMethod, IdentityFile } from './method.ts';

/** Every way to log in, by the name that `auth.method` has: loaded when a config names it. */
export const AUTH_METHODS = {
  token: async () => (await import('./token.ts')).token,
  approle: async () => (await import('./approle.ts')).approle,
  kubernetes: async () => (await import('./kubernetes.ts')).kubernetes,
  jwt: async () => (await import('./jwt.ts')).jwt,
  userpass: async () => (await import('./password.ts')).userpass,
  ldap: async () => (await import('./password.ts')).ldap,
  okta: async () => (await import('./password.ts')).okta,
  radius: async () => (await import('./password.ts')).radius,
  cert: async () => (await import('./cert.ts')).cert,
  github: async () => (await import('./github.ts')).github,
  aws: async () => (await import('./aws/index.ts')).aws,
  gcp: async () => (await import('./gcp/index.ts')).gcp,
  azure: async () => (await import('./azure/index.ts')).azure,
  alicloud: async () => (await import('./alicloud/index.ts')).alicloud,
  oci: async () => (await import('./oci/index.ts')).oci,
  cf: async () => (await import('./cf/index.ts')).cf,
  custom: async () => (await import('./custom.ts')).custom,
};

export type MethodName = keyof typeof AUTH_METHODS;

export const METHOD_NAMES = Object.keys(AUTH_METHODS) as MethodName[];

export function isMethod(name: unknown): name is MethodName {
  return typeof name === 'string' && Object.hasOwn(AUTH_METHODS, name);
}

export async function loadMethod(name: MethodName): Promise<AuthMethod> {
  return AUTH_METHODS[name]();
}

/** The login of a config without `auth`. */
export const DEFAULT_LOGIN = { method: 'token' } as const satisfies { readonly method: MethodName };

/** What sets a login apart from others, for those who plan requests and connections. */
export interface LoginTraits {
  /** It is posted, and mints a token. */
  readonly posts: boolean;
  /** Where, below `auth/`, if that is known before its credentials have been read. */
  readonly postsTo: string | undefined;
  /** It renews its token before that is used. */
  readonly renews: boolean;
  /** How many requests open the wrapping token that its credential is in. */
  readonly unwraps: number;
  /** It proves a certificate, which the connection must have from its start. */
  readonly ownCertificate: boolean;
}

export async function traitsOf(config: { readonly method: MethodName }): Promise<LoginTraits> {
  const method = await loadMethod(config.method);
  return {
    posts: method.posts ?? true,
    postsTo: method.postsTo?.(config),
    renews: method.renews?.(config) ?? false,
    unwraps: method.unwraps?.(config) ?? 0,
    ownCertificate: 'clientCertificate' in method,
  };
}

/** What a login takes of the place where it runs. */
export interface LoginNeeds {
  readonly identity: IdentityFile | undefined;
  /** Variables that hold a credential. */
  readonly variables: readonly string[];
  /** What it is with, if no pod has it. */
  readonly elsewhere: string | undefined;
}

export async function needsOf(config: { readonly method: MethodName }): Promise<LoginNeeds> {
  const method = await loadMethod(config.method);
  return {
    identity: method.identityFile?.(config),
    variables: method.variables?.(config) ?? [],
    elsewhere: method.elsewhere?.(config),
  };
}

/** The part of the config of each of these methods, by its name. */
export async function fieldsOf(
  names: readonly MethodName[],
): Promise<Readonly<Record<string, ObjectDefinition>>> {
  const methods = await Promise.all(
    names.map(async (name) => [name, (await loadMethod(name)).fields] as const),
  );
  return Object.fromEntries(methods);
}

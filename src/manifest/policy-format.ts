import { INPUTS } from './injection-names.ts';
import type { InjectionSettings } from './injection-parameters.ts';
import { injectionDocuments } from './injection-policy.ts';
import type { Facts, ServerSetting } from './facts.ts';
import type { PlatformFormatter } from './manifest-format.ts';
import type { Fields, PodLogin } from './manifest-input.ts';
import { yamlText } from './yaml-text.ts';

/** For a platform: not the config's pods, but policies that inject into all that ask for it, with the server of this config. */
export const policyFormat: PlatformFormatter = {
  usage: () =>
    'Injection into pods with the label vaultonce.dev/inject. To use it: kubectl apply -f FILE; examples/kubernetes-injection says how pods ask for it',
  forAllPods: (facts, login) => injectionDocuments(settingsOf(facts, login)),
};

function settingsOf(facts: Facts, login: PodLogin): InjectionSettings {
  const { options, filled } = facts;
  const { method = '', mount, namespace } = valueAt(filled, login.at) as Readonly<Record<string, string>>;
  const tokenKey = login.identity?.field ?? '';
  const auth = { method, mount, namespace, [tokenKey]: `${INPUTS}/token` };
  return {
    namespace: options.podNamespace ?? 'vault',
    image: options.image,
    audience: options.audience,
    login: { method, tokenKey },
    environment: serverVariables(facts),
    defaults: yamlText({ auth: JSON.parse(JSON.stringify(auth)) as object }),
  };
}

/** Those that the clients of both products read. */
const VARIABLES = {
  address: 'VAULT_ADDR',
  namespace: 'VAULT_NAMESPACE',
  serverName: 'VAULT_TLS_SERVER_NAME',
  caCertBytes: 'VAULT_CACERT_BYTES',
} as const;

/** Of the config as well as of the environment, which goes first: in the pods both are variables. */
function serverVariables({ filled, settings, env, certificateIn }: Facts): Readonly<Record<string, string>> {
  const variableOf = (name: ServerSetting): string | undefined =>
    settings[name].env.find((one) => (env[one] ?? '') !== '');
  const found = (name: ServerSetting): string | undefined => {
    const { file } = settings[name];
    const variable = variableOf(name);
    const given = variable === undefined ? undefined : env[variable];
    const value = given ?? valueAt(filled, file?.split('.') ?? []);
    return value === undefined || typeof value === 'string' ? value : JSON.stringify(value);
  };
  const names = Object.keys(VARIABLES) as (keyof typeof VARIABLES)[];
  const entries = names.flatMap((name) => {
    const value = found(name);
    return value === undefined ? [] : [[VARIABLES[name], value] as const];
  });
  const file = found('caCert');
  const text =
    file === undefined ? [] : [[VARIABLES.caCertBytes, certificateIn(file, variableOf('caCert'))] as const];
  // What a shell says of that is none of a platform's business.
  const isUnverified = valueAt(filled, ['vault', 'tls', 'skip_verify']);
  const skip =
    isUnverified === undefined ? [] : [['VAULT_SKIP_VERIFY', JSON.stringify(isUnverified)] as const];
  return Object.fromEntries([...text, ...entries, ...skip]);
}

function valueAt(fields: Fields, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Fields | undefined)?.[key], fields);
}

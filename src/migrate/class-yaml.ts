import type { JsonValue } from '../base/secret-data.ts';
import { yamlOf } from './config-yaml.ts';
import type { ClassDraft, Fields } from './draft.ts';

/** Files, which a class may not name: they are the provider's. */
const FILES_OF_TLS: readonly string[] = ['ca_cert', 'ca_path', 'client_cert', 'client_key'];

/**
 * A class of the Secrets Store CSI driver with a config.
 * @param settings of the config, and its outputs with their templates inline
 */
export function classYaml(
  { name, namespace, audience, secretObjects }: ClassDraft,
  settings: Fields,
): string {
  const { vault, auth = {}, secrets = {}, outputs = [] } = settings;
  // Secrets of the cluster are the driver's.
  const files = (outputs as readonly Fields[]).filter((output) => output['kubernetes_secret'] === undefined);
  const config = { ...serverOf((vault ?? {}) as Fields), auth, secrets, outputs: files };
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }) };
  return [
    yamlOf({ apiVersion: 'secrets-store.csi.x-k8s.io/v1', kind: 'SecretProviderClass' }),
    'metadata:\n',
    indented(yamlOf(metadata), 2),
    'spec:\n  provider: vaultonce\n',
    secretObjects === undefined ? '' : indented(yamlOf({ secretObjects }), 2),
    '  parameters:\n',
    audience === undefined ? '' : indented(yamlOf({ audience }), 4),
    '    config: |\n',
    indented(yamlOf(config), 6),
  ].join('');
}

function serverOf({ tls, ...vault }: Fields): Readonly<Record<string, JsonValue>> {
  const kept = Object.entries((tls ?? {}) as Fields).filter(([key]) => !FILES_OF_TLS.includes(key));
  const server = { ...vault, ...(kept.length === 0 ? {} : { tls: Object.fromEntries(kept) }) };
  return Object.keys(server).length === 0 ? {} : { vault: server };
}

function indented(text: string, blanks: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(blanks));
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  kyvernoText,
  mutatingText,
  parametersText,
  validatingText,
} from '../src/manifest/injection-policy.ts';
import type { InjectionSettings } from '../src/manifest/injection-parameters.ts';
import { root } from './paths.ts';

/** Writes the committed policies of injection anew: `node .config/injection.ts`. */

const SETTINGS: InjectionSettings = {
  namespace: 'vault',
  image: 'vaultonce:0.2.0',
  audience: 'vault',
  login: { method: 'kubernetes', tokenKey: 'token_file' },
  environment: { VAULT_ADDR: 'https://vault.vault.svc.cluster.local:8200' },
  defaults: 'startup_jitter: 10s\ntimeout: 120s\n',
  resources: { cpu: '50m', memory: '64Mi', memoryLimit: '128Mi', size: '8Mi' },
};

export const INJECTION_FILES: Readonly<Record<string, string>> = {
  'parameters.yaml': parametersText(SETTINGS),
  'policies.yaml': mutatingText(SETTINGS),
  'validation.yaml': validatingText(),
  'kyverno.yaml': kyvernoText(SETTINGS),
};

if (import.meta.main) {
  for (const [name, text] of Object.entries(INJECTION_FILES))
    writeFileSync(join(root, 'examples/kubernetes-injection', name), text);
}

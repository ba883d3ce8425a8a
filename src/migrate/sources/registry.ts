import { AGENT } from './agent.ts';
import { CONSUL_TEMPLATE } from './consul-template.ts';
import { ENVCONSUL } from './envconsul.ts';
import { INJECTOR } from './injector.ts';
import { SECRET_PROVIDER_CLASS } from './secret-provider-class.ts';
import type { SourceFormat } from './source-format.ts';
import { VAULT_ACTION } from './vault-action.ts';

/** The kinds of files that can be migrated; the first that recognises a file reads it. */
export const SOURCE_FORMATS: readonly SourceFormat[] = [
  AGENT,
  INJECTOR,
  SECRET_PROVIDER_CLASS,
  VAULT_ACTION,
  CONSUL_TEMPLATE,
  ENVCONSUL,
];

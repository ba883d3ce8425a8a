import { serverFacts } from './server-facts.ts';

/**
 * Options of a test that cannot run everywhere: why it is left out here, or false where all is there that it needs. Reasons that
 * `.config/test.ts` accepts where CI is set begin as it says there.
 */
export interface Needs {
  readonly skip: false | string;
}

export async function needsNamespaces(): Promise<Needs> {
  const { name, namespaces } = await serverFacts();
  if (namespaces) return { skip: false };
  const isHashicorp = name.startsWith('HashiCorp');
  const why = isHashicorp ? 'namespaces are a feature of its Enterprise edition' : 'it has no namespaces';
  return { skip: `not on ${name}: ${why}` };
}

/** @param wanted as `auth/jwt`, `secret/pki` and `database/postgresql-database-plugin` */
export async function needsPlugins(...wanted: readonly string[]): Promise<Needs> {
  const { name, plugins } = await serverFacts();
  const missing = wanted.filter((plugin) => !plugins.includes(plugin));
  return { skip: missing.length > 0 && `not on ${name}: it was built without ${missing.join(', ')}` };
}

import { startServer } from './server.ts';

/** What a server can do that not every one can. */
export interface ServerFacts {
  /** Product and version. */
  readonly name: string;
  readonly namespaces: boolean;
  /** As `auth/jwt`, `secret/pki` and `database/postgresql-database-plugin`. */
  readonly plugins: readonly string[];
}

/** Spares the files of a run to start a server only to ask it. */
const HANDED_ON = 'VAULTONCE_TEST_SERVER_FACTS';

export async function serverFacts(): Promise<ServerFacts> {
  const known = process.env[HANDED_ON] ?? '';
  if (known !== '') return JSON.parse(known) as ServerFacts;
  const facts = await askServer();
  process.env[HANDED_ON] = JSON.stringify(facts);
  return facts;
}

/**
 * Starts the server once, to ask it.
 * @throws {SetupFault}
 */
async function askServer(): Promise<ServerFacts> {
  const server = await startServer();
  const { name, api } = server;
  try {
    const { data: catalog = {} } = await api.get('sys/plugins/catalog');
    const plugins = ['auth', 'secret', 'database'].flatMap((kind) =>
      ((catalog[kind] ?? []) as readonly string[]).map((plugin) => `${kind}/${plugin}`),
    );
    const namespaces = await api.post('sys/namespaces/asked', {}).then(
      () => true,
      () => false,
    );
    return { name, namespaces, plugins };
  } finally {
    await server.stop();
  }
}

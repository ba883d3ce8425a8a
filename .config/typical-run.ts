import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStandIn, type Scheme } from './stand-in.ts';

/** One request after the other: answers in another order would have functions compiled in another one. */
const IN_ORDER = 'concurrency: 1\n';
const CONFIG = `auth: { method: approle, role_id: role, secret_id: secret }
secrets:
${Array.from({ length: 10 }, (_, index) => `  s${String(index)}: secret/app/s${String(index)}`).join('\n')}
outputs:
  - { path: app.properties, contents: "{{s0.username}} {{#s1.@entries}}{{key}}={{value}}{{/s1.@entries}}" }
  - { path: db.env, format: dotenv, secret: s2, keys: { prefix: DB_, case: upper } }
  - { path: all.json, format: json, secret: [s3, s4], on_conflict: last }
  - { path: password, secret: s5, key: password }
  - { path: files/, format: files, secret: s6 }
`;

/** Where, and with what. */
interface Run {
  readonly config: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface Typical {
  readonly scheme?: Scheme;
  /** The beginning of its config. */
  readonly first?: string;
}

/**
 * A run as most are, against a stand-in for the server: builds learn from what the program does in it.
 * @param start starts the program
 */
export async function typicalRun(
  start: (run: Run) => Promise<unknown>,
  { scheme = 'https', first = IN_ORDER }: Typical = {},
): Promise<void> {
  const cwd = mkdtempSync(join(tmpdir(), 'vaultonce-build-'));
  const server = await startStandIn(scheme, cwd);
  try {
    const config = join(cwd, 'vaultonce.yaml');
    writeFileSync(config, first + CONFIG);
    const trust = server.caFile === undefined ? {} : { VAULT_CACERT: server.caFile };
    await start({ config, cwd, env: { VAULT_ADDR: server.address, ...trust } });
  } finally {
    server.close();
    rmSync(cwd, { recursive: true, force: true });
  }
}

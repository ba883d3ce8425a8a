import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStandIn } from './stand-in.ts';

// One request after the other: answers in another order would have functions compiled in another one.
const CONFIG = `
concurrency: 1
auth: { method: approle, role_id: role, secret_id: secret }
secrets:
${Array.from({ length: 10 }, (_, index) => `  s${String(index)}: secret/app/s${String(index)}`).join('\n')}
outputs:
  - { path: app.properties, contents: "{{s0.username}} {{#s1.@entries}}{{key}}={{value}}{{/s1.@entries}}" }
  - { path: db.env, format: dotenv, secret: s2, keys: { prefix: DB_, case: upper } }
  - { path: all.json, format: json, secret: [s3, s4], on_conflict: last }
  - { path: password, secret: s5, key: password }
  - { path: files/, format: files, secret: s6 }
`;

/** Where, and how: what starts the program goes in front of the arguments. */
interface Run {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Has the program do what it mostly does, against a stand-in for the server: builds learn from that. Equal programs do the same. */
export async function typicalRun(start: (run: Run) => Promise<unknown>): Promise<void> {
  const cwd = mkdtempSync(join(tmpdir(), 'vaultonce-build-'));
  const server = await startStandIn();
  try {
    const config = join(cwd, 'vaultonce.yaml');
    writeFileSync(config, CONFIG);
    const args = ['render', '-c', config, '--allow-disk', '--quiet'];
    await start({ args, cwd, env: { VAULT_ADDR: server.address } });
  } finally {
    server.close();
    rmSync(cwd, { recursive: true, force: true });
  }
}

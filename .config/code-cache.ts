import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startStandIn } from './stand-in.ts';

/**
 * Makes the code cache: runs the bundle once against a stand-in for the server, so that the functions of a typical run
 * are compiled, and keeps what V8 made of them.
 */

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

const directory = mkdtempSync(join(tmpdir(), 'vaultonce-build-'));
const server = await startStandIn();

try {
  const config = join(directory, 'vaultonce.yaml');
  writeFileSync(config, CONFIG);
  await promisify(execFile)(
    process.execPath,
    // V8 hashes names with a seed, which is part of the cache: with one and the same seed, builds are equal byte for byte. It is
    // none of the flags that a cache depends on.
    [
      '--random-seed=1',
      join(import.meta.dirname, 'code-cache-run.mjs'),
      'render',
      '-c',
      config,
      '--allow-disk',
      '--quiet',
    ],
    {
      cwd: directory,
      env: { VAULT_ADDR: server.address },
    },
  );
} finally {
  server.close();
  rmSync(directory, { recursive: true, force: true });
}

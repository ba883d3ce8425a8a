import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Makes the code cache: runs the bundle once against a stand-in for the server, so that the functions of a typical run
 * are compiled, and keeps what V8 made of them.
 */

const ANSWERS: Readonly<Record<string, unknown>> = {
  '/v1/auth/approle/login': {
    auth: { client_token: 's.build', policies: ['default'], token_type: 'service', lease_duration: 60 },
  },
  '/v1/sys/internal/ui/mounts': {
    data: { secret: { 'secret/': { type: 'kv', options: { version: '2' } } } },
  },
  '/v1/auth/token/revoke-self': {},
};
const SECRET = {
  request_id: 'build',
  data: { data: { username: 'app', password: "it's 1 secret", port: 5432 }, metadata: { version: 1 } },
};

const CONFIG = `
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
const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ request_id: 'build', ...(ANSWERS[request.url ?? ''] ?? SECRET) }));
  });
});

try {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const config = join(directory, 'vaultonce.yaml');
  writeFileSync(config, CONFIG);
  await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, 'code-cache-run.mjs'), 'render', '-c', config, '--allow-disk', '--quiet'],
    {
      cwd: directory,
      env: { VAULT_ADDR: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}` },
    },
  );
} finally {
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
}

import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findMemory } from '../../test/support/places.ts';
import { startServer, type TestServer } from '../../test/support/server.ts';
import { SetupFault } from '../../test/support/setup-fault.ts';

/**
 * The main job against a real server: sets up approle, a policy, KV version 1 and 2, runs `vaultonce render` with the
 * config beside this file, and shows what came of it. Leaves nothing behind.
 */

const KV2: Readonly<Record<string, object>> = {
  db: { host: 'db.internal', port: 5432, username: 'shop', password: "it's a = secret" },
  cache: { host: 'cache.internal', password: 'p@ss/word' },
  queue: { url: 'amqp://queue.internal', password: 'queue-password' },
  smtp: { user: 'mailer', password: 'smtp-password' },
  payments: { api_key: 'pk_live_1234567890' },
  search: { host: 'search.internal', 'index.name': 'products' },
  session: { secret: 'cookie-signing-secret' },
  flags: { theme: 'dark' },
};

const KV1: Readonly<Record<string, object>> = {
  legacy: { data: 'a key named data', token: 'legacy-token' },
  licence: { number: 'ABC-123' },
  tls: { certificate: Buffer.from('-----BEGIN CERTIFICATE-----\n').toString('base64') },
};

const POLICY = `
path "secret/data/shop/*" { capabilities = ["read"] }
path "kv1/shop/*" { capabilities = ["read"] }
`;

async function storeSecrets({ api }: TestServer): Promise<void> {
  await api.post('sys/mounts/kv1', { type: 'kv', options: { version: '1' } });
  for (const [name, data] of Object.entries(KV2)) await api.post(`secret/data/shop/${name}`, { data });
  await api.post('secret/data/shop/smtp', { data: { password: 'a newer version, which is not pinned' } });
  for (const [name, data] of Object.entries(KV1)) await api.post(`kv1/shop/${name}`, data);
}

async function createRole({ api }: TestServer): Promise<{ roleId: string; secretId: string }> {
  await api.post('sys/policies/acl/shop', { policy: POLICY });
  await api.post('sys/auth/approle', { type: 'approle' });
  await api.post('auth/approle/role/shop', { token_policies: ['shop'], token_ttl: '5m' });
  const { data: role } = await api.get('auth/approle/role/shop/role-id');
  const { data: secret } = await api.post('auth/approle/role/shop/secret-id');
  return { roleId: String(role?.['role_id']), secretId: String(secret?.['secret_id']) };
}

function render(server: TestServer, output: string, roleId: string, secretIdFile: string): number {
  const bin = join(import.meta.dirname, '../../bin/vaultonce.mjs');
  const args = ['render', '-c', join(import.meta.dirname, 'vaultonce.yaml'), '--log-format', 'text'];
  console.log(`\n$ vaultonce ${args.slice(0, 2).join(' ')} examples/demo/vaultonce.yaml`);
  const { status } = spawnSync(process.execPath, [bin, ...args], {
    stdio: 'inherit',
    env: {
      PATH: process.env['PATH'],
      VAULT_ADDR: server.address,
      ROLE_ID: roleId,
      SECRET_ID_FILE: secretIdFile,
      OUTPUT_DIRECTORY: output,
      // A machine without a memory file system can still see how it works.
      ...(findMemory() === undefined ? { VAULTONCE_ALLOW_DISK: 'true' } : {}),
    },
  });
  return status ?? 1;
}

function showFiles(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, name);
    if (lstatSync(path).isDirectory()) continue;
    const mode = (statSync(path).mode & 0o777).toString(8).padStart(4, '0');
    console.log(`\n--- ${mode} ${path}`);
    console.log(readFileSync(path, 'utf8').trimEnd());
  }
}

async function showRequests(server: TestServer): Promise<void> {
  const requests = server.takeAudit();
  console.log(`\nRequests, by the server's audit log: ${String(requests.length)}`);
  for (const { operation, path } of requests) console.log(`  ${operation} ${path}`);
  console.log(`Tokens left behind: ${String(await server.tokensLeft())}`);
}

async function show(server: TestServer, directory: string): Promise<void> {
  console.log(`A real server, ${server.name}, listens on ${server.address}`);
  await storeSecrets(server);
  const { roleId, secretId } = await createRole(server);
  const secretIdFile = join(directory, 'secret_id');
  writeFileSync(secretIdFile, secretId, { mode: 0o600 });
  server.takeAudit();
  const output = join(directory, 'secrets');
  process.exitCode = render(server, output, roleId, secretIdFile);
  if (process.exitCode !== 0) return;
  showFiles(output);
  await showRequests(server);
}

/** @returns undefined when there is none: what is wrong has been said then */
async function startOrTell(): Promise<TestServer | undefined> {
  try {
    return await startServer();
  } catch (error) {
    if (!(error instanceof SetupFault)) throw error;
    console.error(error.message);
    process.exitCode = 1;
    return undefined;
  }
}

const server = await startOrTell();
if (server !== undefined) {
  const directory = mkdtempSync(join(findMemory() ?? tmpdir(), 'vaultonce-demo-'));
  try {
    await show(server, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
    await server.stop();
  }
}

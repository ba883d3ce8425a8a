import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createApi, type Api } from './api.ts';
import { createAuditReader, type AuditedRequest } from './audit.ts';
import { findServer, type ServerBinary } from './binary.ts';
import { createCertificates, type Certificates } from './certificates.ts';
import { freePort } from './free-port.ts';
import { startProcess, type ServerProcess } from './server-process.ts';
import { SetupFault } from './setup-fault.ts';

/** A real server of a test's own. */
export interface TestServer {
  /** Product and version. */
  readonly name: string;
  readonly address: string;
  /** Only with `tls: true`. */
  readonly tlsAddress: string;
  readonly certificates: Certificates;
  readonly rootToken: string;
  readonly pid: number;
  readonly api: Api;
  /** Everything that was asked of the server since the last call, by the audit log. */
  takeAudit(): AuditedRequest[];
  /** Tokens that live, the root token aside. */
  tokensLeft(): Promise<number>;
  /** Revokes them. */
  revokeTokens(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly tls?: boolean;
  readonly readyWithinMs?: number;
}

/**
 * Starts a dev server on free ports, with an audit log, and waits until it answers.
 * @throws {SetupFault}
 */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const binary = await findServer();
  for (let attempt = 1; ; attempt += 1) {
    const server = await tryStart(binary, options);
    if (server !== undefined) return server;
    // Another process may have taken the port between looking for it and listening on it.
    if (attempt === 5) throw new SetupFault(`${nameOf(binary)} found its port taken five times: try again`);
  }
}

const nameOf = ({ product, version, path }: ServerBinary): string => `${product} ${version} (${path})`;

/** @returns undefined when its port was taken */
async function tryStart(
  binary: ServerBinary,
  { tls = false, readyWithinMs = 30_000 }: ServerOptions,
): Promise<TestServer | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'vaultonce-server-'));
  const rootToken = 'root-token-of-the-test-server';
  const address = `127.0.0.1:${String(await freePort())}`;
  const tlsAddress = `127.0.0.1:${String(await freePort())}`;
  const certificates = tls ? await createCertificates(directory) : NO_CERTIFICATES;
  const audit = join(directory, 'audit.log');
  const config = join(directory, 'server.hcl');
  const listener = tls ? listenerConfig(tlsAddress, certificates) : '';
  writeFileSync(config, binary.product === 'OpenBao' ? auditConfig(audit) + listener : listener);
  const flags = [`-dev-root-token-id=${rootToken}`, `-dev-listen-address=${address}`, '-dev-no-store-token'];
  const child = await startProcess(binary.path, ['server', '-dev', ...flags, `-config=${config}`], directory);
  const api = createApi(`http://${address}`, rootToken);
  try {
    const fault = await faultOfStart(api, child, readyWithinMs);
    if (fault !== undefined && child.portTaken()) {
      await child.stop();
      return undefined;
    }
    if (fault !== undefined) throw new SetupFault(`${nameOf(binary)} ${fault}`);
    await openAudit(binary, api, audit);
  } catch (error) {
    await child.stop();
    throw error;
  }
  const takeAudit = createAuditReader(audit);
  takeAudit();
  return {
    name: `${binary.product} ${binary.version}`,
    address: `http://${address}`,
    tlsAddress: `https://${tlsAddress}`,
    certificates,
    rootToken,
    pid: child.pid,
    api,
    takeAudit,
    tokensLeft: async () => (await issuedTokens(api)).length,
    revokeTokens: async () => {
      for (const accessor of await issuedTokens(api))
        await api.post('auth/token/revoke-accessor', { accessor });
    },
    stop: () => child.stop(),
  };
}

const NO_CERTIFICATES: Certificates = { caFile: '', otherCaFile: '', certFile: '', keyFile: '' };

function listenerConfig(address: string, { certFile, keyFile }: Certificates): string {
  return `listener "tcp" {\n  address = "${address}"\n  tls_cert_file = "${certFile}"\n  tls_key_file = "${keyFile}"\n}\n`;
}

function auditConfig(file: string): string {
  return `audit "file" "file" {\n  options {\n    file_path = "${file}"\n  }\n}\n`;
}

/** OpenBao takes audit devices by its configuration only, HashiCorp Vault by its API only. */
async function openAudit(binary: ServerBinary, api: Api, file: string): Promise<void> {
  let reason = 'it did not create the file';
  try {
    const device = { type: 'file', options: { file_path: file } };
    if (binary.product === 'HashiCorp Vault') await api.post('sys/audit/file', device);
  } catch (error) {
    reason = (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ');
  }
  if (existsSync(file)) return;
  throw new SetupFault(
    `${nameOf(binary)} keeps no audit log, by which the tests see its requests (${reason}): use another version`,
  );
}

/** Waits until it answers. @returns what it did instead */
async function faultOfStart(
  api: Api,
  child: ServerProcess,
  readyWithinMs: number,
): Promise<string | undefined> {
  for (const end = Date.now() + readyWithinMs; Date.now() < end;) {
    // A dev server mounts `secret/` after it has become healthy.
    const mounts = await api.get('sys/mounts').catch(() => undefined);
    if (mounts !== undefined && Object.hasOwn(mounts.data ?? {}, 'secret/')) return undefined;
    const ending = child.ended();
    if (ending !== undefined) return `${ending}; start it by hand with \`server -dev\` to see more`;
    await delay(25);
  }
  return `did not answer within ${String(readyWithinMs / 1000)} s; it said last: ${child.lastWord()}`;
}

/** The accessors of all tokens but the root token. */
async function issuedTokens(api: Api): Promise<readonly string[]> {
  const all = await api.request('LIST', 'auth/token/accessors');
  const own = await api.get('auth/token/lookup-self');
  return (all.data?.['keys'] as readonly string[]).filter((accessor) => accessor !== own.data?.['accessor']);
}

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createApi, type Api } from './api.ts';
import { findOnPath, findServerBinary } from './binary.ts';
import { createCertificates, type Certificates } from './certificates.ts';
import { freePort } from './free-port.ts';

const READY_WITHIN_MS = 30_000;

/** One request as the server's audit log has it. */
export interface AuditedRequest {
  readonly operation: string;
  readonly path: string;
  readonly namespace: string;
  readonly remotePort: number | undefined;
  readonly error: string | undefined;
}

/** A real server of a test's own. */
export interface TestServer {
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

/** Starts a dev server on free ports, with an audit log, and waits until it answers. */
export async function startServer({ tls = false }: { readonly tls?: boolean } = {}): Promise<TestServer> {
  const binary = await findServerBinary();
  for (let attempt = 1; ; attempt += 1) {
    const server = await tryStart(binary, tls);
    if (server !== undefined) return server;
    // Another process may have taken the port between looking for it and listening on it.
    if (attempt === 5) throw new Error('the server did not start five times');
  }
}

async function tryStart(binary: string, tls: boolean): Promise<TestServer | undefined> {
  const directory = await mkdtemp(join(tmpdir(), 'vaultonce-server-'));
  const rootToken = 'root-token-of-the-test-server';
  const address = `127.0.0.1:${String(await freePort())}`;
  const tlsAddress = `127.0.0.1:${String(await freePort())}`;
  const certificates = tls ? await createCertificates(directory) : NO_CERTIFICATES;
  const audit = join(directory, 'audit.log');
  const config = join(directory, 'server.hcl');
  writeFileSync(config, serverConfig(audit, tls ? { tlsAddress, ...certificates } : undefined));
  // A signal ends a test process without its `exit` event: the kernel ends the server then.
  const setpriv = await findOnPath('setpriv');
  const [program, prefix] = setpriv === undefined ? [binary, []] : [setpriv, ['--pdeathsig', 'KILL', binary]];
  const child = spawn(
    program,
    [
      ...prefix,
      'server',
      '-dev',
      `-dev-root-token-id=${rootToken}`,
      `-dev-listen-address=${address}`,
      '-dev-no-store-token',
      `-config=${config}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { HOME: directory, PATH: process.env['PATH'] } },
  );
  child.stdout.resume();
  child.stderr.resume();
  const kill = (): void => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  process.once('exit', kill);
  const api = createApi(`http://${address}`, rootToken);
  if (!(await isReady(api, child))) {
    kill();
    return undefined;
  }
  const takeAudit = createAuditReader(audit);
  takeAudit();
  return {
    address: `http://${address}`,
    tlsAddress: `https://${tlsAddress}`,
    certificates,
    rootToken,
    pid: child.pid ?? 0,
    api,
    takeAudit,
    tokensLeft: async () => (await issuedTokens(api)).length,
    revokeTokens: async () => {
      for (const accessor of await issuedTokens(api))
        await api.post('auth/token/revoke-accessor', { accessor });
    },
    stop: async () => {
      process.off('exit', kill);
      const exited = new Promise((resolve) => child.once('exit', resolve));
      kill();
      await exited;
    },
  };
}

/** Reads what has been added since the last call, as far as it is complete lines. */
function createAuditReader(file: string): () => AuditedRequest[] {
  let position = 0;
  return () => {
    const descriptor = openSync(file, 'r');
    try {
      const fresh = Buffer.alloc(fstatSync(descriptor).size - position);
      readSync(descriptor, fresh, 0, fresh.length, position);
      const end = fresh.lastIndexOf('\n') + 1;
      position += end;
      return fresh.toString('utf8', 0, end).split('\n').flatMap(auditedRequest);
    } finally {
      closeSync(descriptor);
    }
  };
}

const NO_CERTIFICATES: Certificates = { caFile: '', otherCaFile: '', certFile: '', keyFile: '' };

function serverConfig(audit: string, tls: (Certificates & { tlsAddress: string }) | undefined): string {
  const listener =
    tls === undefined
      ? ''
      : `listener "tcp" {\n  address = "${tls.tlsAddress}"\n  tls_cert_file = "${tls.certFile}"\n  tls_key_file = "${tls.keyFile}"\n}\n`;
  return `audit "file" "file" {\n  options {\n    file_path = "${audit}"\n  }\n}\n${listener}`;
}

async function isReady(api: Api, child: ChildProcess): Promise<boolean> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    // A dev server mounts `secret/` after it has become healthy.
    const mounts = await api.get('sys/mounts').catch(() => undefined);
    if (mounts !== undefined && Object.hasOwn(mounts.data ?? {}, 'secret/')) return true;
    await delay(25);
  }
  return false;
}

interface AuditEntry {
  readonly type: string;
  readonly error?: string;
  readonly request: {
    readonly operation: string;
    readonly path: string;
    readonly namespace?: { readonly path?: string };
    readonly remote_port?: number;
    readonly headers?: unknown;
  };
}

function auditedRequest(line: string): AuditedRequest[] {
  if (line === '') return [];
  const { type, request, error } = JSON.parse(line) as AuditEntry;
  if (type !== 'response') return [];
  return [
    {
      operation: request.operation,
      path: request.path,
      namespace: request.namespace?.path ?? '',
      remotePort: request.remote_port,
      error,
    },
  ];
}

/** The accessors of all tokens but the root token. */
async function issuedTokens(api: Api): Promise<readonly string[]> {
  const all = await api.request('LIST', 'auth/token/accessors');
  const own = await api.get('auth/token/lookup-self');
  return (all.data?.['keys'] as readonly string[]).filter((accessor) => accessor !== own.data?.['accessor']);
}

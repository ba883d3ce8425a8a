import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath, findServer } from '../../support/binary.ts';
import { standaloneBinary } from '../../../.config/targets.ts';
import type { Role, SidecarSite } from './sidecar-site.ts';

/** What a sidecar does: files of some secrets, and perhaps of a certificate, and who is told of a change. */
export interface SidecarJob {
  /** Of its directory, and of its files beside that. */
  readonly name: string;
  readonly secrets: number;
  /** How often KV is read again. */
  readonly intervalS: number;
  readonly role: Role;
  /** A certificate of `pki/issue/ROLE`. */
  readonly certificate?: { readonly role: 'web' | 'leased'; readonly ttl: string };
}

export interface RunningSidecar {
  readonly pid: number;
  /** Its files: `0` and so on, and `cert.pem`. */
  readonly directory: string;
  /** How often somebody was told of a change. */
  told(): number;
  /** What it has said last. */
  lastWord(): string;
  stop(): Promise<void>;
}

export interface SidecarClient {
  readonly name: string;
  /** Whether it logs in, and asks for certificates. */
  readonly logsIn: boolean;
  start(site: SidecarSite, job: SidecarJob): Promise<RunningSidecar>;
}

export const CLIENTS: Readonly<Record<string, () => Promise<SidecarClient | undefined>>> = {
  node: () =>
    Promise.resolve(
      ours('vaultonce on Node', [process.execPath, join(import.meta.dirname, '../../../bin/vaultonce.mjs')]),
    ),
  standalone: () => Promise.resolve(ours('vaultonce standalone', [standaloneBinary()])),
  async agent() {
    const { path, product } = await findServer();
    return agent(product === 'OpenBao' ? 'bao agent' : 'vault agent', path);
  },
  async 'consul-template'() {
    const path = await findOnPath('consul-template');
    return path === undefined ? undefined : consulTemplate(path);
  },
};

interface Places {
  readonly directory: string;
  /** A line is added to it for each change. */
  readonly told: string;
}

function placesOf({ workspace }: SidecarSite, { name }: SidecarJob): Places {
  return { directory: workspace.path(name, 'files'), told: workspace.write(`${name}/told`, '') };
}

const tellingCommand = (told: string): readonly string[] => ['sh', '-c', `echo >> '${told}'`];

function ours(name: string, start: readonly string[]): SidecarClient {
  return {
    name,
    logsIn: true,
    start(site, job) {
      const places = placesOf(site, job);
      const config = site.workspace.write(
        `${job.name}/vaultonce.yaml`,
        JSON.stringify(configOf(site, job, places)),
      );
      return started([...start, 'watch', '-c', config], {}, site, job, places);
    },
  };
}

/** JSON is YAML. */
export function configOf(site: SidecarSite, job: SidecarJob, { directory, told }: Places): object {
  const { server, paths } = site;
  const names = paths.slice(0, job.secrets);
  const kv = names.map((path, index) => [`s${String(index)}`, `secret/${path}`] as const);
  const { certificate } = job;
  const cert = certificate && {
    path: `pki/issue/${certificate.role}`,
    write: { common_name: 'web', ttl: certificate.ttl },
  };
  return {
    vault: { address: server.tlsAddress, tls: { ca_cert: server.certificates.caFile } },
    auth: { method: 'approle', role_id: job.role.roleId, secret_id: job.role.secretId },
    secrets: { ...Object.fromEntries(kv), ...(cert === undefined ? {} : { cert }) },
    outputs: [
      ...kv.map(([name], index) => ({ path: String(index), contents: `password={{${name}.password}}` })),
      ...(cert === undefined ? [] : [{ path: 'cert.pem', secret: 'cert', format: 'pem' }]),
    ],
    output: { directory },
    watch: { refresh: `${String(job.intervalS)}s`, settle: 0, on_change: { run: tellingCommand(told) } },
  };
}

function agent(name: string, binary: string): SidecarClient {
  return {
    name,
    logsIn: true,
    start(site, job) {
      const { server, workspace } = site;
      const places = placesOf(site, job);
      const config = workspace.write(
        `${job.name}/agent.hcl`,
        `
vault {
  address = "${server.tlsAddress}"
  ca_cert = "${server.certificates.caFile}"
}
auto_auth {
  method "approle" {
    config = {
      role_id_file_path = "${workspace.write(`${job.name}/role_id`, job.role.roleId)}"
      secret_id_file_path = "${workspace.write(`${job.name}/secret_id`, job.role.secretId)}"
      remove_secret_id_file_after_reading = false
    }
  }
}
template_config {
  static_secret_render_interval = "${String(job.intervalS)}s"
}
${templatesOf(site, job, places)}
`,
      );
      return started([binary, 'agent', '-log-level=error', `-config=${config}`], {}, site, job, places);
    },
  };
}

function consulTemplate(binary: string): SidecarClient {
  return {
    name: 'consul-template',
    logsIn: false,
    start(site, job) {
      const { server, workspace, token } = site;
      const places = placesOf(site, job);
      const interval = `default_lease_duration = "${String(job.intervalS)}s"`;
      const config = workspace.write(
        `${job.name}/consul-template.hcl`,
        `vault {\n  renew_token = false\n  ${interval}\n}\n${templatesOf(site, job, places)}\n`,
      );
      const env = {
        VAULT_ADDR: server.tlsAddress,
        VAULT_CACERT: server.certificates.caFile,
        VAULT_TOKEN: token,
      };
      return started([binary, '-log-level=err', `-config=${config}`], env, site, job, places);
    },
  };
}

/** As the agent and `consul-template` have them. */
function templatesOf(
  { paths }: SidecarSite,
  { secrets, certificate }: SidecarJob,
  { directory, told }: Places,
): string {
  const template = (file: string, contents: string): string =>
    [
      'template {',
      `  destination = "${directory}/${file}"`,
      `  contents = ${JSON.stringify(contents)}`,
      `  exec {\n    command = ${JSON.stringify(tellingCommand(told))}\n  }`,
      '}',
    ].join('\n');
  const kv = paths
    .slice(0, secrets)
    .map((path, index) =>
      template(
        String(index),
        `password={{ with secret "secret/data/${path}" }}{{ .Data.data.password }}{{ end }}`,
      ),
    );
  if (certificate === undefined) return kv.join('\n');
  const { role, ttl } = certificate;
  const asked = `"pki/issue/${role}" "common_name=web" "ttl=${ttl}"`;
  const pem = `{{ with secret ${asked} }}{{ .Data.private_key }}\n{{ .Data.certificate }}{{ end }}`;
  return [...kv, template('cert.pem', pem)].join('\n');
}

const PATIENCE_MS = 3000;

async function started(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
  { workspace }: SidecarSite,
  { name }: SidecarJob,
  { directory, told }: Places,
): Promise<RunningSidecar> {
  const logFile = workspace.path(name, 'log');
  const log = openSync(logFile, 'w');
  const child = spawn(program, args, {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
  });
  closeSync(log);
  await once(child, 'spawn');
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  return {
    pid: child.pid ?? 0,
    directory,
    told: () => readFileSync(told, 'utf8').length,
    lastWord: () => readFileSync(logFile, 'utf8').slice(-500),
    async stop() {
      process.off('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      // consul-template takes no notice.
      const force = setTimeout(kill, PATIENCE_MS);
      await ended;
      clearTimeout(force);
    },
  };
}

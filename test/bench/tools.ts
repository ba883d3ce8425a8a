import { join } from 'node:path';
import { findOnPath, findServerBinary } from '../support/binary.ts';
import { BIN } from '../support/cli.ts';
import type { TestServer } from '../support/server.ts';
import type { Workspace } from '../support/workspace.ts';

/** What every tool does: log in with approle if it can, fetch the secrets, write one file for each. */
export interface Job {
  readonly server: TestServer;
  readonly workspace: Workspace;
  readonly roleId: string;
  readonly secretId: string;
  /** For tools that cannot log in. */
  readonly token: string;
  /** Logical paths below `secret/`. */
  readonly paths: readonly string[];
}

export interface Tool {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where its files go; undefined: it has none. */
  readonly output: string | undefined;
}

/** The tools that are there, ready for this job: an empty script and a bare one as floors, ours, the agent, and what is on PATH. */
export async function prepareTools(job: Job): Promise<Tool[]> {
  const peers = await Promise.all([vaultAgent(job), consulTemplate(job), envconsul(job)]);
  return [
    emptyScript(job),
    onlyTheCalls(job),
    vaultonce(job),
    await baoAgent(job),
    ...peers.filter((tool) => tool !== undefined),
  ];
}

function emptyScript({ workspace }: Job): Tool {
  return {
    name: 'empty script',
    command: [process.execPath, workspace.write('empty.mjs', '')],
    env: {},
    output: undefined,
  };
}

function onlyTheCalls({ server, workspace, roleId, secretId, paths }: Job): Tool {
  const output = workspace.path('only-the-calls');
  const job = workspace.write(
    'job.json',
    JSON.stringify({ address: server.address, roleId, secretId, output, paths }),
  );
  const script = join(import.meta.dirname, 'only-the-calls.mjs');
  return { name: 'only the calls', command: [process.execPath, script, job], env: {}, output };
}

function vaultonce({ server, workspace, roleId, secretId, paths }: Job): Tool {
  const output = workspace.path('vaultonce');
  const config = [
    `vault: { address: '${server.address}' }`,
    `auth: { method: approle, role_id: '${roleId}', secret_id: '${secretId}' }`,
    'secrets:',
    ...paths.map((path, index) => `  s${String(index)}: secret/${path}`),
    'outputs:',
    ...paths.map(
      (_, index) => `  - { path: '${String(index)}', contents: 'password={{s${String(index)}.password}}' }`,
    ),
    `output: { directory: '${output}' }`,
  ];
  const file = workspace.write('vaultonce.yaml', config.join('\n'));
  return {
    name: 'vaultonce',
    command: [process.execPath, BIN, 'render', '--quiet', '-c', file],
    env: {},
    output,
  };
}

async function baoAgent(job: Job): Promise<Tool> {
  return agent('bao agent', await findServerBinary(), job);
}

async function vaultAgent(job: Job): Promise<Tool | undefined> {
  const binary = await findOnPath('vault');
  return binary === undefined ? undefined : agent('vault agent', binary, job);
}

function agent(name: string, binary: string, { server, workspace, roleId, secretId, paths }: Job): Tool {
  const output = workspace.path(name.replace(' ', '-'));
  const config = `
exit_after_auth = true
vault { address = "${server.address}" }
auto_auth {
  method "approle" {
    config = {
      role_id_file_path = "${workspace.write('role_id', roleId)}"
      secret_id_file_path = "${workspace.write('secret_id', secretId)}"
      remove_secret_id_file_after_reading = false
    }
  }
}
${paths.map((path, index) => `template {\n  destination = "${output}/${String(index)}"\n  contents = "${goTemplate(path)}"\n}`).join('\n')}
`;
  const file = workspace.write(`${name}.hcl`, config);
  return { name, command: [binary, 'agent', '-log-level=error', `-config=${file}`], env: {}, output };
}

function goTemplate(path: string): string {
  return `password={{ with secret \\"secret/data/${path}\\" }}{{ .Data.data.password }}{{ end }}`;
}

async function consulTemplate({ server, workspace, token, paths }: Job): Promise<Tool | undefined> {
  const binary = await findOnPath('consul-template');
  if (binary === undefined) return undefined;
  const output = workspace.path('consul-template');
  const templates = paths.map(
    (path, index) =>
      `template {\n  destination = "${output}/${String(index)}"\n  contents = "${goTemplate(path)}"\n}`,
  );
  const file = workspace.write(
    'consul-template.hcl',
    `vault {\n  address = "${server.address}"\n  renew_token = false\n}\n${templates.join('\n')}\n`,
  );
  const env = { VAULT_TOKEN: token };
  return {
    name: 'consul-template',
    command: [binary, '-once', '-log-level=err', `-config=${file}`],
    env,
    output,
  };
}

async function envconsul({ server, token, paths }: Job): Promise<Tool | undefined> {
  const binary = await findOnPath('envconsul');
  if (binary === undefined) return undefined;
  const secrets = paths.map((path) => `-secret=secret/${path}`);
  const command = [
    binary,
    '-once',
    '-log-level=err',
    `-vault-addr=${server.address}`,
    '-vault-renew-token=false',
    ...secrets,
    'true',
  ];
  return { name: 'envconsul', command, env: { VAULT_TOKEN: token }, output: undefined };
}

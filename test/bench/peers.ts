import type { Job, Tool } from './job.ts';

/** Other tools, by the name of their program; those that are on PATH take part. */
export const PEERS: Readonly<Record<string, (binary: string, job: Job) => Tool>> = {
  vault: (binary, job) => agent('vault agent', binary, job),
  'consul-template': consulTemplate,
  envconsul,
  vals,
  daytona,
  'secret-init': secretInit,
  'vault-sidekick': vaultSidekick,
};

/** The agents of Vault and OpenBao. */
export function agent(
  name: string,
  binary: string,
  { address, caFile, workspace, roleId, secretId, paths }: Job,
): Tool {
  const output = workspace.path(name);
  const config = `
exit_after_auth = true
vault {
  address = "${address}"
  ca_cert = "${caFile}"
}
auto_auth {
  method "approle" {
    config = {
      role_id_file_path = "${workspace.write('role_id', roleId)}"
      secret_id_file_path = "${workspace.write('secret_id', secretId)}"
      remove_secret_id_file_after_reading = false
    }
  }
}
${templates(output, paths)}
`;
  const file = workspace.write(`${name}.hcl`, config);
  return { name, command: [binary, 'agent', '-log-level=error', `-config=${file}`], env: {}, output };
}

function templates(output: string, paths: readonly string[]): string {
  const goTemplate = (path: string): string =>
    `password={{ with secret \\"secret/data/${path}\\" }}{{ .Data.data.password }}{{ end }}`;
  return paths
    .map(
      (path, index) =>
        `template {\n  destination = "${output}/${String(index)}"\n  contents = "${goTemplate(path)}"\n}`,
    )
    .join('\n');
}

/** What the official client library reads. */
function clientEnv({ address, caFile, token }: Job): Record<string, string> {
  return { VAULT_ADDR: address, VAULT_CACERT: caFile, VAULT_TOKEN: token };
}

function consulTemplate(binary: string, job: Job): Tool {
  const output = job.workspace.path('consul-template');
  const file = job.workspace.write(
    'consul-template.hcl',
    `vault {\n  renew_token = false\n}\n${templates(output, job.paths)}\n`,
  );
  return {
    name: 'consul-template',
    command: [binary, '-once', '-log-level=err', `-config=${file}`],
    env: clientEnv(job),
    output,
  };
}

function envconsul(binary: string, job: Job): Tool {
  const secrets = job.paths.map((path) => `-secret=secret/${path}`);
  return {
    name: 'envconsul',
    command: [binary, '-once', '-log-level=err', '-vault-renew-token=false', ...secrets, 'true'],
    env: clientEnv(job),
    output: undefined,
  };
}

function vals(binary: string, { address, caFile, workspace, roleId, secretId, paths }: Job): Tool {
  const references = paths.map((path, index) => `s${String(index)}: ref+vault://secret/${path}#/password`);
  return {
    name: 'vals',
    command: [binary, 'eval', '-f', workspace.write('vals.yaml', references.join('\n'))],
    env: {
      VAULT_ADDR: address,
      VAULT_CACERT: caFile,
      VAULT_AUTH_METHOD: 'approle',
      VAULT_ROLE_ID: roleId,
      VAULT_SECRET_ID: secretId,
    },
    output: undefined,
  };
}

/**
 * It logs in by Kubernetes and clouds only, and takes a token that is there instead. Version 1.3 makes all requests, but finds nothing
 * to write in the answers of KV version 2.
 */
function daytona(binary: string, job: Job): Tool {
  const output = job.workspace.path('daytona');
  const secrets = job.paths.flatMap((path, index) => [
    [`VAULT_SECRET_S${String(index)}`, `secret/data/${path}`],
    [`DAYTONA_SECRET_DESTINATION_S${String(index)}`, `${output}-${String(index)}`],
  ]);
  const token = job.workspace.write('daytona-token', job.token);
  return {
    name: 'daytona',
    command: [binary, '-k8s-auth', '-vault-auth-role=bench', `-token-path=${token}`, '-log-level=error'],
    env: { ...clientEnv(job), ...(Object.fromEntries(secrets) as Record<string, string>) },
    output: undefined,
  };
}

function secretInit(binary: string, job: Job): Tool {
  const references = job.paths.map((path, index) => [
    `S${String(index)}`,
    `vault:secret/data/${path}#password`,
  ]);
  return {
    name: 'secret-init',
    command: [binary, 'true'],
    env: { ...clientEnv(job), ...(Object.fromEntries(references) as Record<string, string>) },
    output: undefined,
  };
}

function vaultSidekick(binary: string, job: Job): Tool {
  const output = job.workspace.path('vault-sidekick');
  const { roleId: role_id, secretId: secret_id } = job;
  const auth = job.workspace.write(
    'sidekick.json',
    JSON.stringify({ method: 'approle', role_id, secret_id }),
  );
  const secrets = job.paths.map(
    (path, index) => `-cn=secret:secret/data/${path}:fmt=json,file=${String(index)}`,
  );
  return {
    name: 'vault-sidekick',
    command: [
      binary,
      '-one-shot',
      `-vault=${job.address}`,
      `-ca-cert=${job.caFile}`,
      `-auth=${auth}`,
      `-output=${output}`,
      ...secrets,
    ],
    env: {},
    output,
  };
}

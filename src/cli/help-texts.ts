import type { Command } from 'commander';

const EXIT_CODES = `
Exit codes:
  0 every output is complete   1 a bug             2 bad flags or arguments
  3 invalid config             4 login refused     5 denied (403 on a path)
  6 secret or key missing      7 template error    8 cannot write
  9 server unavailable        10 limit not met   124 timeout
  130, 143 stopped by SIGINT, SIGTERM; 129, 131 by SIGHUP, SIGQUIT`;

const OF_PROGRAM = `
Examples:
  vaultonce check -c vaultonce.yaml      preview the requests and files, offline
  vaultonce render -c vaultonce.yaml     log in, fetch, write, revoke the token
  vaultonce exec -- ./server             start a command with \`environment:\` set
  eval "$(vaultonce env)"                set \`environment:\` in this shell
  vaultonce read secret/app/db#password  print one value
${EXIT_CODES}`;

/** By the name of the command. */
const OF_COMMANDS: Readonly<Record<string, string>> = {
  render: `
Examples:
  vaultonce render                                  with ./vaultonce.yaml
  vaultonce render -c base.yaml -c prod.yaml        several files, merged
  generate-config | vaultonce render -c -           config from stdin
  vaultonce render --timeout 30s --report -         with a report on stdout
  vaultonce render --fixtures test.yaml             a preview, without a server
  vaultonce render --set vault.namespace=team-a     override one config key
Without a config file:
  vaultonce render --auth kubernetes --role web --out /vault/secrets/password=secret/web/db#password
  vaultonce render --auth approle --set auth.role_id=ID --set auth.secret_id_env=SECRET_ID --out …
${EXIT_CODES}`,
  watch: `
Examples:
  vaultonce watch                        with \`watch:\` of ./vaultonce.yaml, as a native sidecar
  vaultonce watch -- ./server            start a command, and restart it when its variables change
  vaultonce watch --probe                for an exec probe: exit 0 once everything was written
${EXIT_CODES}
  0 told to end; with COMMAND, its own status`,
  csi: `
Examples:
  vaultonce csi --endpoint /provider/vault.sock       in place of vault-csi-provider, with its classes
  vaultonce csi --endpoint /provider/vaultonce.sock --health :8080 --address https://vault.example.com:8200
${EXIT_CODES}
  0 told to end`,
  exec: `
Examples:
  vaultonce exec -- ./server --port 8080            with \`environment:\` of ./vaultonce.yaml
  vaultonce exec --env DB_PASSWORD=secret/app/db#password -- psql
  vaultonce exec --env-from secret/app/db -- ./server
  vaultonce exec --clear-env --keep-env HOME -- env
  vaultonce exec --auth jwt --role ci --set auth.jwt_env=CI_JWT --env TOKEN=secret/ci#token -- make
${EXIT_CODES}
  126, 127 COMMAND cannot be run, does not exist; otherwise its own status`,
  env: `
Examples:
  eval "$(vaultonce env)"                      sh, bash, zsh; its status is the run's, so that \`set -e\` works
  vaultonce env --format fish | source         fish
  vaultonce env --format powershell | Out-String | Invoke-Expression
  vaultonce env                                in a CI job: masks the values, then sets them for later steps
  vaultonce env --to output                    in GitHub Actions or Azure Pipelines: step outputs
  vaultonce env --out /dev/shm/job.env         a file to source: \`. /dev/shm/job.env\`
  vaultonce env --format env-file --out /dev/shm/docker.env      for \`docker run --env-file\`
  vaultonce env --env-from secret/ci/registry  all keys of a secret
  vaultonce env --env-lines 'secret/data/ci/registry username | USER; secret/data/ci/signing *'
  vaultonce env --format json --env TOKEN=secret/ci/registry#token
${EXIT_CODES}`,
  read: `
Examples:
  password=$(vaultonce read secret/app/db#password)
  vaultonce read secret/app/db#password@3 secret/app/db#/replicas/0/host --json
  vaultonce read secret/app/db#user secret/app/db#password       a line each
  vaultonce read secret/app/db --json | jq .        all keys of a secret
  vaultonce read secret/app/tls#key --out /dev/shm/tls.key
${EXIT_CODES}`,
  check: `
Examples:
  vaultonce check                       with ./vaultonce.yaml
  vaultonce check -c app.yaml --json    for machines
  vaultonce check --online              is everything allowed?
  vaultonce check --fixtures test.yaml  do all keys exist, do all templates render?
${EXIT_CODES}`,
  policy: `
Logs in only if the server must say which engine serves a path; with \`engine:\` on every secret it works offline.

Examples:
  vaultonce policy | bao policy write web -
  vaultonce policy --auth token | bao policy write web -    with your own token, before the role exists
${EXIT_CODES}`,
  manifest: `
Formats:
  patch      an init container and its volumes, for \`kubectl patch --patch-file\`
  objects    what that needs: ConfigMap, and for outputs with \`kubernetes_secret\` RBAC
  kustomize  a component of both, as kustomization.yaml
  full       both, a service account and a Deployment
  policy     injection into all pods that ask for it, with the server and login of this config

Examples:
  vaultonce manifest --name web --format full
  vaultonce manifest --name web --format objects | kubectl apply -f -
  vaultonce manifest --name web > patch.yaml && kubectl patch deployment web --patch-file patch.yaml
  vaultonce manifest --format policy --auth kubernetes --role any --address https://vault.example.com:8200
  vaultonce manifest --name web --format full --watch
  vaultonce manifest --name web --user 1000 --fixtures test.yaml
${EXIT_CODES}`,
  migrate: `
Writes vaultonce.yaml, a Mustache template for each template, and notes.md with what is different.

Examples:
  vaultonce migrate /etc/vault/agent.hcl --out vaultonce
  vaultonce migrate agent.hcl app.conf.ctmpl       with a template that the config names
  vaultonce migrate deployment.yaml --partial      annotations of the injector; what is left goes to notes.md
  kubectl get secretproviderclass web -o yaml | vaultonce migrate -
${EXIT_CODES}`,
  schema: `
Examples:
  vaultonce schema --out vaultonce.schema.json  for editors: # yaml-language-server: $schema=vaultonce.schema.json
  vaultonce schema --markdown | less`,
  version: `
Examples:
  vaultonce version                             for a bug report
  vaultonce version --json | jq -r .commit      for machines
  vaultonce --version                           the version alone`,
  completion: `
Examples:
  source <(vaultonce completion bash)        in ~/.bashrc; for zsh in ~/.zshrc after compinit
  vaultonce completion fish | source         in ~/.config/fish/config.fish`,
};

/** Puts examples and exit codes at the end of the help of the program and of its commands. */
export function addHelpTexts(program: Pick<Command, 'addHelpText' | 'commands'>): void {
  program.addHelpText('after', OF_PROGRAM);
  for (const command of program.commands) {
    const text = OF_COMMANDS[command.name()];
    if (text !== undefined) command.addHelpText('after', text);
  }
}

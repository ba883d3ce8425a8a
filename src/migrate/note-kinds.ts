/** What behaves differently here, each said once: what is found in a source, and what it is here. */
export const NOTES = {
  once: '`vaultonce render` runs once: leases, and their token, must outlast the application. `vaultonce watch` renews them and renders again.',
  'missing key':
    'A key that is missing fails the run (exit 6), and nothing is written. Go templates print `<no value>`, unless `error_on_missing_key` is set. A section `{{#db.key}}…{{/db.key}}` tests for a key. A key whose value is null renders as nothing; Go prints `<no value>` for it, too.',
  'missing secret': 'A secret that is missing fails the run at once (exit 6); it is not waited for.',
  mode: 'Files are written with mode 0644, as before: `output.mode` says so. "0400", the default of vaultonce, is safer where the application runs as the same user.',
  disk: 'Files outside tmpfs and ramfs are refused. Mount a memory volume at the directory of the outputs, or set `output.allow_disk: true`.',
  all: 'All files are written, or none: one that cannot be rendered keeps the others from changing.',
  command:
    'Commands that run after a change are left out: `vaultonce watch` runs them as `on_change`. A run of `render` ends before the application starts, and `vaultonce exec -- COMMAND` starts it.',
  exec: 'The command is started by `vaultonce exec -- COMMAND`, which becomes it. It is not restarted when a secret changes, and gets all signals itself.',
  token:
    'The token is written with its output and is not revoked. Only `vaultonce watch` renews it after that.',
  revoked: 'The token of a run is revoked at its end, unless a lease depends on it.',
  credential:
    'A credential that stood in the file is left out. The config reads it from a variable or a file: set `${NAME}` where the config names it, `VAULT_TOKEN` for a token.',
  'remove secret_id':
    'The file of the secret_id is removed after the login has succeeded; the agent removes it before.',
  'remove jwt': 'The file of the JWT stays; the agent removes it after reading, unless told not to.',
  retry:
    'Outages are retried until `timeout`, 60 s by default; limits and pauses between the tries are not taken over.',
  cache: 'Caching, listeners and the proxy for the API are left out: nothing keeps running.',
  logging:
    'Settings of logs and metrics are left out: the log goes to stderr, and `--report FILE` writes a report.',
  process: 'Settings of the process, such as its pid file and its signals, are left out.',
  watching: 'Settings of watching, such as waits between renders, are left out: a run renders once.',
  'template file':
    'Settings of the file such as `backup` and `create_dest_dirs` are left out: directories are created, and an old file stays unchanged when a run fails.',
  sandbox:
    'Limits on what a template may do (`sandbox_path`, `function_denylist`) are left out: a template reads no files but partials next to it.',
  env: 'Variables in templates are replaced in the config, before the template is read: such templates are inline (`contents:`). A variable whose text has `{{` is read as a tag, and a line with nothing but an empty one and sections disappears.',
  pkiCert:
    '`pkiCert` reads its certificate from the file that it has written, and asks for another only when it has expired. Here each run asks for a new one, unless the secret has `reuse: true` and `min_ttl`. Key and certificate come from one request in all templates.',
  toJSON:
    'In JSON, `<`, `>` and `&` stay as they are. A value that is no text, such as a number or a list, becomes a text in `{{#@json}}`: write `{{db.key}}` for its JSON.',
  toYAML:
    'Texts in YAML are written in double quotes: the same value, in other words. A value that is no text, such as a number or a list, becomes a text in `{{#@yaml}}`: write `{{db.key}}` for its JSON, which is YAML, too.',
  urlquery: 'A blank in a URL is written `%20` instead of `+`.',
  if: 'A section is left out if its value is missing, false, 0, empty or an empty list. On a list it renders once for each item; an empty object counts as a value.',
  range: '`range` over a key of a secret is taken to be over a list. An object has no entries here.',
  'list metadata':
    '`secrets` of `MOUNT/metadata` lists what is in the mount, by `path: MOUNT`. Write the whole path where `metadata` is a folder.',
  bom: 'A byte order mark at the start of a template is left out; Go writes it.',
  list: 'Lists and objects are printed as JSON, not in the notation of Go.',
  'whole data':
    '`.Data` as a whole is taken for all keys of the secret. Of KV version 2, Go prints `data` and `metadata` instead.',
  'else of secret': 'What stands after the `else` of a secret is left out: a missing secret fails the run.',
  destination:
    'Where a template that was passed by itself is written to is not known: its output has the name of the file. Set `path`.',
  sidecar:
    'The sidecar is left out: only the init container has a counterpart. An application that needs its secrets renewed while it runs keeps the injector.',
  container:
    'What the annotations say of the container (resources, user, image, order, containers that see the files) belongs into the manifest of the init container.',
  address: 'The address of the server is not in the file: set `vault.address`, or the variable `VAULT_ADDR`.',
  'tls secret':
    'The Secret with the CA must be mounted in the init container, at the directory that `vault.tls` names.',
  csi: 'The class is for a volume of the Secrets Store CSI driver; an init container writes the files into `output.directory`: set it to where the volume was mounted.',
  'class values':
    'A key whose value is null is an empty file, where the provider writes `null`; in JSON, `<`, `>` and `&` stay as they are.',
  'native class':
    '`vaultonce-class.yaml` is the same class for `vaultonce csi`: pods keep their volumes, and the driver its Secrets. Apply that in place of the old one, and leave out the other files; or leave out this one. CA and client certificate are those of the provider.',
  'several classes':
    'Several classes make one config, and no class for `vaultonce csi`: migrate each by itself to have one, from a file of its own.',
  audience:
    'The token of the service account needs the audience of the class: project it in the pod, and name its file as `auth.token_file`.',
  'synced secret':
    'Secrets of the cluster are written by a run with the pod’s service account, which needs the right to; nothing keeps them in step, or removes them with the pod.',
  consul: 'Settings of Consul and Nomad are left out: nothing is read from them.',
  pristine: 'The command gets the variables alone with `vaultonce exec --clear-env -- COMMAND`.',
  'exec env':
    'Variables that `exec` sets or keeps away (`custom`, `allowlist`, `denylist`) are left out: set or unset them where `vaultonce exec` is called. `--clear-env --keep-env NAME` passes on only those that are named.',
  'envconsul names':
    'Variables have the names that envconsul gives them, with the path in front unless `no_prefix` is set. Two secrets with one name are an error here.',
  'all keys':
    'Names of `PATH *` have `_` for each character that no variable may have in its name. The action writes `__` for a dot, and keeps or leaves out any other.',
  'env command':
    'The step becomes `vaultonce env`, or the action vaultonce/vaultonce with `config`: it masks the values and sets the variables of later steps.',
  'step outputs':
    'Outputs of the step are set by `vaultonce env --to output`; the step needs its `id`, and outputs have the names of the variables.',
  'ca certificate':
    'The CA is read from the variable `VAULT_CACERT_BYTES`: the PEM itself, decoded from base64.',
  expression:
    'Expressions of the workflow become variables of the same name: set them by `env:` of the step, `NAME: ${{ secrets.NAME }}`.',
  aggregate: 'An output without a template is all keys of the secret as `key: value`, one in each line.',
  'template credential':
    'A template holds what looks like a credential. It is copied as it is: move it into a secret.',
} as const;

export type NoteKind = keyof typeof NOTES;

import { FORMAT_NAMES } from '../formats/index.ts';
import { directoryFormats, optionMembers } from '../formats/options.ts';
import type { AuthConfig } from './config.ts';
import {
  either,
  enumeration,
  list,
  map,
  object,
  oneOrMore,
  optional,
  string,
  variants,
  type Field,
  type ObjectDefinition,
  type TypeOf,
} from '../shape/definition.ts';
import {
  boolean,
  duration,
  gid,
  integer,
  mode,
  namespace,
  rateLimit,
  reference,
  secretText,
  text,
  texts,
  uid,
} from '../shape/fields.ts';
import { kubernetesSecret } from './kubernetes-schema.ts';
import { outputProblems } from './output-rules.ts';
import { secrets } from './secret-schema.ts';

/** What a config file looks like. Every description ends up in the JSON Schema and the reference. */

const tls = object({
  ca_cert: optional(text, 'PEM file of the CA. It replaces the built-in CAs.'),
  ca_cert_bytes: optional(text, 'The CA itself as PEM; goes before `ca_cert` and `ca_path`.'),
  ca_path: optional(text, 'Directory of PEM files of CAs.'),
  client_cert: optional(text, 'PEM file of the client certificate.'),
  client_key: optional(text, 'PEM file of the key of the client certificate.'),
  client_key_password: optional(
    secretText,
    'Password of an encrypted `client_key`, here or in `auth`; better is a file.',
  ),
  client_key_password_file: optional(text, 'File that holds the password of an encrypted `client_key`.'),
  system_ca: optional(
    boolean,
    'Trust the CAs of the operating system instead of the built-in ones. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace both. Default: false.',
  ),
  server_name: optional(text, 'The name that the server’s certificate has to hold, and that is sent as SNI.'),
  skip_verify: optional(boolean, 'Do not verify certificates. Warned about at each run. Default: false.'),
});

const vault = object({
  address: optional(
    text,
    'Address of the server or of an agent, with `https://` or `http://`; or `unix:///path` for a socket.',
  ),
  namespace: optional(namespace, 'Namespace of login and secrets.'),
  tls: optional(tls, 'TLS towards the server.'),
  client_timeout: optional(duration, 'Limit of a single request. Default: 60s.'),
  max_retries: optional(
    integer(0, 1000),
    'How often a request is repeated after an outage. Default: as often as `timeout` allows.',
  ),
  rate_limit: optional(rateLimit, 'Requests per second, as `RATE` or `RATE:BURST`. Default: no limit.'),
  proxy_address: optional(text, 'Proxy; goes before `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.'),
});

const placement = {
  mode: optional(mode, 'Mode of the file, in quoted octal. Default: "0400".'),
  owner: optional(uid, 'Numeric user id of the file. Default: the user of the process.'),
  group: optional(gid, 'Numeric group id of the file. Default: the group of the process.'),
  directory_mode: optional(mode, 'Mode of directories that have to be created. Default: "0700".'),
  allow_disk: optional(boolean, 'Allow a path outside tmpfs and ramfs. Default: false.'),
};

const keys = object({
  include: optional(texts, 'Only these keys; `*` stands for any characters.'),
  exclude: optional(texts, 'Not these keys; `*` stands for any characters.'),
  rename: optional(map(string(), text), 'New names by key; `case` and `prefix` leave them alone.'),
  case: optional(enumeration(['upper', 'lower']), 'Letter case of the names.'),
  prefix: optional(text, 'Put in front of the names, as it stands.'),
});

const output = object(
  {
    path: optional(text, `File, relative to \`output.directory\`; for ${directoryFormats()} a directory.`),
    kubernetes_secret: optional(
      kubernetesSecret,
      'In place of `path`: the output is an entry of a Secret of the cluster, applied with the service account of the pod.',
    ),
    template: optional(text, 'Mustache file, relative to this config file.'),
    contents: optional(string(), 'Mustache template, inline.'),
    value: optional(
      reference,
      'A single value as it stands, by reference: `path#key`, `path#key@version`, `name#key`, or with a JSON pointer into objects and lists: `name#/a/0/b`.',
    ),
    token: optional(
      boolean,
      'The file is the token of this run, for an app that goes on talking to Vault; it is not revoked then. Default: false.',
    ),
    wrap_ttl: optional(duration, 'With `token`: hand it on in a wrapping token that lives so long.'),
    min_ttl: optional(
      duration,
      'With `token`: it has to live at least so long. It is renewed once if it would not; exit 10 if that is not enough.',
    ),
    format: optional(enumeration(FORMAT_NAMES), 'Format of an output without a template.'),
    secret: optional(
      either(text, list(text, { isFilled: true })),
      'Name of a declared secret, or several whose keys are merged before `keys` selects.',
    ),
    keys: optional(
      keys,
      'Which keys, and under which names: `include`, `exclude`, `rename`, `case`, `prefix`, in this order.',
    ),
    on_conflict: optional(
      enumeration(['error', 'first', 'last']),
      'When merged secrets have a key in common: the value of the one that is named first or last. Default: error.',
    ),
    ...optionMembers(),
    ...placement,
  },
  outputProblems,
);

const outputDefaults = object({
  directory: optional(text, 'Where relative paths of outputs start. Default: the working directory.'),
  prune: optional(
    boolean,
    'After success, remove what earlier runs with `prune` have written below `directory` and this one does not declare. Needs `directory`. Default: false.',
  ),
  swap: optional(
    boolean,
    'Publish all outputs below `directory` at once by one symbolic link, `..data`, as Kubernetes does. Needs `directory`; leaves nothing to `prune`. Default: false.',
  ),
  ...placement,
});

const variableName = string({
  pattern: { is: /^[A-Za-z_][A-Za-z0-9_]*$/, problem: 'is not the name of a variable' },
});

/**
 * A config file.
 * @param methods of `auth`: those that it names, or all
 */
export function configFields(methods: Readonly<Record<string, ObjectDefinition>>) {
  const auth = oneOrMore(variants('method', methods) as Field<AuthConfig>);
  return object({
    vault: optional(vault, 'The server.'),
    auth: optional(
      auth,
      'How to log in. A list is tried in order: the first method whose credentials are there is taken, whatever the server then says. Default: `method: token`.',
    ),
    secrets: optional(
      secrets,
      'The secrets by name. The short form is a path. All are fetched, whether an output uses them or not.',
    ),
    outputs: optional(list(output), 'The files to write.'),
    environment: optional(
      map(variableName, reference),
      'Variables and what they hold, as `path#key`, `path#key@version` or `name#key`, or with a JSON pointer as `name#/a/b`; for `exec` and `env`.',
    ),
    output: optional(outputDefaults, 'What all outputs have in common, unless they say otherwise.'),
    timeout: optional(duration, 'Limit of the whole run. Default: 60s.'),
    startup_jitter: optional(
      duration,
      'Wait a random time up to this before the login, so that many that start together do not log in together. Default: not at all.',
    ),
    concurrency: optional(integer(1, 256), 'Requests under way at once. Default: 16, over HTTP/2 100.'),
    revoke: optional(
      enumeration(['auto', 'always', 'never']),
      'Whether the token is revoked at the end. `auto`: if this run minted it, it is not a batch token, and no lease depends on it. Default: auto.',
    ),
  });
}

export type ConfigFile = TypeOf<ReturnType<typeof configFields>>;
export type OutputFile = TypeOf<typeof output>;

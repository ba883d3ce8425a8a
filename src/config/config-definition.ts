import { formatMeanings } from '../formats/index.ts';
import { directoryFormats, optionMembers } from '../formats/options.ts';
import {
  either,
  enumeration,
  list,
  map,
  object,
  oneOrMore,
  optional,
  required,
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
  source,
  text,
  texts,
  uid,
  timeLimit,
  wait,
} from '../shape/fields.ts';
import type { AuthConfig } from './config.ts';
import { VARIABLE_COMBINATIONS } from './variable-rules.ts';
import { kubernetesSecret } from './kubernetes-schema.ts';
import { OUTPUT_COMBINATIONS, outputProblems } from './output-rules.ts';
import { secrets } from './secret-schema.ts';
import { onChange, watch } from './watch-schema.ts';

/** What a config file looks like. Every description ends up in the JSON Schema and the reference. */

const tls = object({
  ca_cert: optional(
    text,
    'PEM file of the CA, of an issuing CA below it, or of the server’s certificate itself. It replaces the built-in CAs.',
  ),
  ca_cert_bytes: optional(text, 'The CA itself as PEM; overrides `ca_cert` and `ca_path`.'),
  ca_path: optional(text, 'Directory of PEM files of CAs.'),
  client_cert: optional(text, 'PEM file of the client certificate.'),
  client_key: optional(text, 'PEM file of the key of the client certificate.'),
  client_key_password: optional(
    secretText,
    'Password of an encrypted `client_key`, here or in `auth`; better is a file.',
  ),
  client_key_password_file: optional(
    text,
    'File that holds the password of an encrypted `client_key`. Only a line break at its end is left out; blanks are a part of it.',
  ),
  system_ca: optional(
    boolean,
    'Trust the CAs of the operating system instead of the built-in ones. `SSL_CERT_FILE`, or else the directory `SSL_CERT_DIR`, replaces both, `NODE_EXTRA_CA_CERTS` adds to each. Default: false.',
  ),
  server_name: optional(text, 'The name that the server’s certificate must have, also sent as SNI.'),
  skip_verify: optional(boolean, 'Do not verify certificates; each run warns about it. Default: false.'),
});

const vault = object({
  address: optional(
    text,
    'Address of the server or of an agent, with `https://` or `http://`; or `unix:///path` for a socket.',
  ),
  namespace: optional(namespace, 'Namespace of login and secrets.'),
  tls: optional(tls, 'TLS of the connection to the server.'),
  client_timeout: optional(
    timeLimit,
    'Limit of a single request; one that may be repeated is then tried again. Default: half of `timeout`, for what mints credentials all of it.',
  ),
  max_retries: optional(
    integer(0, 1000),
    'Retries of a request after an outage. Default: as many as `timeout` allows.',
  ),
  rate_limit: optional(
    rateLimit,
    'Requests per second, as `RATE` or `RATE:BURST`. After a signal or the timeout, tokens and leases are given back without waiting for it. Default: no limit.',
  ),
  proxy_address: optional(
    text,
    'Proxy, as `http://` or `https://` or `host:port`; overrides `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, which are read as by Go. `tls` must trust one of `https://`.',
  ),
});

const placement = {
  mode: optional(mode, 'Mode of the file. Default: "0400".'),
  owner: optional(uid, 'Owner of the file. Default: the user of the process.'),
  group: optional(gid, 'Group of the file. Default: the group of the process.'),
  directory_mode: optional(
    mode,
    'Mode of directories that are created. Default: 0700, with read and search for whom `mode` lets read: 0750 for "0440", 0755 for "0444". A directory gets the modes of all outputs below it.',
  ),
  allow_disk: optional(boolean, 'Allow a path outside tmpfs and ramfs. Default: false.'),
};

const keys = object({
  include: optional(texts, 'Only these keys; `*` stands for any characters.'),
  // The empty text is a key that a secret may have.
  exclude: optional(list(string()), 'Not these keys; `*` stands for any characters.'),
  rename: optional(map(string(), text), 'New names by key; what follows leaves them alone.'),
  sanitize: optional(
    boolean,
    'Turn every character that no variable may have in its name into `_`. Two keys with one name are an error. Default: false.',
  ),
  case: optional(enumeration({ upper: '`DB_USER`.', lower: '`db_user`.' }), 'Letter case of the names.'),
  prefix: optional(text, 'Prepended to the names, unchanged.'),
});

const output = object(
  {
    path: optional(text, `File, relative to \`output.directory\`; for ${directoryFormats()} a directory.`),
    kubernetes_secret: optional(
      kubernetesSecret,
      'Instead of `path`: an entry of a Kubernetes Secret, applied with the service account of the pod.',
    ),
    template: optional(text, 'Mustache file, relative to this config file.'),
    contents: optional(string(), 'Mustache template, inline.'),
    value: optional(
      reference,
      'A single value, verbatim: `path#key`, `path#key@version`, `name#key`; any key in quotes, `name#"a.b"`; a JSON pointer, `name#/a/0/b`.',
    ),
    token: optional(
      boolean,
      'Write the token of this run, for an app that keeps using Vault; it is then not revoked. Default: false.',
    ),
    wrap_ttl: optional(duration, 'With `token`: write a wrapping token with this TTL instead.'),
    min_ttl: optional(
      duration,
      'With `token`: its shortest TTL. A token that would end sooner is renewed once; exit 10 if that is not enough.',
    ),
    format: optional(enumeration(formatMeanings()), 'Format of an output without a template.'),
    secret: optional(
      either(text, list(text, { isFilled: true })),
      'Name of a declared secret, or several whose keys are merged before `keys` selects.',
    ),
    keys: optional(
      keys,
      'Which keys, under which names; applied in the order `include`, `exclude`, `rename`, `sanitize`, `case`, `prefix`.',
    ),
    on_conflict: optional(
      enumeration({
        error: 'The run fails.',
        first: 'That of the first secret is used.',
        last: 'That of the last secret is used.',
      }),
      'If merged secrets share a key: use the value of the first or the last one named. Default: error.',
    ),
    on_change: optional(
      onChange,
      'With `watch`: whom to tell that it has changed. Default: `watch.on_change`.',
    ),
    ...optionMembers(),
    ...placement,
  },
  OUTPUT_COMBINATIONS,
  outputProblems,
);

const outputDefaults = object({
  directory: optional(text, 'Where relative paths of outputs start. Default: the working directory.'),
  prune: optional(
    boolean,
    'After success, remove files that earlier runs with `prune` wrote below `directory` and that are no longer declared. Needs `directory`. Default: false.',
  ),
  swap: optional(
    boolean,
    'Publish all outputs below `directory` at once by one symbolic link, `..data`, as Kubernetes does. Needs `directory`; leaves nothing to `prune`. Default: false.',
  ),
  ...placement,
});

const variableName = string({
  pattern: { is: /^(?:[A-Za-z_][A-Za-z0-9_]*|\*)$/, problem: 'is not the name of a variable' },
});

const variableMembers = {
  value: optional(source, 'A single value, or for `*` a secret, or a value that is an object.'),
  template: optional(string(), 'Mustache template, inline, whose text is the value.'),
  token: optional(boolean, 'The token of this run, which is then not revoked. Default: false.'),
  wrap_ttl: optional(duration, 'With `token`: pass on a wrapping token with this TTL instead.'),
  min_ttl: optional(duration, 'With `token`: its shortest TTL, as in an output.'),
  keys: optional(keys, 'For `*`: which keys, under which names, as in an output.'),
  mask: optional(
    boolean,
    'Whether CI systems and `exec --redact` hide the value. Default: true, but for values that are shorter than 4 characters, or `true`, `false` or `null`.',
  ),
};

const variable = object(variableMembers, VARIABLE_COMBINATIONS);

/** What may stand under `*`, and under other names: `resolve-variables.ts` says more about what else does. */
function variablesByName() {
  const { keys, value, ...ofOne } = variableMembers;
  const all = object({ ...ofOne, keys, value: required(source, value.description) }, VARIABLE_COMBINATIONS);
  const one = object({ ...ofOne, value: optional(reference, value.description) }, VARIABLE_COMBINATIONS);
  return { named: { '*': oneOrMore(either(source, all)) }, others: either(reference, one) };
}

const variables = map(variableName, oneOrMore(either(source, variable)), variablesByName);

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
      'How to log in. Of a list, the first method whose credentials are present is used, even if the server then refuses it. Default: `method: token`.',
    ),
    secrets: optional(
      secrets,
      'The secrets by name; the short form is a path. All are fetched, used by an output or not; `env`, `read`, and `exec` without outputs fetch what they need.',
    ),
    outputs: optional(list(output), 'The files to write.'),
    environment: optional(
      variables,
      'Variables for `exec` and `env`: `path#key`, `path#key@version`, `name#key`, or with a JSON pointer `name#/a/b`. `*` stands for all keys of a secret: its path or its name, or a list of them; what is named besides overrides them.',
    ),
    output: optional(outputDefaults, 'Defaults for all outputs.'),
    watch: optional(watch, 'How `watch` keeps secrets good; other commands ignore it.'),
    timeout: optional(
      timeLimit,
      'Limit of the whole run; of `watch`, that of its first one, and of each later piece of work. Default: 60s.',
    ),
    startup_jitter: optional(
      wait,
      'Wait a random time up to this before the login, to spread runs that start together. Default: 0, no wait.',
    ),
    concurrency: optional(integer(1, 256), 'Requests under way at once. Default: 16, over HTTP/2 200.'),
    revoke: optional(
      enumeration({
        auto: 'If this run minted it, it is not a batch token and no lease depends on it.',
        always: 'Always, even one that was given.',
        never: 'Never; it ends with its TTL.',
      }),
      'Whether the token is revoked at the end. `auto`: if this run minted it, it is not a batch token and no lease depends on it. Default: auto.',
    ),
  });
}

export type ConfigFile = TypeOf<ReturnType<typeof configFields>>;
export type OutputFile = TypeOf<typeof output>;
export type VariableFile = TypeOf<typeof variable>;

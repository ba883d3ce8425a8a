import * as z from 'zod/mini';
import { AUTH_METHODS } from '../auth/index.ts';
import { PARTS } from '../formats/certificate-parts.ts';
import { FORMATS } from '../formats/index.ts';
import {
  boolean,
  described,
  duration,
  integer,
  mode,
  namespace,
  numericId,
  optional,
  rateLimit,
  secretText,
  text,
} from './fields.ts';
import { kubernetesSecret } from './kubernetes-schema.ts';
import { outputProblems } from './output-rules.ts';
import { parseRef, REF_HINT } from './ref.ts';
import { secrets } from './secret-schema.ts';

// Each object is parsed once: compiling a parser for it costs more than it saves.
z.config({ jitless: true });

/** The shape of a config file. Every description ends up in the JSON Schema and the reference. */

const tls = z.lazy(() =>
  described(
    z.strictObject({
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
      server_name: optional(
        text,
        'The name that the server’s certificate has to hold, and that is sent as SNI.',
      ),
      skip_verify: optional(boolean, 'Do not verify certificates. Warned about at each run. Default: false.'),
    }),
    'TLS towards the server.',
  ),
);

const vault = z.lazy(() =>
  described(
    z.strictObject({
      address: optional(
        text,
        'Address of the server or of an agent, with `https://` or `http://`; or `unix:///path` for a socket.',
      ),
      namespace: optional(namespace, 'Namespace of login and secrets.'),
      tls: z.optional(tls),
      client_timeout: optional(duration, 'Limit of a single request. Default: 60s.'),
      max_retries: optional(
        integer(0, 1000),
        'How often a request is repeated after an outage. Default: as often as `timeout` allows.',
      ),
      rate_limit: optional(rateLimit, 'Requests per second, as `RATE` or `RATE:BURST`. Default: no limit.'),
      proxy_address: optional(text, 'Proxy; goes before `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.'),
    }),
    'The server.',
  ),
);

type AuthSchema = ReturnType<(typeof AUTH_METHODS)[keyof typeof AUTH_METHODS]['schema']>;

const AUTH_DESCRIPTION =
  'How to log in. A list is tried in order: the first method whose credentials are there is taken, whatever the server then says. Default: `method: token`.';

/** @param auth what the config at hand has; undefined: anything, for the reference */
function authSchema(auth: unknown) {
  const method = methodSchema([auth].flat());
  const list = z.array(method).check(z.minLength(1));
  if (auth === undefined) return described(z.union([method, list]), AUTH_DESCRIPTION);
  // A union of both would blur what is wrong inside of either.
  return Array.isArray(auth) ? list : method;
}

/** Only the schemas of the methods that are named are built; all of them for a name that is none, and for the reference. */
function methodSchema(named: readonly unknown[]) {
  const names = named.map((auth) =>
    typeof auth === 'object' && auth !== null && 'method' in auth ? auth.method : undefined,
  );
  const methods = Object.entries(AUTH_METHODS);
  const wanted = names.every((name) => methods.some(([known]) => known === name))
    ? methods.filter(([name]) => names.includes(name))
    : methods;
  const schemas = wanted.map(([, { schema }]) => schema());
  return z.discriminatedUnion('method', schemas as unknown as [AuthSchema, ...AuthSchema[]]);
}

const formatNames = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

const placement = {
  mode: optional(mode, 'Mode of the file, in quoted octal. Default: "0400".'),
  owner: optional(numericId, 'Numeric user id of the file. Default: the user of the process.'),
  group: optional(numericId, 'Numeric group id of the file. Default: the group of the process.'),
  directory_mode: optional(mode, 'Mode of directories that have to be created. Default: "0700".'),
  allow_disk: optional(boolean, 'Allow a path outside tmpfs and ramfs. Default: false.'),
};

const keys = z.lazy(() =>
  described(
    z.strictObject({
      include: optional(z.array(text), 'Only these keys; `*` stands for any characters.'),
      exclude: optional(z.array(text), 'Not these keys; `*` stands for any characters.'),
      rename: optional(z.record(z.string(), text), 'New names by key; `case` and `prefix` leave them alone.'),
      case: optional(z.enum(['upper', 'lower']), 'Letter case of the names.'),
      prefix: optional(text, 'Put in front of the names, as it stands.'),
    }),
    'Which keys, and under which names: `include`, `exclude`, `rename`, `case`, `prefix`, in this order.',
  ),
);

const parts = z.lazy(() =>
  described(
    z.array(z.enum(PARTS)).check(z.minLength(1)),
    'For `pem` and `pkcs12`: what is written, in this order. `chain` is what signed the certificate, without `root`. Default: all that there is.',
  ),
);

const reference = () =>
  z.pipe(
    z.string(),
    z.transform((value, context) => {
      const ref = parseRef(value);
      if (ref !== undefined) return ref;
      context.issues.push({
        code: 'custom',
        message: 'is not a reference',
        params: { hint: REF_HINT },
        input: undefined,
      });
      return z.NEVER;
    }),
  );

const output = z
  .strictObject({
    path: optional(text, 'File, relative to `output.directory`; for `files` a directory.'),
    kubernetes_secret: z.optional(kubernetesSecret),
    template: optional(text, 'Mustache file, relative to this config file.'),
    contents: optional(z.string(), 'Mustache template, inline.'),
    value: optional(
      z.lazy(reference),
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
    format: optional(z.enum(formatNames), 'Format of an output without a template.'),
    secret: optional(
      z.union([text, z.array(text).check(z.minLength(1))]),
      'Name of a declared secret, or several whose keys are merged before `keys` selects.',
    ),
    key: optional(text, 'The key whose value is the file; means `format: raw`.'),
    decode: optional(z.enum(['base64', 'hex']), 'For `value`, `raw` and `files`: the values are encoded so.'),
    keys: z.optional(keys),
    on_conflict: optional(
      z.enum(['error', 'first', 'last']),
      'When merged secrets have a key in common: the value of the one that is named first or last. Default: error.',
    ),
    parts: z.optional(parts),
    password: optional(
      secretText,
      'For `pkcs12`: the password of the file; better is a file or a value of a secret.',
    ),
    password_file: optional(text, 'File that holds the password.'),
    password_value: optional(
      z.lazy(reference),
      'The password is this value, by reference: `path#key`, `name#key`.',
    ),
    friendly_name: optional(
      text,
      'For `pkcs12`: the name of the entry, which Java calls its alias. Default: none.',
    ),
    ...placement,
  })
  .check((context) => {
    for (const message of outputProblems(context.value)) {
      context.issues.push({ code: 'custom', message, input: undefined });
    }
  });

const outputDefaults = z.lazy(() =>
  described(
    z.strictObject({
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
    }),
    'What all outputs have in common, unless they say otherwise.',
  ),
);

/**
 * The schema of a config file. What a config does not use is not built: that is most of it, and building takes longer
 * than checking.
 * @param auth what the config at hand has as `auth`
 */
export function configSchema(auth: unknown) {
  return z.strictObject({
    vault: z.optional(vault),
    auth: z.optional(z.lazy(() => authSchema(auth))),
    secrets,
    outputs: optional(z.array(output), 'The files to write.'),
    environment: optional(
      z.lazy(() =>
        z.record(
          z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not the name of a variable')),
          reference(),
        ),
      ),
      'Variables and what they hold, as `path#key`, `path#key@version` or `name#key`, or with a JSON pointer as `name#/a/b`; for `exec` and `env`.',
    ),
    output: z.optional(outputDefaults),
    timeout: optional(duration, 'Limit of the whole run. Default: 60s.'),
    startup_jitter: optional(
      duration,
      'Wait a random time up to this before the login, so that many that start together do not log in together. Default: not at all.',
    ),
    concurrency: optional(integer(1, 256), 'Requests under way at once. Default: 16, over HTTP/2 100.'),
    revoke: optional(
      z.enum(['auto', 'always', 'never']),
      'Whether the token is revoked at the end. `auto`: if this run minted it, it is not a batch token, and no lease depends on it. Default: auto.',
    ),
  });
}

export type ConfigFile = z.output<ReturnType<typeof configSchema>>;
export type OutputFile = z.output<typeof output>;

import * as z from 'zod';
import { AUTH_METHODS } from '../auth/index.ts';
import { ENGINES } from '../engines/index.ts';
import { FORMATS } from '../formats/index.ts';
import {
  boolean,
  duration,
  integer,
  mode,
  mountPath,
  namespace,
  numericId,
  rateLimit,
  secretData,
  secretPath,
  text,
} from './fields.ts';
import { outputProblems } from './output-rules.ts';
import { parseRef } from './ref.ts';

// Each object is parsed once: compiling a parser for it costs more than it saves.
z.config({ jitless: true });

/** The shape of a config file. Every description ends up in the JSON Schema and the reference. */

const tls = z.lazy(() =>
  z
    .strictObject({
      ca_cert: text.optional().describe('PEM file of the CA. It replaces the built-in CAs.'),
      ca_cert_bytes: text.optional().describe('The CA itself as PEM; goes before `ca_cert` and `ca_path`.'),
      ca_path: text.optional().describe('Directory of PEM files of CAs.'),
      client_cert: text.optional().describe('PEM file of the client certificate.'),
      client_key: text.optional().describe('PEM file of the key of the client certificate.'),
      server_name: text
        .optional()
        .describe('The name that the server’s certificate has to hold, and that is sent as SNI.'),
      skip_verify: boolean
        .optional()
        .describe('Do not verify certificates. Warned about at each run. Default: false.'),
    })
    .describe('TLS towards the server.'),
);

const vault = z.lazy(() =>
  z
    .strictObject({
      address: text.optional().describe('Address of the server, with `https://` or `http://`.'),
      namespace: namespace.optional().describe('Namespace of login and secrets.'),
      tls: tls.optional(),
      client_timeout: duration.optional().describe('Limit of a single request. Default: 60s.'),
      max_retries: integer(0, 1000)
        .optional()
        .describe('How often a request is repeated after an outage. Default: as often as `timeout` allows.'),
      rate_limit: rateLimit
        .optional()
        .describe('Requests per second, as `RATE` or `RATE:BURST`. Default: no limit.'),
      proxy_address: text
        .optional()
        .describe('Proxy; goes before `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.'),
    })
    .describe('The server.'),
);

type AuthSchema = ReturnType<(typeof AUTH_METHODS)[keyof typeof AUTH_METHODS]['schema']>;

/** Only the schema of the method that is named is built; all of them for a name that is none, and for the reference. */
function authSchema(method: unknown) {
  const methods = Object.entries(AUTH_METHODS);
  const named = methods.filter(([name]) => name === method);
  const schemas = (named.length > 0 ? named : methods).map(([, { schema }]) => schema());
  return z
    .discriminatedUnion('method', schemas as unknown as [AuthSchema, ...AuthSchema[]])
    .describe('How to log in. Default: `method: token`.');
}

const engineNames = Object.keys(ENGINES) as (keyof typeof ENGINES)[];
const formatNames = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

const secret = z
  .strictObject({
    path: secretPath.describe('Path, as `secret/app/db`; for KV version 2 with or without `data/`.'),
    version: integer(1, 2 ** 31)
      .optional()
      .describe('Version of a KV version 2 secret. Default: the latest.'),
    engine: z
      .enum(engineNames)
      .optional()
      .describe('How the path is read. Default: what the server says of its mount, in one look-up per run.'),
    mount: mountPath.optional().describe('With `engine: kv2`: the mount, when it has more than one segment.'),
    write: secretData
      .optional()
      .describe('Data to send: makes the request a write, as pki and transit need it.'),
    namespace: namespace.optional().describe('Namespace, where it differs from `vault.namespace`.'),
    optional: boolean
      .optional()
      .describe('A missing secret is no failure; it has no keys then. Default: false.'),
    default: secretData
      .optional()
      .describe('Values for keys that are missing, or for all when the secret is.'),
  })
  .refine(
    (value) => value.version === undefined || value.write === undefined,
    '`version` and `write` exclude each other',
  )
  .refine(
    (value) => value.version === undefined || value.engine === undefined || value.engine === 'kv2',
    '`version` is for `engine: kv2` only',
  )
  .refine(
    (value) => value.mount === undefined || value.engine === 'kv2',
    '`mount` is for `engine: kv2` only',
  );

const placement = {
  mode: mode.optional().describe('Mode of the file, in quoted octal. Default: "0400".'),
  owner: numericId.optional().describe('Numeric user id of the file. Default: the user of the process.'),
  group: numericId.optional().describe('Numeric group id of the file. Default: the group of the process.'),
  directory_mode: mode.optional().describe('Mode of directories that have to be created. Default: "0700".'),
  allow_disk: boolean.optional().describe('Allow a path outside tmpfs and ramfs. Default: false.'),
};

const keys = z.lazy(() =>
  z
    .strictObject({
      include: z.array(text).optional().describe('Only these keys; `*` stands for any characters.'),
      exclude: z.array(text).optional().describe('Not these keys; `*` stands for any characters.'),
      rename: z
        .record(z.string(), text)
        .optional()
        .describe('New names by key; `case` and `prefix` leave them alone.'),
      case: z.enum(['upper', 'lower']).optional().describe('Letter case of the names.'),
      prefix: text.optional().describe('Put in front of the names, as it stands.'),
    })
    .describe(
      'Which keys, and under which names: `include`, `exclude`, `rename`, `case`, `prefix`, in this order.',
    ),
);

const output = z
  .strictObject({
    path: text.describe('File, relative to `output.directory`; for `files` a directory.'),
    template: text.optional().describe('Mustache file, relative to this config file.'),
    contents: z.string().optional().describe('Mustache template, inline.'),
    format: z.enum(formatNames).optional().describe('Format of an output without a template.'),
    secret: z
      .union([text, z.array(text).min(1)])
      .optional()
      .describe('Name of a declared secret, or several to merge.'),
    key: text.optional().describe('The key whose value is the file; means `format: raw`.'),
    decode: z
      .enum(['base64', 'hex'])
      .optional()
      .describe('For `raw` and `files`: the values are encoded so.'),
    keys: keys.optional(),
    on_conflict: z
      .enum(['error', 'first', 'last'])
      .optional()
      .describe('When merged secrets have a key in common. Default: error.'),
    ...placement,
  })
  .check((context) => {
    for (const message of outputProblems(context.value)) {
      context.issues.push({ code: 'custom', message, input: undefined });
    }
  });

const outputDefaults = z.lazy(() =>
  z
    .strictObject({
      directory: text
        .optional()
        .describe('Where relative paths of outputs start. Default: the working directory.'),
      ...placement,
    })
    .describe('What all outputs have in common, unless they say otherwise.'),
);

const reference = () =>
  z.string().transform((value, context) => {
    const ref = parseRef(value);
    if (ref !== undefined) return ref;
    context.issues.push({
      code: 'custom',
      message: 'is not a reference',
      params: { hint: 'write `path#key`, `path#key@version` or `name#key`' },
      input: undefined,
    });
    return z.NEVER;
  });

/**
 * The schema of a config file. What a config does not use is not built: that is most of it, and building takes longer
 * than checking.
 * @param method what the config at hand has as `auth.method`
 */
export function configSchema(method: unknown) {
  return z.strictObject({
    vault: vault.optional(),
    auth: z.lazy(() => authSchema(method)).optional(),
    secrets: z
      .record(
        z
          .string()
          .regex(
            /^[A-Za-z_][A-Za-z0-9_-]*$/,
            'a name starts with a letter and has letters, digits, `_` and `-` only',
          ),
        z.union([secretPath.transform((path) => ({ path })), secret]),
      )
      .optional()
      .describe(
        'The secrets by name. The short form is a path. All are fetched, whether an output uses them or not.',
      ),
    outputs: z.array(output).optional().describe('The files to write.'),
    environment: z
      .lazy(() =>
        z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'is not the name of a variable'), reference()),
      )
      .optional()
      .describe(
        'Variables and what they hold, as `path#key`, `path#key@version` or `name#key`; `render` only validates them.',
      ),
    output: outputDefaults.optional(),
    timeout: duration.optional().describe('Limit of the whole run. Default: 60s.'),
    concurrency: integer(1, 256).optional().describe('Requests under way at once. Default: 16.'),
    revoke: z
      .enum(['auto', 'always', 'never'])
      .optional()
      .describe(
        'Whether the token is revoked at the end. `auto`: if this run minted it, it is not a batch token, and no lease depends on it. Default: auto.',
      ),
  });
}

export type ConfigFile = z.output<ReturnType<typeof configSchema>>;
export type OutputFile = z.output<typeof output>;

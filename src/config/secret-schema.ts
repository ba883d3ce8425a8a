import { engineMeanings } from '../engines/index.ts';
import {
  either,
  enumeration,
  map,
  object,
  optional,
  parsed,
  required,
  string,
  type TypeOf,
} from '../shape/definition.ts';
import {
  boolean,
  duration,
  integer,
  mountPath,
  namespace,
  percentage,
  secretData,
  secretPath,
  texts,
} from '../shape/fields.ts';
import { SECRET_COMBINATIONS, secretProblems } from './secret-rules.ts';

/** Of names and trees. */
const listingFields = {
  list: optional(
    boolean,
    'Only the names below the path, as the list `keys`; folders end with `/`. Default: false.',
  ),
  recursive: optional(
    boolean,
    'All secrets below the path; their keys are named `folder/secret/key`. Default: false.',
  ),
  include: optional(
    texts,
    'With `list` or `recursive`: only these, by their path below `path`; `*` stands for any characters.',
  ),
  exclude: optional(
    texts,
    'With `list` or `recursive`: not these; `*` stands for any characters. A folder named with its `/` is not listed.',
  ),
  max_secrets: optional(
    integer(1, 100_000),
    'With `recursive`: fail before reading if there are more secrets or folders. Default: 1000.',
  ),
};

const secret = object(
  {
    path: required(
      secretPath,
      'Path, as `secret/app/db`; for KV version 2 with or without `data/`. `%23`, `%3F`, `%40` and `%25` are `#`, `?`, `@` and `%`.',
    ),
    version: optional(integer(1, 2 ** 31), 'Version of a KV version 2 secret. Default: the latest.'),
    engine: optional(
      enumeration(engineMeanings()),
      'How the path is read. Default: by the type of its mount, which is looked up once per run.',
    ),
    mount: optional(mountPath, 'With `engine: kv2`: the mount, when it has more than one segment.'),
    write: optional(secretData, 'Data to send, which makes the request a write, as for pki and transit.'),
    namespace: optional(namespace, 'Namespace, where it differs from `vault.namespace`.'),
    optional: optional(boolean, 'A missing secret is not a failure; it then has no keys. Default: false.'),
    default: optional(secretData, 'Values for missing keys, or for all keys if the secret is missing.'),
    parse: optional(
      enumeration({ json: 'Values that are the text of a JSON object or list.' }),
      '`json`: values that are the text of a JSON object or list have what is in it as keys and items, for templates, JSON pointers, and formats that nest. Their own text stays as it is.',
    ),
    min_ttl: optional(
      duration,
      'Fail if it ends sooner: its lease (or the token that the lease hangs on), its certificate, its wrapping token, or what an engine other than KV calls `expiration` or `ttl`. One without an end that can be seen fails, too.',
    ),
    reuse: optional(
      boolean,
      'Keep what an earlier run wrote of it, without a request, as long as it outlives `min_ttl` and is no older than `max_age`. Needs one of them, and `output.directory`. Default: false.',
    ),
    max_age: optional(
      duration,
      'With `reuse`: for how long after it was read. What has no end, as KV, needs it: whether a newer version exists is not asked before the login, so a change may be seen this much later.',
    ),
    refresh: optional(
      duration,
      'With `watch`: how often to read it again. Default: `watch.refresh` for what has no end; what a write has made is replaced by its end only.',
    ),
    rotate_at: optional(
      percentage,
      'With `watch`: when to replace it, as a part of its life. Default: `watch.rotate_at`.',
    ),
    wrap_ttl: optional(
      duration,
      'Let the server wrap the response for this long; the keys are then those of the wrapping token: `token`, `accessor`, `ttl`, `creation_path`, `creation_time`.',
    ),
    ...listingFields,
  },
  SECRET_COMBINATIONS,
  secretProblems,
);

const shortForm = parsed(secretPath, (path) => ({ value: { path } }));

const secretName = string({
  pattern: {
    is: /^[A-Za-z_][A-Za-z0-9_-]*$/,
    problem: 'a name starts with a letter and has letters, digits, `_` and `-` only',
  },
});

/** `secrets:` of a config. */
export const secrets = map(secretName, either(shortForm, secret));

export type SecretFile = TypeOf<typeof secret>;

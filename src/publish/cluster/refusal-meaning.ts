/** What the API said when it refused a Secret. All texts are presentable. */
export interface ApiStatus {
  readonly status: number;
  readonly message: string;
  readonly causes: readonly StatusCause[];
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export interface StatusCause {
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

export interface RefusalMeaning {
  /** Why it cannot be applied. */
  readonly reason: string;
  readonly hint: string;
  /** Whether the API's own words can be shown: in most of 400 it quotes pieces of what it could not parse. */
  readonly showsWords: boolean;
}

interface Rule {
  readonly status?: number;
  readonly words?: RegExp;
  /** Of one cause. */
  readonly field?: RegExp;
  readonly reason: string;
  readonly hint: string;
}

const REJECTED = 'the cluster rejects it';
const FORBIDDEN = 'the cluster does not allow it';
const ROLE_HINT =
  'a Role must allow the verbs create and patch on secrets, and a RoleBinding must bind it to the service account (examples/kubernetes/README.md, Secrets of Kubernetes)';

/** The first that fits. One status has many causes, so the words come first. */
const RULES: readonly Rule[] = [
  {
    words: /admission webhook "[^"]*" denied the request/,
    reason: 'an admission webhook denied it',
    hint: 'change what the webhook objects to, or ask whoever runs it',
  },
  {
    words: /AdmissionPolicy '[^']*'.* denied request/,
    reason: 'an admission policy denied it',
    hint: 'change what the policy objects to, or ask whoever maintains it',
  },
  {
    status: 403,
    words: /\b(?:exceeded|failed) quota\b/,
    reason: 'a quota of the namespace is exhausted',
    hint: 'raise the ResourceQuota, or delete Secrets that nothing uses',
  },
  {
    status: 403,
    words: /because it is being terminated|^NamespaceTerminating$/,
    reason: 'its namespace is being deleted',
    hint: 'correct `namespace`, or create the namespace again once it is gone',
  },
  {
    status: 401,
    reason: 'the cluster does not accept the token of the service account',
    hint: 'mount the default token of the API: one with an audience of its own, as for Vault, is not accepted there; name its directory in service_account',
  },
  { status: 403, words: /cannot \w+ resource|^$/, reason: FORBIDDEN, hint: ROLE_HINT },
  {
    status: 403,
    reason: FORBIDDEN,
    hint: 'an admission plug-in of the cluster forbids it: change what it names',
  },
  {
    status: 404,
    reason: 'the cluster does not know the namespace',
    hint: 'create the namespace, or correct `namespace`',
  },
  {
    status: 409,
    words: /^FieldManagerConflict$|conflict with "|^$/,
    reason: 'the cluster reports that another field manager owns entries, labels or the type of it',
    hint: 'choose another name for the Secret, or take them over once with `force: true`',
  },
  { status: 409, reason: 'another client is changing it, or deleting it', hint: 'run it again' },
  {
    status: 413,
    reason: 'it is too large for the cluster',
    hint: 'a Secret may hold 1 MiB: leave keys out, or make several of it',
  },
  {
    status: 415,
    reason: 'the cluster knows no server-side apply',
    hint: 'Kubernetes 1.22 or later is needed',
  },
  {
    status: 422,
    words: /immutable when `immutable` is set/,
    reason: REJECTED,
    hint: 'the Secret is immutable: give the new one another name, or delete it first',
  },
  {
    status: 422,
    field: /^type$/,
    words: /immutable/,
    reason: REJECTED,
    hint: 'the type of a Secret cannot change: delete the Secret first, or choose another name',
  },
  {
    status: 422,
    words: /Too long: |may not be more than \d+ bytes/,
    reason: REJECTED,
    hint: 'a Secret may hold 1 MiB: leave keys out, or make several of it',
  },
  {
    status: 422,
    field: /^data\[/,
    words: /Required value/,
    reason: REJECTED,
    hint: 'its `type` needs an entry of that name: add an output with this `key`',
  },
  {
    status: 422,
    field: /^metadata\.(?:labels|annotations|ownerReferences)/,
    reason: REJECTED,
    hint: 'correct `labels`, `annotations` or `owner_references` of `kubernetes_secret`',
  },
  { status: 422, reason: REJECTED, hint: 'correct what it names in `kubernetes_secret`' },
];

/** What a refusal means. Its words tell apart what has one status. */
export function meaningOfRefusal({ status, message, causes }: ApiStatus): RefusalMeaning {
  const texts = [message, ...causes.flatMap((cause) => [cause.reason, cause.message])];
  // Where there are no causes, the message names the field.
  const fields = causes.length > 0 ? causes.map(({ field }) => field) : fieldsIn(message);
  const rule = RULES.find(
    (one) =>
      (one.status === undefined || one.status === status) &&
      (one.words === undefined || texts.some((text) => one.words?.test(text))) &&
      (one.field === undefined || fields.some((field) => one.field?.test(field))),
  );
  const { reason, hint } = rule ?? {
    reason: `the cluster answered ${String(status)}`,
    hint: 'look at the log of the API server',
  };
  return { reason, hint, showsWords: status !== 400 || rule !== undefined };
}

/** `Secret "db" is invalid: data[tls.crt]: Required value` */
function fieldsIn(message: string): readonly string[] {
  const [, list = ''] = /is invalid: (.*)/.exec(message) ?? [];
  return [...list.matchAll(/(?:^\[?|, )([a-z][\w.]*(?:\[[^\]]*\])?): /g)].map(([, field = '']) => field);
}

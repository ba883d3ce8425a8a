import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { load, loadAll } from 'js-yaml';
import { EXIT_CODES } from '../../src/base/errors.ts';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, logLines, runCli, type CliResult } from '../support/cli.ts';
import { startCluster, type TestCluster } from '../support/cluster.ts';
import { needsPlugins } from '../support/needs.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

/** Outputs that are entries of a Secret of the cluster. */
describe('kubernetes_secret', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  let cluster: TestCluster;
  let pod: Workspace;
  before(async () => {
    app = await startApp();
    await app.putKv2('db', { user: 'app', password: 'canary-of-the-db', 'odd name': 'x' });
    await app.server.api.post('sys/mounts/pki', { type: 'pki' });
    await app.server.api.post('pki/root/generate/internal', { common_name: 'root', ttl: '24h' });
    const names = { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', ttl: '1h' };
    await app.server.api.post('pki/roles/web', names);
    pod = createWorkspace();
    cluster = await startCluster(pod);
  });
  beforeEach(() => {
    app.workspace.clear();
    app.server.takeAudit();
    cluster.secrets.clear();
    cluster.requests.length = 0;
    cluster.failWith = undefined;
    cluster.answers.length = 0;
    cluster.beforeApply = () => undefined;
  });
  after(async () => {
    await cluster.stop();
    pod.remove();
    await app.stop();
  });

  const entry = (name: string, key: string | undefined, more: TestConfig = {}): TestConfig => ({
    name,
    ...(key === undefined ? {} : { key }),
    service_account: cluster.serviceAccount,
    ...more,
  });
  const render = (
    outputs: readonly TestConfig[],
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = cluster.env,
  ): Promise<CliResult> =>
    app.render(
      {
        secrets: { db: 'secret/db', tls: { path: 'pki/issue/web', write: { common_name: 'web' } } },
        outputs,
      },
      args,
      { env },
    );
  const password = (name: string, more: TestConfig = {}): TestConfig => ({
    kubernetes_secret: entry(name, 'password', more),
    value: 'db#password',
  });
  const dataOf = (name: string): Readonly<Record<string, string>> => {
    const entries = Object.entries(cluster.secrets.get(`team/${name}`)?.data ?? {});
    return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  };

  test('each key an entry, in the namespace of the pod; again, and it is left as it is', async () => {
    const output = {
      kubernetes_secret: entry('db', undefined, { labels: { app: 'web' }, annotations: { 'x/y': 'z' } }),
      format: 'files',
      secret: 'db',
      keys: { include: ['user', 'password'], case: 'upper' },
    };
    const result = await render([output], ['--report', '-']);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(dataOf('db'), { USER: 'app', PASSWORD: 'canary-of-the-db' });
    const stored = cluster.secrets.get('team/db');
    assert.deepEqual(stored?.metadata.labels, { app: 'web' });
    assert.deepEqual(stored.metadata.annotations, { 'x/y': 'z' });
    assert.equal(stored.type, 'Opaque');
    const path = 'PATCH /api/v1/namespaces/team/secrets/db?fieldManager=vaultonce';
    assert.deepEqual(cluster.requests, [`${path}&dryRun=All`, path]);
    const report = JSON.parse(result.stdout) as { kubernetes_secrets: unknown; outputs: unknown };
    assert.deepEqual(report.kubernetes_secrets, [
      { namespace: 'team', name: 'db', entries: ['PASSWORD', 'USER'], created: true, changed: true },
    ]);
    assert.deepEqual(report.outputs, []);
    assert.equal(await app.server.tokensLeft(), 0);
    const again = await render([output]);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /"event":"secret_applied".*"created":false,"changed":false/);
    assert.match(
      again.stderr,
      /"event":"finished","files":0,"changed":0,"kubernetes_secrets":1,"kubernetes_secrets_changed":0/,
    );
    await app.putKv2('db', { user: 'app', password: 'canary-of-the-db', 'odd name': 'x', more: 'y' });
    const different = await render([{ ...output, keys: { include: ['user', 'more'] } }]);
    assert.match(different.stderr, /"event":"secret_applied".*"created":false,"changed":true/);
    assert.match(different.stderr, /"kubernetes_secrets":1,"kubernetes_secrets_changed":1/);
    const people = await render([output, { path: 'user', value: 'db#user' }], ['--log-format', 'text']);
    assert.match(
      people.stderr,
      /^vaultonce: 1 file complete \(1 changed\), 1 Secret of the cluster \(1 changed\) from 2 secrets, /m,
    );
    const alone = await render([output], ['--log-format', 'text']);
    assert.match(alone.stderr, /^vaultonce: unchanged: the Secret db in namespace team \(2 keys\)$/m);
    assert.match(alone.stderr, /^vaultonce: 1 Secret of the cluster \(0 changed\) from 2 secrets, /m);
    assert.equal(cluster.secrets.get('team/db')?.version, 3, 'unchanged twice');
    assert.doesNotMatch(result.stdout + result.stderr + again.stderr, /canary|Y2FuYXJ5/);
  });

  test('several outputs are one Secret, of any source, beside files', async () => {
    const result = await render([
      {
        kubernetes_secret: entry('web', 'tls.crt', { type: 'kubernetes.io/tls' }),
        format: 'pem',
        secret: 'tls',
        parts: ['certificate', 'chain'],
      },
      { kubernetes_secret: entry('web', 'tls.key'), format: 'pem', secret: 'tls', parts: ['key'] },
      { kubernetes_secret: entry('web', 'app.conf', { labels: { a: 'b' } }), contents: 'u={{db.user}}' },
      password('other'),
      { path: 'tls.key', format: 'pem', secret: 'tls', parts: ['key'] },
    ]);
    assert.equal(result.code, 0, result.stderr);
    const web = dataOf('web');
    assert.deepEqual(Object.keys(web), ['tls.crt', 'tls.key', 'app.conf']);
    assert.equal(cluster.secrets.get('team/web')?.type, 'kubernetes.io/tls');
    assert.equal(web['app.conf'], 'u=app');
    assert.equal(web['tls.key'], app.workspace.read('out/tls.key'));
    const certificate = new X509Certificate(web['tls.crt'] ?? '');
    assert.ok(certificate.checkPrivateKey(createPrivateKey(web['tls.key'] ?? '')));
    assert.deepEqual(dataOf('other'), { password: 'canary-of-the-db' });
    const query = '?fieldManager=vaultonce';
    const paths = ['web', 'other'].map((name) => `PATCH /api/v1/namespaces/team/secrets/${name}${query}`);
    // Both are tried, in any order, before either is applied.
    assert.deepEqual(cluster.requests.slice(0, 2).sort(), paths.map((path) => `${path}&dryRun=All`).sort());
    assert.deepEqual(cluster.requests.slice(2), paths);
  });

  test('it is applied when all files are staged, and before any has changed', async () => {
    const seen: string[][] = [];
    cluster.beforeApply = () => {
      seen.push(app.workspace.list('out'));
    };
    const result = await render([{ path: 'user', value: 'db#user' }, password('db')]);
    assert.equal(result.code, 0, result.stderr);
    const [during] = seen;
    assert.equal(during?.length, 1);
    assert.match(during[0] ?? '', /^\.vaultonce-/);
    assert.deepEqual(app.workspace.list('out'), ['user']);
  });

  test('what the cluster refuses: nothing has changed, no file either', async () => {
    const other = { type: 'Opaque', manager: 'kubectl', version: 1, metadata: {} };
    const conflict = { ...other, data: { password: 'AAAA' } };
    const refusals: readonly (readonly [TestConfig, RegExp])[] = [
      [password('forbidden-db'), /does not allow it.*cannot patch resource/],
      [password('db', { namespace: 'elsewhere' }), /kubernetes:db@elsewhere.*does not allow it/],
      [password('taken'), /another field manager owns.*conflict with \\"kubectl\\": \.data\.password/],
      [password('taken', { type: 'x', force: true }), /rejects it.*field is immutable/],
      [
        { kubernetes_secret: entry('large', 'big'), contents: `{{db.password}}${'x'.repeat(1024 * 1024)}` },
        /rejects it.*Too long: \[sent value\]/,
      ],
    ];
    app.workspace.write('out/keep', 'before');
    for (const [output, message] of refusals) {
      cluster.secrets.set('team/taken', conflict);
      const result = await render([password('fine'), output, { path: 'keep', value: 'db#user' }]);
      assert.equal(result.code, 8, result.stderr);
      assert.match(result.stderr, message);
      assert.doesNotMatch(result.stderr, /canary|Y2FuYXJ5/);
      assert.deepEqual([...cluster.secrets], [['team/taken', conflict]]);
      assert.deepEqual(app.workspace.list('out'), ['keep']);
      assert.equal(app.workspace.read('out/keep'), 'before');
      assert.equal(await app.server.tokensLeft(), 0);
    }
    // The message for the kubelet has the words of the cluster, too, as many as fit.
    cluster.secrets.set('team/taken', conflict);
    const log = pod.write('termination-log', 'x');
    const env = { ...cluster.env, VAULTONCE_TERMINATION_LOG: log };
    await render([password('taken')], [], env);
    const toldOf = (): { failures: { details?: string[] }[]; more_failures?: number } =>
      JSON.parse(pod.read('termination-log')) as ReturnType<typeof toldOf>;
    assert.match(toldOf().failures[0]?.details?.[0] ?? '', /conflict with "kubectl": \.data\.password/);
    const causes = Array.from({ length: 100 }, (_, index) => ({
      field: `metadata.labels[${String(index)}]`,
      message: 'y'.repeat(60),
    }));
    const rejected = { status: 422, body: { message: 'is invalid', details: { causes } } };
    cluster.answers.push(...Array.from({ length: 9 }, () => rejected));
    await render(
      Array.from({ length: 9 }, (_, index) => password(`db-${String(index)}`)),
      [],
      env,
    );
    const { failures, more_failures = 0 } = toldOf();
    assert.ok(Buffer.byteLength(pod.read('termination-log')) <= 4096);
    assert.equal(failures.length + more_failures, 9);
    assert.ok(failures.length >= 3, 'the first leaves room for others');
    const [{ details = [] } = {}] = failures;
    assert.equal(details[0], 'is invalid');
    assert.ok(details.length > 5, 'as many as fit');
    const taken = await render([password('taken', { force: true })]);
    assert.equal(taken.code, 0, taken.stderr);
    assert.deepEqual(dataOf('taken'), { password: 'canary-of-the-db' });
  });

  test('a token that the API does not know, and an API that is down', async () => {
    pod.write('account/token', 'another');
    const unknown = await render([password('db')]);
    pod.write('account/token', 'canary-token-of-the-account');
    assert.equal(unknown.code, 8, unknown.stderr);
    assert.match(unknown.stderr, /does not accept the token of the service account/);
    cluster.failWith = 503;
    const timeout = ['--timeout', '3s'];
    const down = await render([password('db'), { path: 'user', value: 'db#user' }], timeout);
    assert.equal(down.code, 9, down.stderr);
    assert.deepEqual(app.workspace.list(), ['vaultonce.yaml']);
    const gone = await render([password('db')], timeout, { ...cluster.env, KUBERNETES_SERVICE_PORT: '1' });
    assert.equal(gone.code, 9, gone.stderr);
    for (const result of [down, gone]) {
      // It is found before anything is applied.
      assert.equal(failuresOf(result)[0]?.details, undefined);
      assert.match(failuresOf(result)[0]?.message ?? '', /\(after \d+ attempts\)$/);
    }
    assert.match(down.stderr, /"event":"retrying","path":"api\/v1\/namespaces\/team\/secrets\/db"/);
    assert.match(
      failuresOf(down)[0]?.message ?? '',
      /^the API of the cluster answered 503: etcdserver: request timed out/,
    );
    assert.doesNotMatch(unknown.stderr + down.stderr + gone.stderr, /canary/);
  });

  test('an outage of the API is passed over, as one of Vault, however long it lasts', async () => {
    const status = (code: number, message: string) => ({ status: code, body: { kind: 'Status', message } });
    cluster.answers.push(
      { ...status(429, 'too many requests, please try again later'), retryAfter: '1' },
      ...Array.from({ length: 6 }, () =>
        status(500, 'Internal error occurred: failed calling webhook "policy": canary-of-the-db'),
      ),
    );
    const result = await render([password('db')]);
    assert.equal(result.code, 0, result.stderr);
    const retries = logLines(result).filter(({ event }) => event === 'retrying');
    assert.equal(retries.length, 7);
    assert.match(retries[0]?.reason ?? '', /^the API of the cluster answered 429: too many requests/);
    assert.ok(Number((retries[0] as { delay_ms?: number }).delay_ms) >= 1000, 'Retry-After');
    assert.match(
      retries[1]?.reason ?? '',
      /answered 500: .*failed calling webhook "policy": \[sent value\]$/,
    );
    assert.doesNotMatch(result.stderr, /canary|Y2FuYXJ5/);
    assert.equal(cluster.requests.length, 9);
  });

  test('what the API may answer while it is busy, restarts or loses a race passes, each time', async () => {
    const status = (code: number, message: string) => ({ status: code, body: { kind: 'Status', message } });
    const race = 'Operation cannot be fulfilled on secrets "db": the object has been modified; please apply';
    const passing = [
      'cut',
      status(504, 'Timeout: request did not complete within the allotted timeout'),
      status(500, 'etcdserver: leader changed'),
      status(409, race),
      status(409, 'object is being deleted: secrets "db" already exists'),
    ] as const;
    // Before the first is tried, and before it is applied.
    cluster.answers.push(...passing);
    const tried = await render([password('db')], ['--log-level', 'debug']);
    assert.equal(tried.code, 0, tried.stderr);
    cluster.beforeApply = () => {
      cluster.beforeApply = () => undefined;
      cluster.answers.push(...passing);
    };
    cluster.secrets.clear();
    const applied = await render([password('db')], ['--log-level', 'debug']);
    assert.equal(applied.code, 0, applied.stderr);
    for (const result of [tried, applied]) {
      const reasons = logLines(result).flatMap(({ event, reason = '' }) =>
        event === 'retrying' ? [reason] : [],
      );
      assert.match(reasons[0] ?? '', /^the API of the cluster cannot be reached \(/);
      assert.deepEqual(
        reasons.slice(1).map((reason) => /answered (\d+: \w+)/.exec(reason)?.[1]),
        ['504: Timeout', '500: etcdserver', '409: Operation', '409: object'],
      );
      const path = 'api/v1/namespaces/team/secrets/db';
      const requests = logLines(result).filter((line) => line.event === 'request' && line.path === path);
      assert.equal(requests.length, passing.length + 2, 'each is logged, as those to Vault are');
    }
    // It is not asked for ever: what then is left is the refusal.
    cluster.answers.push(...Array.from({ length: 9 }, () => status(409, race)));
    cluster.requests.length = 0;
    const lost = await render([password('db')]);
    assert.equal(lost.code, 8, lost.stderr);
    assert.match(failuresOf(lost)[0]?.message ?? '', /another client is changing it/);
    assert.equal(failuresOf(lost)[0]?.hint, 'run it again');
    assert.equal(cluster.requests.length, 5);
    cluster.answers.length = 0;
    // What belongs to somebody else stays theirs.
    cluster.requests.length = 0;
    cluster.answers.push(
      status(409, 'Apply failed with 1 conflict: conflict with "kubectl": .data.password'),
    );
    assert.equal((await render([password('db')])).code, 8);
    assert.equal(cluster.requests.length, 1);
  });

  test('an API that is silent is named, and asked again while there is time', async () => {
    cluster.answers.push('hang');
    const again = await render([password('db')], ['--timeout', '6s']);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /"event":"retrying".*the API of the cluster cannot be reached \(TIMEOUT\)/);
    cluster.answers.push(...Array.from({ length: 9 }, () => 'hang' as const));
    const silent = await render([password('db')], ['--timeout', '12s']);
    cluster.answers.length = 0;
    assert.ok(silent.code === 124 || silent.code === 9, silent.stderr);
    const [waiting] = logLines(silent).filter(({ event }) => event === 'waiting');
    assert.match(
      waiting?.message ?? '',
      /^waiting for https:\/\/127\.0\.0\.1:\d+ \(api\/v1\/namespaces\/team\/secrets\/db\)/,
    );
  });

  test('an API that answers and then is silent: its answer is told', async () => {
    cluster.answers.push(
      { status: 503, body: { kind: 'Status', message: 'no leader' } },
      ...Array.from({ length: 9 }, () => 'hang' as const),
    );
    const result = await render([password('db')], ['--timeout', '3s']);
    cluster.answers.length = 0;
    assert.match(result.stderr, /"event":"retrying".*the API of the cluster answered 503: no leader/);
    // On a busy machine the last try may outlast the run, which then has the end of its time to tell.
    if (result.code === 124) return;
    assert.equal(result.code, 9, result.stderr);
    assert.match(failuresOf(result)[0]?.message ?? '', /^the API of the cluster answered 503: no leader/);
  });

  test('the words of the API are shown, and what follows from them, not from the status', async () => {
    const webhook =
      'admission webhook "policy.example.com" denied the request: [team] team label is missing; canary-of-the-db Y2FuYXJ5LW9mLXRoZS1kYg==';
    const policy =
      "secrets \"db\" is forbidden: ValidatingAdmissionPolicy 'labels' with binding 'all' denied request: team is needed";
    const cause = (reason: string, field: string, message: string) => ({ reason, field, message });
    for (const [status, message, causes, expected, hint] of [
      [
        400,
        webhook,
        [],
        /an admission webhook denied it.*team label is missing; \[sent value\] \[sent value\]/,
        /ask whoever runs it/,
      ],
      [403, webhook, [], /an admission webhook denied it/, /ask whoever runs it/],
      [422, policy, [cause('', '', policy)], /an admission policy denied it.*team is needed/, /policy/],
      [
        403,
        'secrets "db" is forbidden: exceeded quota: few, requested: secrets=1, used: secrets=3, limited: secrets=3',
        [],
        /a quota of the namespace is exhausted.*limited: secrets=3/,
        /ResourceQuota/,
      ],
      [
        403,
        'secrets "db" is forbidden: unable to create new content in namespace team because it is being terminated',
        [cause('NamespaceTerminating', 'metadata.namespace', 'namespace team is being terminated')],
        /namespace is being deleted.*metadata\.namespace: namespace team is being terminated/,
        /namespace/,
      ],
      [
        403,
        'User "x" cannot patch resource "secrets" in API group ""',
        [],
        /does not allow it/,
        /a Role must allow/,
      ],
      [403, 'secrets "db" is forbidden: not today', [], /does not allow it.*not today/, /admission plug-in/],
      [
        422,
        'Secret "db" is invalid: metadata.labels: Invalid value: "a b": a valid label must be',
        [cause('FieldValueInvalid', 'metadata.labels', 'Invalid value: "a b": a valid label must be')],
        /rejects it.*a valid label must be/,
        /correct `labels`/,
      ],
      [
        422,
        'Secret "db" is invalid: metadata.labels: Invalid value: "a b"',
        [],
        /rejects it/,
        /correct `labels`/,
      ],
      [
        422,
        'Secret "db" is invalid: data[tls.crt]: Required value',
        [],
        /rejects it.*data\[tls\.crt\]/,
        /needs an entry of that name/,
      ],
      [
        422,
        'Secret "db" is invalid: type: Invalid value: "x": field is immutable',
        [],
        /rejects it.*field is immutable/,
        /type of a Secret cannot change/,
      ],
      [
        422,
        'Secret "db" is invalid: data: Too long: may not be more than 1048576 bytes',
        [],
        /Too long/,
        /1 MiB/,
      ],
      [422, 'Secret "db" is invalid: something: else', [], /something: else/, /correct what it names/],
      [
        409,
        'Operation cannot be fulfilled: the object has been modified',
        [],
        /another client is changing it/,
        /again/,
      ],
      [404, 'namespaces "team" not found', [], /does not know the namespace/, /create the namespace/],
      [413, 'Request entity too large: limit is 3145728', [], /too large/, /1 MiB/],
      [415, 'unsupported', [], /no server-side apply/, /1\.22/],
      [400, 'cannot parse {"password": canary', [], /answered 400/, /log of the API server/],
      [418, 'short and stout', [], /answered 418.*short and stout/, /log of the API server/],
    ] as const) {
      // Races are tried again a few times.
      const answer = { status, body: { kind: 'Status', message, details: { causes } } };
      cluster.answers.push(...Array.from({ length: status === 409 ? 5 : 1 }, () => answer));
      const result = await render([password('db'), { path: 'user', value: 'db#user' }]);
      assert.equal(result.code, 8, result.stderr);
      const [failure] = failuresOf(result);
      const text = `${failure?.message ?? ''} ${String(failure?.details)}`;
      assert.match(text, expected);
      assert.match(failure?.hint ?? '', hint, text);
      assert.doesNotMatch(result.stderr, /canary|Y2FuYXJ5/);
      assert.deepEqual(cluster.secrets.size, 0);
    }
  });

  test('owners, immutable, and a field manager of its own', async () => {
    const owner = { api_version: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd9607e19' };
    const own = {
      owner_references: [{ ...owner, controller: true, block_owner_deletion: false }],
      immutable: true,
      field_manager: 'web/init',
    };
    const first = await render([
      password('db', own),
      { kubernetes_secret: entry('db', 'user'), value: 'db#user' },
    ]);
    assert.equal(first.code, 0, first.stderr);
    assert.ok(cluster.requests.every((request) => request.includes('?fieldManager=web%2Finit')));
    const stored = cluster.secrets.get('team/db');
    assert.equal(stored?.immutable, true);
    assert.deepEqual(stored.metadata.ownerReferences, [
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: 'web',
        uid: 'd9607e19',
        controller: true,
        blockOwnerDeletion: false,
      },
    ]);
    const same = await render([
      password('db', own),
      { kubernetes_secret: entry('db', 'user', own), value: 'db#user' },
    ]);
    assert.match(same.stderr, /"changed":false/);
    const changed = await render([{ ...password('db', own), value: 'db#user' }]);
    assert.equal(changed.code, 8, changed.stderr);
    assert.match(failuresOf(changed)[0]?.hint ?? '', /immutable: give the new one another name/);
    const requested = cluster.requests.length;
    for (const [more, other, message] of [
      [{ owner_references: [{ kind: 'Pod', name: 'x', uid: 'y' }] }, {}, /api_version/],
      [{ owner_references: [owner, owner] }, {}, /the same `uid`/],
      [
        {
          owner_references: [
            { ...owner, controller: true },
            { ...owner, uid: 'b', controller: true },
          ],
        },
        {},
        /only one of `owner_references` can be the `controller`/,
      ],
      [{ field_manager: 'a b' }, {}, /is not the name of a field manager/],
      [{ field_manager: 'a' }, { field_manager: 'b' }, /different values for the field_manager/],
      [{ immutable: true }, { immutable: false }, /different values for immutable/],
      [{ owner_references: [owner] }, { owner_references: [{ ...owner, uid: 'c' }] }, /the owner_references/],
    ] as const) {
      const result = await render([
        password('db', more),
        { kubernetes_secret: entry('db', 'user', other), value: 'db#user' },
      ]);
      assert.equal(result.code, 3, result.stderr);
      assert.match(failuresOf(result)[0]?.message ?? '', message);
    }
    assert.equal(cluster.requests.length, requested);
  });

  test('one that fails after all says which others have been applied', async () => {
    let applied = 0;
    cluster.beforeApply = () => {
      applied += 1;
      if (applied === 2) cluster.failWith = 403;
    };
    const result = await render([password('one'), password('two'), password('three')]);
    assert.equal(result.code, 8, result.stderr);
    assert.match(result.stderr, /kubernetes:two cannot be applied.*applied before: kubernetes:one@team"/);
    assert.deepEqual([...cluster.secrets.keys()], ['team/one']);
  });

  test('what an applied Secret holds lives on when the run fails after it, and is named', async () => {
    await app.server.api.post('pki/roles/leased', {
      allow_any_name: true,
      enforce_hostnames: false,
      key_type: 'ec',
      ttl: '1h',
      generate_lease: true,
    });
    const secrets = {
      db: 'secret/db',
      tls: { path: 'pki/issue/leased', write: { common_name: 'web' } },
    };
    const pem = (place: TestConfig): TestConfig => ({
      ...place,
      format: 'pem',
      secret: 'tls',
      parts: ['key'],
    });
    const leasesLeft = async (): Promise<number> => {
      const { data } = await app.server.api
        .request('LIST', 'sys/leases/lookup/pki/issue/leased')
        .catch(() => ({ data: { keys: [] } }));
      return (data?.['keys'] as readonly string[]).length;
    };
    const fails = async (outputs: readonly TestConfig[], code = 8): Promise<CliResult> => {
      await app.server.revokeTokens();
      app.workspace.clear();
      cluster.beforeApply = () => {
        app.workspace.write('out/last/in', 'the way');
      };
      const all = [...outputs, { path: 'last', value: 'db#user' }];
      const result = await app.render({ secrets, outputs: all }, [], { env: cluster.env });
      assert.equal(result.code, code, result.stderr);
      return result;
    };
    // What holds nothing that ends needs no token.
    const plain = await fails([password('db')]);
    assert.deepEqual(failuresOf(plain)[0]?.details, ['applied before: kubernetes:db@team']);
    assert.equal(await app.server.tokensLeft(), 0);
    const leased = await fails([
      pem({ kubernetes_secret: entry('web', 'tls.key') }),
      pem({ kubernetes_secret: entry('web', 'again') }),
      pem({ path: 'tls.key' }),
    ]);
    assert.match(cluster.secrets.get('team/web')?.type ?? '', /Opaque/);
    const [applied, lease, ...more] = failuresOf(leased)[0]?.details ?? [];
    assert.equal(applied, 'applied before: kubernetes:web@team');
    assert.match(
      lease ?? '',
      /^the lease pki\/issue\/leased\/\S+ in kubernetes:web is kept alive, until \d{4}-\d\d-\d\dT\S+Z$/,
    );
    assert.deepEqual(more, []);
    assert.equal(await app.server.tokensLeft(), 1);
    assert.equal(await leasesLeft(), 1);
    assert.deepEqual(app.workspace.list('out'), ['last', 'last/in']);
    const token = await fails([{ kubernetes_secret: entry('token', 'token'), token: true }]);
    assert.match(String(failuresOf(token)[0]?.details), /the token in kubernetes:token is kept alive, until/);
    assert.equal(await app.server.tokensLeft(), 1);
    // Whether a request without an answer has changed anything is unknown.
    await app.server.revokeTokens();
    cluster.beforeApply = () => {
      cluster.failWith = 503;
    };
    const unknown = await app.render(
      { secrets, outputs: [pem({ kubernetes_secret: entry('web', 'tls.key') })], timeout: '5s' },
      [],
      { env: cluster.env },
    );
    assert.equal(unknown.code, 9, unknown.stderr);
    assert.match(String(failuresOf(unknown)[0]?.details), /may have been applied: kubernetes:web,the lease /);
    assert.equal(await app.server.tokensLeft(), 1);
    await app.server.revokeTokens();
  });

  test('a signal while the cluster does not answer leaves the files as they were', async () => {
    const asked = Promise.withResolvers<undefined>();
    cluster.beforeApply = () => {
      asked.resolve(undefined);
      return new Promise(() => undefined);
    };
    const config = {
      secrets: { db: 'secret/db' },
      outputs: [password('db'), { path: 'user', value: 'db#user' }],
    };
    const running = app.startRender(config, [], { env: cluster.env });
    await asked.promise;
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 143, result.stderr);
    const [failure] = failuresOf(result);
    assert.deepEqual(failure?.details, ['may have been applied: kubernetes:db']);
    assert.deepEqual(app.workspace.list(), ['vaultonce.yaml']);
    assert.equal(await app.server.tokensLeft(), 0);
  });

  test('a signal between two Secrets: the first is named as applied, the second as uncertain', async () => {
    const second = Promise.withResolvers<undefined>();
    let applied = 0;
    cluster.beforeApply = () => {
      applied += 1;
      if (applied < 2) return undefined;
      second.resolve(undefined);
      return new Promise(() => undefined);
    };
    const outputs = [password('one'), password('two'), password('three'), { path: 'user', value: 'db#user' }];
    const report = app.workspace.path('report.json');
    const running = app.startRender({ secrets: { db: 'secret/db' }, outputs }, ['--report', report], {
      env: cluster.env,
    });
    await second.promise;
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, 143, result.stderr);
    const [failure] = failuresOf(result);
    assert.deepEqual(failure?.details, [
      'applied before: kubernetes:one@team',
      'may have been applied: kubernetes:two',
    ]);
    assert.equal(failure.hint, 'everything else is unchanged; run it again to complete the outputs');
    assert.doesNotMatch(result.stderr, /nothing was changed/);
    assert.deepEqual([...cluster.secrets.keys()], ['team/one']);
    assert.deepEqual(app.workspace.list(), ['report.json', 'vaultonce.yaml']);
    const { kubernetes_secrets: told } = JSON.parse(app.workspace.read('report.json')) as {
      kubernetes_secrets: readonly { name: string }[];
    };
    assert.deepEqual(
      told.map(({ name }) => name),
      ['one'],
    );
  });

  test('no cluster, or no service account: reported before anything is requested', async () => {
    const outside = await render([password('db')], [], {});
    assert.equal(outside.code, 3, outside.stderr);
    assert.match(outside.stderr, /not in a cluster/);
    const both = await render([password('db'), { path: '/proc/file', value: 'db#user' }], [], {});
    assert.equal(both.code, 3, both.stderr);
    const kinds = failuresOf(both).map(({ kind }) => kind);
    assert.ok(kinds.includes('config') && kinds.includes('output'), both.stderr);
    const nowhere = { kubernetes_secret: { name: 'db', key: 'a' }, value: 'db#user' };
    const none = await render([nowhere]);
    assert.equal(none.code, 3, none.stderr);
    assert.match(none.stderr, /the token of the service account cannot be read/);
    const twice = await render([password('db'), password('db', { namespace: 'team' })]);
    assert.equal(twice.code, 3, twice.stderr);
    assert.match(twice.stderr, /only one names its namespace/);
    assert.deepEqual(requestsOf(app.server), []);
    assert.deepEqual(cluster.requests, []);
  });

  test('what makes no sense is refused, with names that are no entries', async () => {
    for (const outputs of [
      [{ ...password('db'), path: 'x' }],
      [{ value: 'db#user' }],
      [{ ...password('db'), mode: '0400' }],
      [{ kubernetes_secret: entry('db', undefined), value: 'db#user' }],
      [{ kubernetes_secret: entry('db', 'key'), format: 'files', secret: 'db' }],
      [password('Upper')],
      [{ kubernetes_secret: entry('db', '..'), value: 'db#user' }],
      [password('db'), password('db')],
      [
        password('db', { type: 'a' }),
        { kubernetes_secret: entry('db', 'b', { type: 'c' }), value: 'db#user' },
      ],
    ]) {
      const result = await render(outputs);
      assert.equal(result.code, 3, JSON.stringify(outputs));
    }
    const odd = await render([
      { kubernetes_secret: entry('db', undefined), format: 'files', secret: 'db' },
      { kubernetes_secret: entry('db', 'user'), contents: 'x' },
    ]);
    assert.equal(odd.code, 8, odd.stderr);
    const [name, both, ...more] = failuresOf(odd).map(({ message }) => String(message));
    assert.match(both ?? '', /^kubernetes:db\/user is also written by /);
    assert.match(
      name ?? '',
      /^the key `odd name` cannot be an entry of a Secret: at most 253 letters, .* no `\.\.` at its start$/,
    );
    assert.deepEqual(more, []);
    // With those that are no file names either, and with values that cannot be decoded.
    await app.putKv2('odd', { 'a/b': 'x', '..': 'x', 'c d': 'x', ['l'.repeat(254)]: 'x', fine: '$' });
    const all = await app.render(
      {
        secrets: { odd: 'secret/odd' },
        outputs: [
          { kubernetes_secret: entry('db', undefined), format: 'files', secret: 'odd', decode: 'base64' },
        ],
      },
      [],
      { env: cluster.env },
    );
    assert.equal(all.code, 8, all.stderr);
    const named = failuresOf(all).map(({ message = '' }) => /^the key `(.*?)` (.*?entry|\w+)/.exec(message));
    assert.deepEqual(
      named.map((one) => one?.[1]).sort(),
      ['..', 'a/b', 'c d', 'fine', 'l'.repeat(254)].sort(),
    );
    assert.deepEqual(cluster.requests, []);
  });

  test('check shows it; fixtures never reach the cluster', async () => {
    const config = {
      secrets: { db: 'secret/db' },
      outputs: [password('db', { namespace: 'team' }), { path: 'user', value: 'db#user' }],
    };
    const check = await runCli(['check', '-c', app.config(config)]);
    assert.equal(check.code, 0, check.stderr);
    assert.match(check.stdout, /^kubernetes:db@team\/password +value +- +- +- +db$/m);
    const fixtures = app.workspace.write('fixtures.yaml', 'db: { user: u, password: p }\n');
    const offline = await app.render(config, ['--fixtures', fixtures], { env: cluster.env });
    assert.equal(offline.code, 0, offline.stderr);
    assert.equal(app.workspace.read('out/user'), 'u');
    assert.deepEqual(cluster.requests, []);
  });

  test('the example Job does what its manifests say, and gives up where another try is no help', async () => {
    interface Manifest {
      readonly kind: string;
      readonly data?: Readonly<Record<string, string>>;
      readonly rules?: readonly { readonly resourceNames?: readonly string[] }[];
      readonly spec?: {
        readonly podFailurePolicy: {
          readonly rules: readonly { readonly onExitCodes?: { readonly values: readonly number[] } }[];
        };
      };
    }
    const manifests = ['secret-sync.yaml', 'job.yaml'].flatMap((name) => {
      const file = join(import.meta.dirname, '../../examples/kubernetes', name);
      return loadAll(readFileSync(file, 'utf8')) as Manifest[];
    });
    const of = (kind: string): Manifest | undefined => manifests.find((manifest) => manifest.kind === kind);
    const config = load(of('ConfigMap')?.data?.['vaultonce.yaml'] ?? '') as {
      readonly outputs: readonly { readonly kubernetes_secret: { readonly name: string } }[];
    };
    const [output] = config.outputs;
    assert.deepEqual(
      of('Role')?.rules?.flatMap(({ resourceNames = [] }) => resourceNames),
      [output?.kubernetes_secret.name],
    );
    const given = of('Job')?.spec?.podFailurePolicy.rules.flatMap(
      ({ onExitCodes }) => onExitCodes?.values ?? [],
    );
    const passing = [
      ...['unavailable', 'deadline', 'not_executable', 'no_command'],
      ...['hung_up', 'interrupted', 'quit', 'terminated'],
    ];
    const final = Object.entries(EXIT_CODES).filter(([kind]) => !passing.includes(kind));
    assert.deepEqual(
      given,
      final.map(([, code]) => code),
    );
    await app.putKv2('web/db', { username: 'app', password: 'p', other: 'x' });
    const placed = { ...output?.kubernetes_secret, service_account: cluster.serviceAccount };
    // The server and the login are those of this test.
    const result = await app.render(
      {
        ...config,
        vault: { address: app.server.address },
        auth: app.auth,
        outputs: [{ ...output, kubernetes_secret: placed }],
        startup_jitter: '10ms',
      },
      [],
      { env: cluster.env },
    );
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(dataOf('web-db'), { username: 'app', password: 'p' });
  });
});

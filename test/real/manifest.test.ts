import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { dump, load, loadAll } from 'js-yaml';
import { failuresOf, logLines, runCli, type CliOptions, type CliResult } from '../support/cli.ts';
import {
  kubernetesSchemas,
  ownDeployment,
  podOf,
  podProblems,
  unrestricted,
  type Fields,
  type Kubernetes,
  type KubernetesObject,
  type PodSpec,
} from '../support/kubernetes.ts';
import { needsKubectl } from '../support/needs.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const BASE = {
  vault: { address: 'https://vault.example.com:8200' },
  auth: { method: 'kubernetes', role: 'web' },
  secrets: { db: 'secret/web/db' },
  outputs: [{ path: 'db.env', format: 'dotenv', secret: 'db' }],
  output: { directory: '/vault/secrets' },
};
/** The configs of the examples, beside those of CI jobs, which no pod can log in as. */
const EXAMPLES = globSync('examples/**/vaultonce.yaml', { cwd: root }).filter(
  (file) => !/\/(?:ci|github)\//.test(file),
);

describe('vaultonce manifest', () => {
  const workspace = createWorkspace();
  let kubernetes: Kubernetes;
  before(async () => {
    kubernetes = await kubernetesSchemas();
  });
  beforeEach(() => {
    workspace.clear();
  });
  after(() => {
    workspace.remove();
  });

  const manifest = (
    config: object,
    args: readonly string[] = [],
    options: CliOptions = {},
  ): Promise<CliResult> =>
    runCli(
      ['manifest', '--name', 'web', '-c', workspace.write('vaultonce.yaml', dump(config)), ...args],
      options,
    );

  const objectsIn = (result: CliResult): KubernetesObject[] => {
    assert.equal(result.code, 0, result.stderr);
    return loadAll(result.stdout) as KubernetesObject[];
  };
  /** All of them, of a Deployment that is all its own. */
  const full = async (config: object, args: readonly string[] = [], options: CliOptions = {}) => {
    const objects = objectsIn(await manifest(config, ['--format', 'full', ...args], options));
    const of = (kind: string): KubernetesObject => {
      const found = objects.find((object) => object.kind === kind);
      assert.ok(found, kind);
      return found;
    };
    const pod = podOf(of('Deployment')) ?? {};
    const data = of('ConfigMap')['data'] as Readonly<Record<string, string>>;
    return { objects, of, pod, data, config: load(data['vaultonce.yaml'] ?? '') as Fields };
  };
  const container = ({ initContainers = [] }: PodSpec) => {
    assert.deepEqual(
      initContainers.map(({ name }) => name),
      ['vaultonce'],
    );
    return initContainers[0]!;
  };
  const volume = ({ volumes = [] }: PodSpec, name: string): Fields | undefined =>
    volumes.find((one) => one.name === `vaultonce-${name}`);
  const notesOf = (result: CliResult): string[] =>
    logLines(result).flatMap((line) => (line as { note?: string }).note ?? []);
  const refusal = async (config: object, args: readonly string[] = [], options: CliOptions = {}) => {
    const result = await manifest(config, args, options);
    assert.equal(result.stdout, '', 'nothing is printed');
    const [failure] = failuresOf(result);
    assert.ok(failure?.hint, result.stderr);
    return { code: result.code, ...failure };
  };
  const assertValid = (objects: readonly KubernetesObject[], place: string): void => {
    for (const object of objects) {
      assert.deepEqual(kubernetes.problemsWith(object), [], place);
      const pod = podOf(object);
      if (pod !== undefined) assert.deepEqual(podProblems(pod), [], place);
    }
  };
  /** What an overlay with this component makes of a Deployment; where there is no kubectl, what it should. */
  const applied = (component: Fields, target: KubernetesObject): KubernetesObject => {
    const [{ patch = '' } = {}] = component['patches'] as readonly { readonly patch?: string }[];
    return kubernetes.patched(target, load(patch) as Fields);
  };

  /** Where the init container has its config, as it has it. */
  const inPod = (objects: readonly KubernetesObject[]): string => {
    const data = objects.find(({ kind }) => kind === 'ConfigMap')?.['data'] as Record<string, string>;
    const config = volume(podOf(objects.at(-1)!)!, 'config')?.['configMap'] as {
      readonly items?: readonly { readonly key: string; readonly path: string }[];
    };
    const items = config.items ?? Object.keys(data).map((key) => ({ key, path: key }));
    assert.equal(items.length, Object.keys(data).length);
    for (const { key, path } of items) workspace.write(`pod/${path}`, data[key] ?? '');
    return workspace.path('pod/vaultonce.yaml');
  };

  for (const file of EXAMPLES) {
    test(`${file}: each format is valid for Kubernetes`, async () => {
      const config = join(root, file);
      const { auth, outputs } = load(readFileSync(config, 'utf8')) as Fields;
      const more = [
        ...(outputs === undefined ? ['--out', '/vault/secrets/value=secret/a#b'] : []),
        ...(auth === undefined ? ['--auth', 'kubernetes', '--role', 'web'] : []),
      ];
      const env = {
        ...{ VAULT_ADDR: 'https://vault.example.com:8200', APP_UID: '1000', ROLE_ID: 'x' },
        ...{ CREDENTIALS_DIRECTORY: '/run/credentials', SECRET_ID_FILE: '/run/credentials/secret_id' },
        ...{ RUNTIME_DIRECTORY: '/run/app', OUTPUT_DIRECTORY: '/run/app' },
      };
      const printed = async (format: string): Promise<KubernetesObject[]> =>
        objectsIn(
          await runCli(['manifest', '--name', 'web', '--format', format, ...more, '-c', config], { env }),
        );
      const own = ownDeployment('web');
      const [patch] = await printed('patch');
      const [component] = await printed('kustomize');
      const objects = await printed('full');
      assertValid([kubernetes.patched(own, patch!), applied(component!, own)], file);
      assertValid(objects, file);
      assertValid(await printed('objects'), file);
      assert.deepEqual(unrestricted(podOf(objects.at(-1)!)!), [], file);
      const checked = await runCli(['check', '-c', inPod(objects)], { env });
      assert.equal(checked.code, 0, `${file}\n${checked.stderr}`);
    });
  }

  test('the init container writes into memory what the application reads, with a token for the server alone', async () => {
    const { pod, of, config } = await full(BASE);
    const { name, args, image, volumeMounts = [], resources, terminationMessagePolicy } = container(pod);
    assert.equal(name, 'vaultonce');
    assert.match(image ?? '', /^vaultonce:\d/);
    assert.deepEqual(args, ['render', '-c', '/etc/vaultonce/vaultonce.yaml']);
    assert.equal(terminationMessagePolicy, 'FallbackToLogsOnError');
    assert.deepEqual(resources, { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } });
    assert.deepEqual(volume(pod, 'secrets')?.['emptyDir'], { medium: 'Memory', sizeLimit: '8Mi' });
    assert.deepEqual(
      volumeMounts.map(({ mountPath, readOnly = false }) => [mountPath, readOnly]),
      [
        ['/vault/secrets', false],
        ['/etc/vaultonce', true],
        ['/var/run/secrets/vaultonce', true],
      ],
    );
    assert.deepEqual(
      pod.containers?.map(({ volumeMounts: own }) => own),
      [[{ name: 'vaultonce-secrets', mountPath: '/vault/secrets', readOnly: true }]],
    );
    assert.deepEqual(volume(pod, 'token')?.['projected'], {
      sources: [{ serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } }],
    });
    assert.deepEqual(config['auth'], { ...BASE.auth, token_file: '/var/run/secrets/vaultonce/token' });
    assert.equal(of('ServiceAccount')['automountServiceAccountToken'], false);
    assert.equal(pod.automountServiceAccountToken, false);
    // The same user writes and reads.
    assert.equal(pod.securityContext?.runAsUser, 65_532);
    assert.equal(container(pod).securityContext?.runAsUser, undefined);
  });

  test('flags say names, image, user, audience and the containers that read', async () => {
    const args = [
      ...['--image', 'registry.example.com/vaultonce@sha256:abc', '--audience', 'bao', '--user', '1000'],
      ...[
        '--service-account',
        'reader',
        '--pod-namespace',
        'shop',
        '--container',
        'app',
        '--container',
        'proxy',
      ],
    ];
    const { objects, pod } = await full(BASE, args);
    for (const object of objects) assert.equal(object.metadata?.namespace, 'shop', object.kind);
    assert.equal(pod.serviceAccountName, 'reader');
    assert.equal(container(pod).image, 'registry.example.com/vaultonce@sha256:abc');
    assert.equal(container(pod).securityContext?.runAsUser, 1000);
    assert.equal(pod.securityContext?.runAsUser, 1000);
    assert.deepEqual(
      pod.containers?.map(({ name, volumeMounts }) => [name, volumeMounts?.length]),
      [
        ['app', 1],
        ['proxy', 1],
      ],
    );
    assert.match(JSON.stringify(volume(pod, 'token')), /"audience":"bao"/);
  });

  test('a patch leaves what the workload has, and puts the init container first', async () => {
    const [patch] = objectsIn(await manifest(BASE));
    const patched = kubernetes.patched(ownDeployment('web'), patch!);
    assertValid([patched], 'patch');
    const pod = podOf(patched)!;
    assert.deepEqual(
      pod.initContainers?.map(({ name }) => name),
      ['vaultonce', 'migrate'],
    );
    assert.deepEqual(
      pod.containers?.map(({ name, volumeMounts = [] }) => [
        name,
        volumeMounts.map(({ mountPath }) => mountPath),
      ]),
      [
        ['web', ['/vault/secrets', '/data']],
        ['other', []],
      ],
    );
    assert.equal(pod.serviceAccountName, undefined);
    assert.equal(pod.securityContext, undefined);
    const [named] = objectsIn(await manifest(BASE, ['--service-account', 'reader']));
    assert.equal(podOf(kubernetes.patched(ownDeployment('web'), named!))?.serviceAccountName, 'reader');
  });

  test('kubectl and kustomize make the same of it', needsKubectl(), async () => {
    const kubectl = (...args: readonly string[]): KubernetesObject[] => {
      const { status, stdout, stderr } = spawnSync('kubectl', args, { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return loadAll(stdout) as KubernetesObject[];
    };
    const deployment = ownDeployment('web');
    const own = workspace.write('overlay/deployment.yaml', dump(deployment));
    const patch = await manifest(BASE);
    const file = workspace.write('patch.yaml', patch.stdout);
    const expected = kubernetes.patched(deployment, objectsIn(patch)[0]!);
    assert.deepEqual(kubectl('patch', '--local', '-f', own, '--patch-file', file, '-o', 'yaml'), [expected]);

    workspace.write('component/kustomization.yaml', (await manifest(BASE, ['--format', 'kustomize'])).stdout);
    const objects = await manifest(BASE, ['--format', 'objects']);
    workspace.write('component/objects.yaml', objects.stdout);
    workspace.write(
      'overlay/kustomization.yaml',
      dump({ resources: ['deployment.yaml'], components: ['../component'] }),
    );
    const built = kubectl('kustomize', workspace.path('overlay'));
    assert.deepEqual(
      built.toSorted((a, b) => (a.kind < b.kind ? -1 : 1)),
      [...objectsIn(objects), expected],
    );
  });

  test('another config makes other pods, the same one does not', async () => {
    const hash = async (config: object): Promise<string> =>
      /config-hash: (\S+)/.exec((await manifest(config)).stdout)?.[1] ?? '';
    const first = await hash(BASE);
    assert.match(first, /^'?[0-9a-f]{16}'?$/);
    assert.equal(await hash(BASE), first);
    assert.notEqual(await hash({ ...BASE, timeout: '30s' }), first);
  });

  test('templates and what they include come along, whatever their place', async () => {
    workspace.write('elsewhere/shared.mustache', 'shared {{db.a}}{{> part}}');
    workspace.write('elsewhere/part.mustache', 'a part');
    workspace.write('templates/in a folder.mustache', 'own {{db.a}}');
    workspace.write('inline.mustache', 'included');
    const config = {
      ...BASE,
      outputs: [
        { path: 'a', template: '${PLACE}/shared.mustache' },
        { path: 'b', template: './templates/in a folder.mustache' },
        { path: 'c', contents: '{{> inline}}' },
      ],
    };
    const env = { PLACE: workspace.path('elsewhere') };
    const { objects, pod, data } = await full(config, [], { env });
    const { items } = volume(pod, 'config')?.['configMap'] as { items: { key: string; path: string }[] };
    assert.deepEqual(Object.fromEntries(items.map(({ key, path }) => [path, data[key]])), {
      'vaultonce.yaml': data['vaultonce.yaml'],
      'shared.mustache': 'shared {{db.a}}{{> part}}',
      'part.mustache': 'a part',
      'templates/in a folder.mustache': 'own {{db.a}}',
      'inline.mustache': 'included',
    });
    for (const key of Object.keys(data)) assert.match(key, /^[-._a-zA-Z0-9]+$/);
    const written = inPod(objects);
    mkdirSync(workspace.path('out'));
    const rendered = await runCli([
      ...['render', '-c', written, '--set', `output.directory=${workspace.path('out')}`],
      ...['--fixtures', workspace.write('fixtures.yaml', 'db: { a: 1 }')],
    ]);
    assert.equal(rendered.code, 0, rendered.stderr);
    assert.equal(workspace.read('out/a'), 'shared 1a part');
    assert.equal(workspace.read('out/c'), 'included');

    workspace.write('other/shared.mustache', 'another');
    const clash = await refusal(
      {
        ...config,
        outputs: [...config.outputs, { path: 'd', template: workspace.path('other/shared.mustache') }],
      },
      [],
      { env },
    );
    assert.equal(clash.code, 3);
    assert.match(clash.where ?? '', /outputs\[3\]\.template/);
  });

  test('several files and flags become one config', async () => {
    const other = workspace.write(
      'more.yaml',
      dump({ secrets: { api: 'secret/web/api' }, outputs: [{ path: 'api', secret: 'api', key: 'token' }] }),
    );
    const flags = ['--address', 'https://other.example.com', '--namespace', 'team-a', '--timeout', '90s'];
    const more = [
      '--secret',
      'flag=secret/flag',
      '--out',
      '/vault/secrets/x=flag#k',
      '--set',
      'concurrency=3',
    ];
    const { config } = await full(BASE, ['-c', other, ...flags, ...more]);
    assert.deepEqual(config, {
      ...BASE,
      vault: { address: 'https://other.example.com', namespace: 'team-a' },
      auth: { ...BASE.auth, token_file: '/var/run/secrets/vaultonce/token' },
      timeout: '90s',
      concurrency: '3',
      secrets: { db: 'secret/web/db', api: 'secret/web/api', flag: 'secret/flag' },
      outputs: [
        ...BASE.outputs,
        { path: 'api', secret: 'api', key: 'token' },
        { path: '/vault/secrets/x', value: 'flag#k' },
      ],
    });
    const alone = await runCli([
      ...[
        'manifest',
        '--no-config',
        '--auth',
        'kubernetes',
        '--role',
        'web',
        '--address',
        'https://v.example.com',
      ],
      ...['--out', '/vault/secrets/password=secret/web/db#pass${word'],
    ]);
    assert.equal(alone.code, 0, alone.stderr);
    const objects = await runCli([
      ...['manifest', '--format', 'objects', '--no-config', '--auth', 'kubernetes', '--role', 'web'],
      ...[
        '--address',
        'https://v.example.com',
        '--out',
        '/vault/secrets/password=secret/web/db#"pass${word"',
      ],
    ]);
    assert.match(
      objects.stdout,
      /value: secret\/web\/db#"pass\$\$\{word"/,
      'what a flag says stays what it is',
    );
  });

  test('defaults below the config become a part of it', async () => {
    const defaults = workspace.write(
      'defaults.yaml',
      dump({ vault: { address: 'https://platform.example.com', namespace: '${SITE}' }, timeout: '90s' }),
    );
    const { auth, secrets, outputs, output } = BASE;
    const rest = { auth, secrets, outputs, output, timeout: '30s' };
    const { config, pod } = await full(rest, ['--defaults', defaults], { env: { SITE: 'team-a' } });
    assert.deepEqual(config['vault'], { address: 'https://platform.example.com', namespace: '${SITE}' });
    assert.equal(config['timeout'], '30s');
    assert.deepEqual(container(pod).env, [{ name: 'SITE', value: 'team-a' }]);
  });

  test('variables: what says which server it is and what `${VAR}` needs comes along, but no credential', async () => {
    const env = {
      VAULT_ADDR: 'https://vault.example.com:8200',
      BAO_NAMESPACE: 'team-a',
      VAULT_CACERT: workspace.write('ca.pem', 'the CA\n'),
      VAULT_TOKEN: 'canary-1',
      VAULT_CLIENT_TIMEOUT: '7s',
      VAULT_SKIP_VERIFY: 'true',
      SITE: 'a$$(b) "c"',
      DB_PASSWORD: 'canary-2',
      LOOKS: 'hvs.canary-3',
      SENT: 'canary-4',
      POD_NAME: 'not-here',
      UNUSED: 'canary-5',
    };
    const rest = { secrets: BASE.secrets, output: BASE.output };
    const config = {
      ...rest,
      auth: { method: 'approle', role_id: '${ROLE_ID:-web}', secret_id: '${SECRET}' },
      secrets: {
        db: { path: 'secret/${SITE}', write: { x: '${SENT}' } },
        e: 'kv/${DB_PASSWORD}/${POD_NAME}',
      },
      outputs: [{ path: 'x', contents: '${LOOKS}' }],
    };
    const result = await manifest(config, ['--format', 'full'], { env: { ...env, SECRET: 'canary-6' } });
    assert.equal(result.code, 0, result.stderr);
    assert.doesNotMatch(result.stdout + result.stderr, /canary/);
    const variables = Object.fromEntries(
      (container(podOf(objectsIn(result).at(-1)!)!).env ?? []).map(({ name, value, valueFrom }) => [
        name,
        value ?? valueFrom,
      ]),
    );
    const secret = (key: string) => ({ secretKeyRef: { name: 'web-vaultonce', key } });
    assert.deepEqual(variables, {
      VAULT_ADDR: env.VAULT_ADDR,
      BAO_NAMESPACE: 'team-a',
      VAULT_CACERT_BYTES: 'the CA\n',
      SECRET: secret('SECRET'),
      // As the kubelet reads it.
      SITE: 'a$$$$(b) "c"',
      LOOKS: secret('LOOKS'),
      SENT: secret('SENT'),
      DB_PASSWORD: secret('DB_PASSWORD'),
      POD_NAME: { fieldRef: { fieldPath: 'metadata.name' } },
    });
    const notes = notesOf(result);
    assert.ok(
      notes.some((note) => /^the Secret web-vaultonce must have the keys .*DB_PASSWORD/.test(note)),
      notes.join(),
    );
    const written = await full(BASE, [], { env });
    assert.equal(
      (container(written.pod).env ?? []).some(({ name }) => name === 'VAULT_ADDR'),
      false,
      'the config says it',
    );
  });

  test('a CA that the config names comes from a ConfigMap, credentials come from a Secret', async () => {
    const config = {
      ...BASE,
      vault: {
        ...BASE.vault,
        tls: {
          ca_cert: '/etc/ca/tls.crt',
          client_cert: '/etc/client/tls.crt',
          client_key: '/etc/client/tls.key',
        },
      },
      auth: { method: 'approle', role_id: 'web', secret_id_file: '/etc/approle/secret_id' },
    };
    const { pod, objects } = await full(config, ['--ca', 'cluster-ca']);
    assertValid(objects, 'files');
    assert.deepEqual(volume(pod, 'ca')?.['configMap'], { name: 'cluster-ca' });
    assert.deepEqual(volume(pod, 'credentials')?.['secret'], {
      secretName: 'web-vaultonce',
      items: [{ key: 'secret_id', path: 'secret_id' }],
    });
    assert.match(JSON.stringify(volume(pod, 'credentials-2')), /"tls.crt".*"tls.key"/);
    assert.equal(volume(pod, 'token'), undefined);
    const mounts = container(pod).volumeMounts?.map(({ mountPath }) => mountPath);
    assert.deepEqual(mounts, ['/vault/secrets', '/etc/vaultonce', '/etc/ca', '/etc/approle', '/etc/client']);
    const variable = await full({ ...BASE, auth: { method: 'token', token_env: 'APP_TOKEN' } });
    assert.deepEqual(container(variable.pod).env, [
      { name: 'APP_TOKEN', valueFrom: { secretKeyRef: { name: 'web-vaultonce', key: 'APP_TOKEN' } } },
    ]);
    const jwt = await full({ ...BASE, auth: { method: 'jwt', role: 'web', jwt_file: '/var/run/jwt/vault' } });
    assert.match(JSON.stringify(volume(jwt.pod, 'token')), /"path":"vault","audience":"vault"/);
    const cloud = await manifest({ ...BASE, auth: { method: 'aws', role: 'web' } });
    assert.match(cloud.stdout, /^# - nothing here is a credential for the login/m);
    // Of several logins the one that needs nobody to make a Secret.
    const both = await full({
      ...BASE,
      auth: [{ method: 'jwt', role: 'ci', source: 'github-actions' }, config.auth, BASE.auth],
    });
    assert.equal(volume(both.pod, 'credentials'), undefined);
    assert.ok(volume(both.pod, 'token'));
  });

  test('Secrets of the cluster: RBAC for these alone, and a token for the API that the application has not', async () => {
    const config = {
      ...BASE,
      outputs: [
        ...BASE.outputs,
        { kubernetes_secret: { name: 'db' }, format: 'files', secret: 'db' },
        { kubernetes_secret: { name: 'db', key: 'x' }, secret: 'db', key: 'x' },
        { kubernetes_secret: { name: 'other', namespace: 'jobs', key: 'x' }, secret: 'db', key: 'x' },
      ],
    };
    const missing = await refusal(config, ['--format', 'full']);
    assert.equal(missing.code, 2);
    assert.match(missing.hint ?? '', /--pod-namespace/);
    const { objects, pod } = await full(config, ['--pod-namespace', 'shop']);
    assertValid(objects, 'RBAC');
    const roles = objects.filter(({ kind }) => kind === 'Role');
    assert.deepEqual(
      roles.map(({ metadata, ...role }) => [metadata?.namespace, role['rules']]),
      [
        ['shop', ['db']],
        ['jobs', ['other']],
      ].map(([namespace, resourceNames]) => [
        namespace,
        [
          { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
          { apiGroups: [''], resources: ['secrets'], verbs: ['patch'], resourceNames },
        ],
      ]),
    );
    for (const { subjects } of objects.filter(({ kind }) => kind === 'RoleBinding') as {
      subjects?: unknown;
    }[])
      assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: 'web', namespace: 'shop' }]);
    assert.ok(volume(pod, 'api'));
    const path = '/var/run/secrets/kubernetes.io/serviceaccount';
    assert.ok(container(pod).volumeMounts?.some(({ mountPath }) => mountPath === path));
    assert.ok(
      pod.containers?.every(({ volumeMounts = [] }) =>
        volumeMounts.every(({ mountPath }) => mountPath !== path),
      ),
    );
    const only = await full({ ...config, outputs: [config.outputs[1]] });
    assertValid(only.objects, 'Secrets only');
    assert.equal(volume(only.pod, 'secrets'), undefined);
    assert.deepEqual(
      only.pod.containers?.map(({ volumeMounts }) => volumeMounts),
      [undefined],
    );
  });

  test('sizeLimit: twice what is written, in pages, of real sizes with fixtures', async () => {
    const sized = async (outputs: readonly object[], values: object): Promise<readonly unknown[]> => {
      const fixtures = workspace.write('fixtures.json', JSON.stringify({ db: values }));
      const { pod } = await full({ ...BASE, outputs }, ['--fixtures', fixtures]);
      return [
        ...(pod.volumes ?? []).flatMap(({ emptyDir }) =>
          emptyDir === undefined ? [] : [(emptyDir as Fields)['sizeLimit']],
        ),
        container(pod).resources,
      ];
    };
    const memory = (request: string, limit: string) => ({
      requests: { cpu: '50m', memory: request },
      limits: { memory: limit },
    });
    const file = { path: 'a', secret: 'db', key: 'k' };
    assert.deepEqual(await sized([file], { k: 'x' }), ['8Mi', memory('64Mi', '128Mi')]);
    // 5 MiB, and two pages of its own, twice.
    assert.deepEqual(await sized([file], { k: 'x'.repeat(5 * 1024 * 1024) }), [
      '11Mi',
      memory('70Mi', '134Mi'),
    ]);
    // A byte takes a page.
    const keys = Object.fromEntries(
      Array.from({ length: 2000 }, (_item, index) => [`k${String(index)}`, 'x']),
    );
    const files = { path: 'all/', format: 'files', secret: 'db' };
    assert.deepEqual(await sized([files], keys), ['16Mi', memory('80Mi', '144Mi')]);
    assert.deepEqual((await sized([file, { ...file, path: '/vault/other/a' }], { k: 'x' })).slice(0, 2), [
      '8Mi',
      '8Mi',
    ]);
    assert.match((await manifest(BASE)).stdout, /^# - sizeLimit assumes 64 KiB for each output/m);
    const broken = await refusal(BASE, ['--fixtures', workspace.write('none.yaml', 'other: {}\n')]);
    assert.equal(broken.code, 3);
  });

  test('3: outputs where no volume can be, each with its place', async () => {
    const cases: readonly (readonly [object, RegExp])[] = [
      [
        { outputs: [{ path: 'db.env', format: 'dotenv', secret: 'db' }], output: {} },
        /a relative path starts there/,
      ],
      [{ outputs: [{ path: '/db.env', format: 'dotenv', secret: 'db' }] }, /`\/`/],
      [{ outputs: [{ path: '/dev/stdout', format: 'dotenv', secret: 'db' }] }, /\/dev, where no volume/],
      [
        { outputs: [{ path: '/dev/shm/app/db', format: 'dotenv', secret: 'db' }] },
        /\/dev\/shm\/app, where no volume/,
      ],
      [
        { outputs: [{ path: '/etc/app.conf', format: 'dotenv', secret: 'db' }] },
        /\/etc, where a volume would hide/,
      ],
      [{ outputs: [{ path: '/proc/1/x', format: 'dotenv', secret: 'db' }] }, /\/proc\/1/],
      [{ outputs: [{ path: '/opt/vaultonce/dist/x', format: 'dotenv', secret: 'db' }] }, /\/opt\/vaultonce/],
      [{ outputs: [{ path: '/etc/vaultonce/x', format: 'dotenv', secret: 'db' }] }, /overlaps with/],
      [
        { outputs: [{ path: '/var/run/secrets/vaultonce/x', format: 'dotenv', secret: 'db' }] },
        /overlaps with/,
      ],
      [
        { output: { directory: '/var/run/secrets' } },
        /\/var\/run\/secrets, which overlaps with \/var\/run\/secrets\/vaultonce for the token/,
      ],
      [
        { auth: { ...BASE.auth, token_file: '/vault/secrets/token' } },
        /overlaps with \/vault\/secrets for this output/,
      ],
      [{ auth: { ...BASE.auth, token_file: 'token' } }, /the token of the service account would be in `\/`/],
    ];
    for (const [change, message] of cases) {
      const { code, message: said, where } = await refusal({ ...BASE, ...change });
      assert.equal(code, 3);
      assert.match(said ?? '', message);
      assert.match(where ?? '(none)', /vaultonce\.yaml:\d+/, said);
    }
  });

  test('3: credentials in the config, by their place and never by their text', async () => {
    const canary = 'canary-of-the-config';
    const logins = [
      { method: 'token', token: canary },
      { method: 'approle', role_id: 'x', secret_id: canary },
      { method: 'userpass', username: 'x', password: canary },
      { method: 'userpass', username: 'x', password: '${P:-canary-of-the-config}' },
      { method: 'jwt', jwt: canary },
      { method: 'custom', path: 'auth/x/login', payload: { deep: [canary] } },
    ];
    for (const auth of logins) {
      const result = await manifest({ ...BASE, auth }, [], { env: { P: 'x' } });
      assert.equal(result.code, 3, JSON.stringify(auth));
      assert.doesNotMatch(result.stdout + result.stderr, /canary/);
      const [failure] = failuresOf(result);
      assert.match(failure?.where ?? '', /vaultonce\.yaml:\d+, auth\.[a-z_]+/);
      assert.match(failure?.hint ?? '', /\$\{VAR\}/);
    }
    const two = await manifest({
      ...BASE,
      vault: { ...BASE.vault, tls: { client_cert: '/c/c', client_key: '/c/k', client_key_password: canary } },
      outputs: [{ path: 'x', contents: `hvs.${canary}` }],
    });
    assert.deepEqual(
      failuresOf(two).map(({ where = '' }) => where.split(', ')[1]),
      ['vault.tls.client_key_password', 'outputs[0].contents'],
    );
    assert.doesNotMatch(two.stdout + two.stderr, /canary/);
    const given = await manifest(BASE, ['--auth', 'token', '--set', `auth.token=${canary}`]);
    assert.equal(given.code, 3);
    assert.doesNotMatch(given.stdout + given.stderr, /canary/);
  });

  test('3: no login that a pod has, no output, an owner that is not its user', async () => {
    const without = { vault: BASE.vault, secrets: BASE.secrets, outputs: BASE.outputs, output: BASE.output };
    for (const config of [
      without,
      { ...BASE, auth: { method: 'token' } },
      { ...BASE, auth: { method: 'jwt', source: 'gitlab', role: 'x' } },
    ]) {
      const { code, message, hint } = await refusal(config);
      assert.equal(code, 3);
      assert.match(message ?? '', /^no pod has what the login is with: /);
      assert.match(hint ?? '', /--auth kubernetes --role ROLE/);
    }
    const nothing = await refusal({ ...BASE, outputs: [], environment: { A: 'db#a' } });
    assert.equal(nothing.code, 3);
    assert.match(nothing.hint ?? '', /`environment:` is for `exec`/);
    const owned = { ...BASE, output: { ...BASE.output, owner: 1000 } };
    assert.equal(container((await full(owned)).pod).securityContext?.runAsUser, 1000);
    const other = await refusal(owned, ['--user', '1001']);
    assert.equal(other.code, 3);
    assert.match(other.message ?? '', /1001/);
    const ca = await refusal(without, ['--auth', 'kubernetes', '--role', 'x'], {
      env: { VAULT_CACERT: '/nonexistent' },
    });
    assert.equal(ca.code, 3);
    assert.equal(ca.where, '$VAULT_CACERT');
    const named = { ...without, vault: { ...BASE.vault, tls: { ca_cert: '/nonexistent' } } };
    const inPolicies = await refusal(named, ['--format', 'policy', '--auth', 'kubernetes', '--role', 'x']);
    assert.equal(inPolicies.code, 3);
    assert.equal(inPolicies.where, 'vault.tls.ca_cert');
    assert.match(inPolicies.hint ?? '', /--set vault\.tls\.ca_cert=FILE/);
  });

  test('what only the pod knows is taken for nothing else', async () => {
    const secret = (fields: object): object => ({
      kubernetes_secret: { name: 'web', key: 'a', ...fields },
      value: 'db#a',
    });
    const rolesOf = async (fields: object, args: readonly string[] = []): Promise<Fields[]> => {
      const config = { ...BASE, outputs: [secret(fields)] };
      const env = { POD_NAME: 'here', POD_NAMESPACE: 'here' };
      const objects = objectsIn(await manifest(config, ['--format', 'objects', ...args], { env }));
      return objects.filter(({ kind }) => kind === 'Role');
    };
    const [each] = await rolesOf({ name: 'web-${POD_NAME}' });
    const rule = { apiGroups: [''], resources: ['secrets'] };
    assert.deepEqual(each?.['rules'], [
      { ...rule, verbs: ['create'] },
      { ...rule, verbs: ['patch'] },
    ]);
    const [own] = await rolesOf({ namespace: '${POD_NAMESPACE}' }, ['--pod-namespace', 'shop']);
    assert.deepEqual(own?.['metadata'], { name: 'web-vaultonce', namespace: 'shop' });

    const path = '${POD_NAME}/db.env';
    const below = { ...BASE, outputs: [{ ...BASE.outputs[0], path }] };
    const { pod } = await full(below);
    assert.equal(container(pod).volumeMounts?.[0]?.mountPath, '/vault/secrets');
    const outside = [{ ...BASE.outputs[0], path: `/vault/${path}` }];
    const refused = await refusal({ ...BASE, output: {}, outputs: outside });
    assert.equal(refused.code, 3);
    assert.match(refused.message ?? '', /a directory that only the pod can name/);
  });

  test('2: flags that no object can have are not quoted', async () => {
    for (const args of [
      ['--name', 'hvs.canary'],
      ['--container', 'Web_canary'],
      ['--image', 'a canary'],
      ['--user', '0'],
      ['--user', 'canary'],
      ['--pod-namespace', 'a.canary'],
      ['--service-account', 'Canary-canary'],
      ['--audience', 'a canary'],
      ['--ca', '-canary'],
      ['--container', 'vaultonce'],
      ['--format', 'canary'],
    ]) {
      const result = await manifest(BASE, args);
      assert.equal(result.code, 2, args.join(' '));
      assert.equal(result.stdout, '');
      assert.doesNotMatch(result.stderr, /canary/);
    }
  });

  test('--watch: a native sidecar, and how the kubelet asks whether it is ready', async () => {
    const sidecar = async (watch?: object): Promise<Fields> => {
      const config = watch === undefined ? BASE : { ...BASE, watch };
      const objects = objectsIn(await manifest(config, ['--format', 'full', '--watch']));
      for (const object of objects) assert.deepEqual(kubernetes.problemsWith(object), []);
      return container(podOf(objects.at(-1)!)!) as unknown as Fields;
    };
    const often = { periodSeconds: 1, failureThreshold: 120 };
    const assumed = await sidecar();
    assert.equal(assumed['restartPolicy'], 'Always');
    const args = ['watch', '-c', '/etc/vaultonce/vaultonce.yaml'];
    assert.deepEqual(assumed['args'], [...args, '--set', 'watch.health.address=:9102']);
    assert.deepEqual(assumed['startupProbe'], { httpGet: { path: '/readyz', port: 9102 }, ...often });
    const declared = await sidecar({ health: { address: '0.0.0.0:8081' } });
    assert.deepEqual(declared['args'], args);
    assert.deepEqual(declared['startupProbe'], { httpGet: { path: '/readyz', port: 8081 }, ...often });
    for (const address of ['127.0.0.1:8081', 'unix:///vault/secrets/health']) {
      const { startupProbe } = await sidecar({ health: { address } });
      const command = ['/usr/local/bin/vaultonce', 'watch', '--probe', ...args.slice(1)];
      assert.deepEqual(startupProbe, { exec: { command }, ...often, timeoutSeconds: 5 });
    }
    const policies = await manifest(BASE, ['--format', 'policy', '--watch']);
    assert.equal(policies.code, 2, policies.stderr);
  });

  test('--watch: what tells the application has what it needs', async () => {
    const [output] = BASE.outputs;
    const toNginx = { signal: 'SIGHUP', process: 'nginx' };
    const toFile = { signal: 'SIGHUP', pid_file: '/run/app/app.pid' };
    const told = (on_change: object): object => ({ ...BASE, outputs: [{ ...output, on_change }] });
    const userNote = /processes of the same user.*as user 65532, or add --user/;
    for (const config of [told(toNginx), told(toFile), { ...BASE, watch: { on_change: toNginx } }]) {
      const { objects, pod } = await full(config, ['--watch']);
      assertValid(objects, 'full');
      assert.equal(pod.shareProcessNamespace, true);
      for (const [format, apply] of [
        ['patch', (patch: Fields) => kubernetes.patched(ownDeployment('web'), patch)],
        ['kustomize', (component: Fields) => applied(component, ownDeployment('web'))],
      ] as const) {
        const printed = await manifest(config, ['--watch', '--format', format]);
        const made = apply(objectsIn(printed)[0]!);
        assertValid([made], format);
        assert.equal(podOf(made)?.shareProcessNamespace, true, format);
        assert.match(notesOf(printed).join(' '), userNote);
        const asUser = await manifest(config, ['--watch', '--format', format, '--user', '101']);
        assert.doesNotMatch(notesOf(asUser).join(' '), userNote);
      }
    }
    // Nobody sends a signal.
    for (const [config, ...args] of [
      [told(toNginx)],
      [{ ...told({ http: { url: 'http://127.0.0.1:80/' } }), watch: { on_change: toNginx } }, '--watch'],
    ] as const) {
      const { pod } = await full(config, args);
      assert.equal(pod.shareProcessNamespace, undefined);
    }
    for (const [handler, note] of [
      [toFile, /^the sidecar needs a volume with the pid_file \(.*outputs\[0\]/],
      [{ http: { url: 'unix:///run/app/reload.sock' } }, /^the sidecar needs a volume with the socket/],
      [{ run: ['./reload'] }, /^the image must have the program that is run/],
    ] as const) {
      const notes = notesOf(await manifest(told(handler), ['--watch']));
      assert.equal(notes.filter((one) => note.test(one)).length, 1, notes.join('\n'));
    }
  });

  test('--watch: a socket of health has a volume that the sidecar can write to', async () => {
    const watched = (path: string): object => ({ ...BASE, watch: { health: { address: `unix://${path}` } } });
    const { objects, pod } = await full(watched('/run/vaultonce/health.sock'), ['--watch']);
    assertValid(objects, 'full');
    const mount = { name: 'vaultonce-health', mountPath: '/run/vaultonce' };
    assert.deepEqual(container(pod).volumeMounts?.at(-1), mount);
    assert.deepEqual(volume(pod, 'health')?.['emptyDir'], { medium: 'Memory', sizeLimit: '1Mi' });
    assert.ok(pod.containers?.every(({ volumeMounts }) => volumeMounts?.length === 1));
    for (const path of ['/vault/secrets/health.sock', '/vault/secrets/own/health.sock'])
      assert.equal(volume((await full(watched(path), ['--watch'])).pod, 'health'), undefined, path);
    const { code, message, where } = await refusal(watched('/run/health.sock'), ['--watch']);
    assert.equal(code, 3);
    assert.match(message ?? '', /the socket of health would be in \/run/);
    assert.match(where ?? '', /watch\.health\.address/);
  });

  test('3: --watch: what `watch` refuses at its start, in the same words', async () => {
    for (const watch of [
      { on_change: 'restart' },
      { on_change: { signal: 'SIGHUP' } },
      { health: { address: 'nowhere' } },
    ]) {
      const config = { ...BASE, watch };
      const refused = await refusal(config, ['--watch']);
      const started = await runCli(['watch', '-c', workspace.path('vaultonce.yaml')]);
      const [failure] = failuresOf(started);
      const { message, hint, where } = refused;
      assert.deepEqual(
        { message, hint, where },
        {
          message: failure?.message,
          hint: failure?.hint,
          where: failure?.where,
        },
      );
      assert.deepEqual([refused.code, started.code], [3, 3]);
      assert.equal((await manifest(config)).code, 0, 'an init container ends before anything changes');
    }
  });

  test('policies for all pods: server and login of the config, everything else as in the examples', async () => {
    const ca = workspace.write('ca.pem', 'the CA\n');
    const config = {
      vault: {
        address: 'https://vault.example.com:8200',
        namespace: 'team-a',
        tls: { ca_cert: ca, skip_verify: false },
      },
      auth: { method: 'jwt', mount: 'prod', role: 'any', jwt_file: '/var/run/secrets/tokens/vault' },
    };
    const args = ['--format', 'policy', '--image', 'registry.example.com/v:1', '--audience', 'prod'];
    const objects = objectsIn(await manifest(config, args, { env: { VAULT_SKIP_VERIFY: 'true' } }));
    for (const object of objects) assert.deepEqual(kubernetes.problemsWith(object), []);
    const [parameters, ...policies] = objects;
    assert.deepEqual(parameters, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'vaultonce-inject', namespace: 'vault' },
      data: {
        image: 'registry.example.com/v:1',
        audience: 'prod',
        'auth-method': 'jwt',
        'auth-token-key': 'jwt_file',
        VAULT_ADDR: 'https://vault.example.com:8200',
        VAULT_NAMESPACE: 'team-a',
        VAULT_SKIP_VERIFY: 'false',
        VAULT_CACERT_BYTES: 'the CA\n',
        'defaults.yaml':
          'auth:\n  method: jwt\n  mount: prod\n  jwt_file: /var/run/secrets/vaultonce/token\n',
      },
    });
    const committed = ['validation.yaml', 'policies.yaml'].flatMap(
      (name) => loadAll(readFileSync(join(root, 'examples/kubernetes-injection', name), 'utf8')) as object[],
    );
    assert.deepEqual(policies, committed);
    const elsewhere = objectsIn(await manifest(config, [...args, '--pod-namespace', 'platform']));
    assert.match(JSON.stringify(elsewhere), /"paramRef":{"name":"vaultonce-inject","namespace":"platform"/);
  });
});

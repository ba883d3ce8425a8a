import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { dump, load, loadAll } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { runCli } from '../support/cli.ts';
import {
  kubernetesSchemas,
  podOf,
  podProblems,
  unrestricted,
  type Fields,
  type Kubernetes,
  type KubernetesObject,
  type PodSpec,
} from '../support/kubernetes.ts';
import { needsKubectl, needsPlugins } from '../support/needs.ts';
import { serviceAccountToken, setUpServer, startTokenReviews } from '../support/token-reviews.ts';
import { createWorkspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../../examples/kubernetes');
const files = globSync('*.yaml', { cwd: root }).sort();

const documentsOf = (file: string): Fields[] => loadAll(readFileSync(join(root, file), 'utf8')) as Fields[];
const isPatch = (document: Fields): boolean => document['apiVersion'] === undefined;

describe('the manifests of the examples', () => {
  let kubernetes: Kubernetes;
  before(async () => {
    kubernetes = await kubernetesSchemas();
  });
  const deployment = (): KubernetesObject =>
    documentsOf('deployment.yaml').at(-1) as unknown as KubernetesObject;
  /** With patches applied to what they are for. */
  const objectsOf = (file: string): KubernetesObject[] =>
    documentsOf(file).map((document) =>
      isPatch(document)
        ? kubernetes.patched(deployment(), document)
        : (document as unknown as KubernetesObject),
    );
  const podIn = (file: string): PodSpec => {
    const pod = objectsOf(file)
      .map(podOf)
      .find((one) => one !== undefined);
    assert.ok(pod, file);
    return pod;
  };

  test('they are found, each says what it is for', () => {
    assert.ok(files.length >= 8, files.join());
    for (const file of [...files, 'server-setup.sh'])
      assert.match(readFileSync(join(root, file), 'utf8'), /^(?:#!.*\n)?# .{40}/, file);
  });

  for (const file of files) {
    test(`${file}: valid for Kubernetes, with the restricted profile and what was measured`, () => {
      for (const object of objectsOf(file)) {
        assert.deepEqual(kubernetes.problemsWith(object), [], file);
        const pod = podOf(object);
        if (pod === undefined) continue;
        const claims = (object['spec'] as { volumeClaimTemplates?: { metadata: { name: string } }[] })
          .volumeClaimTemplates;
        const volumes = [
          ...(pod.volumes ?? []),
          ...(claims ?? []).map(({ metadata }) => ({ name: metadata.name, emptyDir: {} })),
        ];
        assert.deepEqual(podProblems({ ...pod, volumes }), [], file);
        assert.deepEqual(unrestricted(pod), [], file);
        const [own] = [...(pod.initContainers ?? []), ...(pod.containers ?? [])];
        assert.equal(own?.name, 'vaultonce');
        assert.deepEqual(own.resources, {
          requests: { cpu: '50m', memory: '64Mi' },
          limits: { memory: '128Mi' },
        });
        assert.equal(own.terminationMessagePolicy, 'FallbackToLogsOnError');
      }
    });
  }

  test('their configs are valid, and write below a volume in memory, or Secrets that the Role names', async () => {
    const configs = files.flatMap((file) =>
      documentsOf(file)
        .filter(({ kind }) => kind === 'ConfigMap')
        .map(({ data }) => ({ file, data: data as Readonly<Record<string, string>> })),
    );
    assert.equal(configs.length, 6);
    const app = await startApp();
    try {
      for (const { file, data } of configs) {
        for (const [name, text] of Object.entries(data)) app.workspace.write(`${file}/${name}`, text);
        const env = { POD_NAME: 'db-0', POD_NAMESPACE: 'default' };
        const { code, stdout, stderr } = await runCli(
          ['check', '--json', '-c', app.workspace.path(file, 'vaultonce.yaml')],
          { env },
        );
        assert.equal(code, 0, stderr);
        const { outputs } = JSON.parse(stdout) as { outputs: { path: string }[] };
        const roles = documentsOf(file).filter(({ kind }) => kind === 'Role') as {
          rules: { resourceNames?: string[] }[];
        }[];
        const named = roles.flatMap(({ rules }) => rules.flatMap(({ resourceNames = [] }) => resourceNames));
        for (const { path } of outputs) {
          const [, secret] = /^kubernetes:(.+)$/.exec(path) ?? [];
          if (secret !== undefined) assert.ok(named.includes(secret), path);
          else assert.match(path, /^\/vault\/secrets\//);
        }
        if (named.length === 0)
          assert.deepEqual(podIn(file).volumes?.find(({ name }) => name === 'secrets')?.['emptyDir'], {
            medium: 'Memory',
            sizeLimit: '8Mi',
          });
      }
    } finally {
      await app.stop();
    }
  });

  test('`vaultonce manifest` makes of its config what the Deployment has', async () => {
    const workspace = createWorkspace();
    const { data } = documentsOf('deployment.yaml')[0] as { data: Readonly<Record<string, string>> };
    for (const [name, text] of Object.entries(data)) workspace.write(name, text);
    const args = ['manifest', '--name', 'web', '--format', 'full', '-c', workspace.path('vaultonce.yaml')];
    const { stdout, stderr } = await runCli(args);
    const objects = loadAll(stdout) as KubernetesObject[];
    workspace.remove();
    assert.ok(objects.length > 0, stderr);
    /** With the volumes themselves in the place of their names, of which the one has shorter ones. */
    const described = ({ securityContext, initContainers = [], containers = [], volumes = [] }: PodSpec) => ({
      securityContext,
      containers: [...initContainers, ...containers].map(({ volumeMounts = [], ...container }) => ({
        ...container,
        securityContext: undefined,
        mounts: volumeMounts
          .map(({ name, ...mount }) => ({
            ...mount,
            source: { ...volumes.find((one) => one.name === name), name: '' },
          }))
          .sort((a, b) => (a.mountPath < b.mountPath ? -1 : 1)),
      })),
    });
    assert.deepEqual(described(podOf(objects.at(-1)!)!), described(podIn('deployment.yaml')));
  });

  test('the CronJob makes the Job', () => {
    const [cronJob] = documentsOf('cronjob.yaml') as { spec: { jobTemplate: { spec: object } } }[];
    const [job] = documentsOf('job.yaml');
    assert.deepEqual(cronJob?.spec.jobTemplate.spec, job?.['spec']);
  });

  test('patches: what they are for, and nothing else', () => {
    const before = podOf(deployment())!;
    assert.equal(before.securityContext?.runAsUser, 65_532);
    assert.deepEqual(podIn('openshift.yaml'), {
      ...before,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    const other = podIn('other-user.yaml');
    assert.deepEqual(other.initContainers, before.initContainers);
    assert.equal(other.containers?.[0]?.securityContext?.runAsUser, 1000);
    assert.equal(other.securityContext?.fsGroup, 65_532);
    assert.deepEqual(podIn('mesh.yaml'), before);
  });

  test('a patch by kubectl is the same', needsKubectl(), () => {
    const workspace = createWorkspace();
    const target = workspace.write('deployment.yaml', dump(deployment()));
    for (const file of files.filter((one) => documentsOf(one).some(isPatch))) {
      const { status, stdout, stderr } = spawnSync(
        'kubectl',
        ['patch', '--local', '-f', target, '--patch-file', join(root, file), '-o', 'yaml'],
        { encoding: 'utf8' },
      );
      assert.equal(status, 0, stderr);
      assert.deepEqual(load(stdout), objectsOf(file)[0], file);
    }
    workspace.remove();
  });

  describe('the kustomize component', () => {
    const read = (name: string): Fields =>
      load(readFileSync(join(root, 'kustomize', name), 'utf8')) as Fields;

    /** What kustomize makes of the overlay, as its files say it. */
    const expected = (): KubernetesObject => {
      const { patches } = read('component/kustomization.yaml') as {
        patches: { path: string; target: { kind: string; labelSelector: string } }[];
      };
      const [patch] = patches;
      const own = read('overlay/deployment.yaml') as unknown as KubernetesObject & {
        metadata: { labels: Record<string, string> };
      };
      const [label = '', value] = patch?.target.labelSelector.split('=') ?? [];
      assert.equal(own.kind, patch?.target.kind);
      assert.equal(own.metadata.labels[label], value);
      const { spec } = read(`component/${patch?.path ?? ''}`);
      return kubernetes.patched(own, { spec });
    };

    test('its Deployment is valid, and mounts what the component brings', async () => {
      const object = expected();
      assert.deepEqual(kubernetes.problemsWith(object), []);
      assert.deepEqual(podProblems(podOf(object)!), []);
      assert.deepEqual(unrestricted(podOf(object)!), []);
      const config = join(root, 'kustomize/component/vaultonce.yaml');
      assert.equal((await runCli(['check', '-c', config])).code, 0);
    });

    test('kustomize makes the same of it', needsKubectl(), () => {
      const { status, stdout, stderr } = spawnSync(
        'kubectl',
        ['kustomize', join(root, 'kustomize/overlay')],
        {
          encoding: 'utf8',
        },
      );
      assert.equal(status, 0, stderr);
      const [map, built] = loadAll(stdout) as [KubernetesObject, KubernetesObject];
      const name = map.metadata?.name ?? '';
      assert.match(name, /^vaultonce-\w{10}$/);
      assert.deepEqual(map['data'], {
        'vaultonce.yaml': readFileSync(join(root, 'kustomize/component/vaultonce.yaml'), 'utf8'),
      });
      assert.deepEqual(
        built,
        JSON.parse(
          JSON.stringify(expected()).replace(
            '"configMap":{"name":"vaultonce"}',
            `"configMap":{"name":"${name}"}`,
          ),
        ),
      );
    });
  });
});

describe('the set-up of the server', await needsPlugins('auth/kubernetes'), () => {
  let app: TestApp;
  before(async () => {
    app = await startApp({ tls: true });
  });
  after(() => app.stop());

  test('lets the Deployment log in, and read what its config names', async () => {
    const cluster = await startTokenReviews();
    try {
      const { workspace, server } = app;
      const { data } = documentsOf('deployment.yaml')[0] as { data: Readonly<Record<string, string>> };
      for (const [name, text] of Object.entries(data)) workspace.write(`etc/${name}`, text);
      const config = workspace.path('etc/vaultonce.yaml');
      await setUpServer(app, cluster, config, 'web');
      // Again, after a change of the config.
      await setUpServer(app, cluster, config, 'web');
      await app.putKv2('web/db', { host: 'db.internal', password: 'p' });
      await app.putKv2('web/tls', { private_key: 'key' });
      await app.putKv2('other/db', { password: 'p' });
      const token = workspace.write('token', serviceAccountToken('web', 'vault'));
      const args = [
        ...['render', '-c', config, '--set', `vault.address=${server.address}`],
        ...['--set', `auth.token_file=${token}`, '--set', `output.directory=${workspace.path('out')}`],
      ];
      const { code, stderr } = await runCli(args);
      assert.equal(code, 0, stderr);
      assert.equal(workspace.read('out/db.env'), 'DB_HOST=db.internal\nDB_PASSWORD=p\n');
      assert.equal(await server.tokensLeft(), 0);
      const more = await runCli([...args, '--secret', 'other=secret/other/db']);
      assert.equal(more.code, 5, 'no more than that');
      writeFileSync(token, serviceAccountToken('web', 'elsewhere'));
      assert.equal((await runCli(args)).code, 4, 'no token for somebody else');
    } finally {
      cluster.stop();
    }
  });
});

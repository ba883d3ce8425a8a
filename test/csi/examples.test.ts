import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { runCli } from '../support/cli.ts';
import { modesOf, needsDriver, textsOf, type MountResult } from '../support/csi-driver.ts';
import type { RunningProvider } from '../support/csi-provider.ts';
import { PROVIDER, startVaultonce } from '../support/csi-vaultonce.ts';
import { startCsiWorld, type CsiWorld } from '../support/csi-world.ts';
import { kubernetesSchemas, podOf, type KubernetesObject } from '../support/kubernetes.ts';
import { needsPlugins } from '../support/needs.ts';

const root = join(import.meta.dirname, '../../examples/kubernetes-csi');
const files = globSync('*.yaml', { cwd: root }).sort();

interface ProviderClass {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly provider: string;
    readonly parameters: Readonly<Record<string, string>>;
    readonly secretObjects?: readonly {
      readonly data: readonly { readonly objectName: string }[];
    }[];
  };
}

const CLASS = 'SecretProviderClass';
const objectsIn = (file: string): KubernetesObject[] =>
  loadAll(readFileSync(join(root, file), 'utf8')) as KubernetesObject[];
const isClass = (object: KubernetesObject): boolean => object.kind === CLASS;
const classIn = (file: string): ProviderClass => objectsIn(file).find(isClass) as unknown as ProviderClass;

describe('the manifests for the CSI driver', () => {
  test('they are valid for Kubernetes, and each says what it is for', async () => {
    const kubernetes = await kubernetesSchemas();
    assert.ok(files.length >= 6, files.join());
    for (const file of files) {
      assert.match(readFileSync(join(root, file), 'utf8'), /^# .{40}/, file);
      for (const object of objectsIn(file).filter((one) => !isClass(one)))
        assert.deepEqual(kubernetes.problemsWith(object), [], file);
    }
  });

  test('the provider on each node has no more rights than it needs, and flags that exist', async () => {
    const pod = objectsIn('daemonset.yaml')
      .map(podOf)
      .find((one) => one !== undefined);
    const [container] = pod?.containers ?? [];
    assert.ok(container);
    assert.deepEqual(container.securityContext, {
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const { stdout } = await runCli(['csi', '--help']);
    const [command, ...flags] = container.args ?? [];
    assert.equal(command, 'csi');
    for (const flag of flags) assert.ok(stdout.includes(`${flag.split('=')[0] ?? ''} `), flag);
  });

  test('a pod mounts the class, and each synced Secret is of a file of it', () => {
    const [, pod] = objectsIn('native.yaml');
    const { volumes } = (pod as unknown as { spec: { volumes: unknown[] } }).spec;
    assert.ok(
      JSON.stringify(volumes).includes(`"secretProviderClass":"${classIn('native.yaml').metadata.name}"`),
    );
    const { spec } = classIn('secret-sync.yaml');
    for (const { data } of spec.secretObjects ?? [])
      for (const { objectName } of data)
        assert.ok(spec.parameters['config']?.includes(`path: ${objectName},`), objectName);
  });
});

const driver = await needsDriver();
const needs = driver.skip === false ? await needsPlugins('auth/kubernetes', 'secret/pki') : driver;

describe('the classes for the CSI driver', needs, () => {
  let world: CsiWorld;
  let provider: RunningProvider;
  before(async () => {
    world = await startCsiWorld();
    provider = await startVaultonce(world);
    await world.putKv2('web/db', { user: 'web', password: 'one' });
  });
  after(async () => {
    await provider.stop();
    await world.stop();
  });
  const mounted = async (file: string): Promise<MountResult> => {
    const pod = world.startPod(file.replace('.yaml', ''));
    const result = await world.mount(PROVIDER, pod, classIn(file).spec.parameters);
    assert.equal(result.message, '', file);
    return result;
  };

  test('a config', async () => {
    const result = await mounted('native.yaml');
    const { 'tls/web.pem': pem, ...texts } = textsOf(result);
    assert.deepEqual(texts, { 'db.env': 'password=one\nuser=web\n', url: 'postgres://web:one@db/web' });
    assert.match(pem ?? '', /^-----BEGIN/);
    assert.equal(modesOf(result)['tls/web.pem'], '0440');
  });

  test('objects', async () => {
    const result = await mounted('drop-in.yaml');
    const { 'certificate.json': whole, ...texts } = textsOf(result);
    assert.deepEqual(texts, { password: 'one', user: 'web' });
    assert.equal(modesOf(result)['password'], '0640');
    assert.match((JSON.parse(whole ?? '') as { data: { certificate: string } }).data.certificate, /BEGIN/);
  });

  test('what migrate makes of a class fills the same files', async () => {
    const directory = join(root, '../migrating/csi');
    const load = (file: string): ProviderClass =>
      loadAll(readFileSync(join(directory, file), 'utf8'))[0] as ProviderClass;
    const given = load('class.yaml');
    const made = load('made/vaultonce-class.yaml');
    assert.equal(made.spec.provider, 'vaultonce');
    assert.deepEqual([made.metadata, made.spec.secretObjects], [given.metadata, given.spec.secretObjects]);
    // Both name a server of their cluster.
    const { vaultAddress = '', ...others } = given.spec.parameters;
    const config = (made.spec.parameters['config'] ?? '').replace(vaultAddress, world.server.address);
    const [before, after] = await Promise.all(
      [others, { config }].map((parameters, index) =>
        world.mount(PROVIDER, world.startPod(`migrated-${String(index)}`), parameters),
      ),
    );
    assert.equal(after?.message, '');
    assert.deepEqual(before && modesOf(before), modesOf(after));
    assert.equal(before && textsOf(before)['password'], textsOf(after)['password']);
    assert.match(textsOf(after)['tls.key'] ?? '', /PRIVATE KEY/);
  });

  test('what a Secret is made of', async () => {
    assert.deepEqual(textsOf(await mounted('secret-sync.yaml')), { password: 'one' });
  });

  test('what comes with a lease', async () => {
    const { api } = world.server;
    await api.post('sys/policies/acl/app', {
      policy: ['secret/*', 'pki/*', 'database/*', 'sys/internal/ui/mounts/*']
        .map((path) => `path "${path}" { capabilities = ["create", "read", "update"] }`)
        .join('\n'),
    });
    const result = await world.mount(
      PROVIDER,
      world.startPod('rotation'),
      classIn('rotation.yaml').spec.parameters,
    );
    // Without a database in this world, it gets as far as the request for its credentials.
    assert.match(result.message, /database\/creds\/web/);
  });
});

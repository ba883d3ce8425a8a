import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { findOnPath } from '../support/binary.ts';
import { needsMounts, needsRoot } from '../support/needs.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const finalStage = dockerfile.slice(dockerfile.indexOf('FROM scratch'));

/** The instruction of the final stage whose JSON list this is. */
function listOf(instruction: string): string[] {
  const line = new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(finalStage)?.[1] ?? '[]';
  return JSON.parse(line) as string[];
}

/** No Docker daemon is needed to see what the image holds: its final stage is laid out as it says, and entered. */
describe('the image', needsRoot(), () => {
  let app: TestApp;
  let image: Workspace;
  let chroot: string;
  before(async () => {
    app = await startApp();
    // By its path: the environment of the program inside has no PATH, and that of root not always /usr/sbin.
    chroot = (await findOnPath('chroot')) ?? '/usr/sbin/chroot';
    await app.putKv2('web', { password: 'pass-1' });
    // Not in memory, of which a container has 64 MB by default, from where it starts nothing.
    image = createWorkspace(tmpdir());
    execFileSync('sh', [join(root, '.config/image-root.sh'), process.execPath, image.root]);
    for (const [, sources = '', to = ''] of finalStage.matchAll(/^COPY --from=build (\/src\/.*) (\S+)$/gm)) {
      const files = sources.split(' ').map((source) => source.replace('/src/', ''));
      for (const file of files) {
        const isDirectory = statSync(join(root, file)).isDirectory();
        cpSync(join(root, file), join(image.root, to, isDirectory ? '' : basename(file)), {
          recursive: true,
        });
      }
    }
    chmodSync(image.root, 0o755);
    mkdirSync(image.path('vault/secrets'), { recursive: true });
    // As the kubelet makes an emptyDir.
    if (hasVolume) execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', image.path('vault/secrets')]);
    chmodSync(image.path('vault/secrets'), 0o1777);
  });
  after(async () => {
    if (hasVolume) execFileSync('umount', [image.path('vault/secrets')]);
    image.remove();
    await app.stop();
  });

  // Root of a container may not mount any.
  const hasVolume = needsMounts().skip === false;
  const volume = hasVolume ? {} : { VAULTONCE_ALLOW_DISK: 'true' };
  const run = (user: string, env: Record<string, string>, args: readonly string[]) =>
    spawnSync(chroot, [`--userspec=${user}`, image.root, ...listOf('ENTRYPOINT'), ...args], {
      encoding: 'utf8',
      env: { ...volume, ...env },
    });

  const user = /^USER (\S+)$/m.exec(finalStage)?.[1] ?? '';

  for (const [who, userAndGroup] of [
    ['its own user', user],
    ['an arbitrary UID with GID 0', '1000620000:0'],
  ] as const) {
    test(`runs as ${who}, without a shell, a home, /tmp and /proc`, () => {
      const output = `/vault/secrets/${userAndGroup.replace(':', '-')}`;
      const config = {
        vault: { address: app.server.address },
        auth: app.auth,
        secrets: { web: 'secret/web' },
        outputs: [{ path: `${output}/password`, secret: 'web', key: 'password' }],
      };
      const result = run(userAndGroup, { VAULTONCE_CONFIG_INLINE: JSON.stringify(config) }, listOf('CMD'));
      assert.equal(result.status, 0, result.stderr);
      assert.equal(image.read(`${output.slice(1)}/password`), 'pass-1');
      assert.equal(image.mode(`${output.slice(1)}/password`), '0400');
      assert.equal(String(statSync(image.path(output, 'password')).uid), userAndGroup.split(':')[0]);
    });
  }

  test('the init container of the Kubernetes example writes its files', async () => {
    await app.putKv2('web/db', { host: 'db.internal', password: 'a=b' });
    await app.putKv2('web/tls', { private_key: 'key' });
    const { auth: issued } = await app.server.api.post('auth/token/create', { policies: ['app'] });
    const manifests = loadAll(readFileSync(join(root, 'examples/kubernetes/deployment.yaml'), 'utf8'));
    const [config, deployment] = manifests as [
      { readonly data: Readonly<Record<string, string>> },
      {
        readonly spec: {
          readonly template: {
            readonly spec: {
              readonly securityContext: { readonly runAsUser: number; readonly runAsGroup: number };
              readonly initContainers: readonly { readonly args: readonly string[] }[];
            };
          };
        };
      },
    ];
    for (const [name, content] of Object.entries(config.data)) image.write(`etc/vaultonce/${name}`, content);
    const { securityContext, initContainers } = deployment.spec.template.spec;
    const { runAsUser, runAsGroup } = securityContext;
    // There is no cluster here to vouch for a service account.
    const args = [...(initContainers[0]?.args ?? []), '--auth', 'token'];
    const env = { VAULT_ADDR: app.server.address, VAULT_TOKEN: issued?.client_token ?? '' };
    const result = run(`${String(runAsUser)}:${String(runAsGroup)}`, env, args);
    await app.server.revokeTokens();
    assert.equal(result.status, 0, result.stderr);
    assert.equal(image.read('vault/secrets/db.env'), 'DB_HOST=db.internal\nDB_PASSWORD=a=b\n');
    assert.match(image.read('vault/secrets/app.properties'), /^db\.password=a\\?=b$/m);
    assert.equal(image.mode('vault/secrets/tls.key'), '0440');
    assert.equal(statSync(image.path('vault/secrets/tls.key')).gid, runAsGroup);
  });

  test('its code cache fits its Node', () => {
    const version = execFileSync(process.execPath, ['--version'], { encoding: 'utf8' }).trim();
    assert.equal(/^ARG NODE_VERSION=(\S+)$/m.exec(dockerfile)?.[1], version.slice(1));
  });

  test('says what to do without a token, although nobody knows the home of its user', () => {
    const args = ['render', '--out', '/vault/secrets/x=secret/web#password'];
    const result = run('1000620000:0', { VAULT_ADDR: app.server.address }, args);
    assert.equal(result.status, 3);
    assert.match(result.stderr, /there is no token and no auth method/);
  });

  test('says what to do without a config', () => {
    const result = run(user, {}, listOf('CMD'));
    assert.equal(result.status, 3);
    assert.match(result.stderr, /no config found/);
  });
});

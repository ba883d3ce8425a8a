import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { loadAll } from 'js-yaml';
import { BUNDLES, CACHES } from '../../.config/bundle.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createImitation } from '../support/certificates.ts';
import { failuresOf } from '../support/cli.ts';
import {
  createImageRoot,
  createRoot,
  layImage,
  listOf,
  tarOf,
  USER,
  type EnterOptions,
  type ImageRoot,
  type Kind,
} from '../support/image-root.ts';
import { startNameServer } from '../support/name-server.ts';
import { needsOwnNames } from '../support/needs.ts';
import { createWorkspace, type Workspace } from '../support/workspace.ts';

const root = join(import.meta.dirname, '../..');

/**
 * MB of the layer, with zstd -3, which takes half a second. What zstd -19 makes is 0.82 of it, and the image is to be 50 MB at
 * most: that takes a minute and a half.
 */
const LARGEST_MB: Readonly<Record<Kind, number>> = { standalone: 58, node: 50 };
const PROGRAMS: Readonly<Record<Kind, readonly string[]>> = {
  standalone: ['usr/local/bin/vaultonce'],
  node: [
    ...['opt/vaultonce/bin/vaultonce.mjs', 'opt/vaultonce/package.json', 'usr/local/bin/node'],
    ...[...BUNDLES, ...CACHES].map((name) => `opt/vaultonce/dist/${name}`),
  ],
};

for (const kind of ['standalone', 'node'] as const) {
  /** No builder is needed to see what the image holds: its root is laid out as the build does, and entered. */
  describe(`the image: ${kind}`, needsOwnNames(), () => {
    let app: TestApp;
    let image: ImageRoot;
    let files: Workspace;
    before(async () => {
      app = await startApp({ tls: true });
      await app.putKv2('web', { password: 'pass-1' });
      files = createWorkspace();
      image = await createImageRoot(kind);
    });
    after(async () => {
      image.remove();
      files.remove();
      await app.stop();
    });

    const port = (): string => new URL(app.server.tlsAddress).port;
    /** What reads one password, from an address over TLS. */
    const render = (address: string, directory: string, options: EnterOptions = {}) => {
      const config = {
        vault: { address, tls: { ca_cert: '/etc/vaultonce/ca.pem' } },
        auth: app.auth,
        secrets: { web: 'secret/web' },
        outputs: [{ path: `/vault/secrets/${directory}/password`, secret: 'web', key: 'password' }],
      };
      return image.enter(listOf(kind, 'CMD'), {
        ...options,
        env: { VAULTONCE_CONFIG_INLINE: JSON.stringify(config) },
        mounts: { '/etc/vaultonce/ca.pem': app.server.certificates.caFile, ...options.mounts },
      });
    };

    for (const [who, user] of [
      ['its own user', USER],
      ['an arbitrary uid with GID 0', '1000620000:0'],
    ] as const) {
      test(`runs as ${who}: read-only, without privileges, a shell, a home and /tmp`, async () => {
        const directory = user.replace(':', '-');
        const { code, stderr } = await render(app.server.tlsAddress, directory, { user });
        assert.equal(code, 0, stderr);
        assert.equal(image.volume.read(`${directory}/password`), 'pass-1');
        assert.equal(image.volume.mode(`${directory}/password`), '0400');
        const { uid, gid } = statSync(image.volume.path(directory, 'password'));
        assert.equal(`${String(uid)}:${String(gid)}`, user);
        assert.equal(await app.server.tokensLeft(), 0);
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
      for (const [name, content] of Object.entries(config.data)) files.write(`config/${name}`, content);
      const { securityContext, initContainers } = deployment.spec.template.spec;
      const { runAsUser, runAsGroup } = securityContext;
      // There is no cluster here to vouch for a service account.
      const args = [...(initContainers[0]?.args ?? []), '--auth', 'token'];
      const { code, stderr } = await image.enter(args, {
        user: `${String(runAsUser)}:${String(runAsGroup)}`,
        env: { VAULT_ADDR: app.server.address, VAULT_TOKEN: issued?.client_token ?? '' },
        mounts: { '/etc/vaultonce': files.path('config') },
      });
      await app.server.revokeTokens();
      assert.equal(code, 0, stderr);
      assert.equal(image.volume.read('db.env'), 'DB_HOST=db.internal\nDB_PASSWORD=a=b\n');
      assert.match(image.volume.read('app.properties'), /^db\.password=a\\?=b$/m);
      assert.equal(image.volume.mode('tls.key'), '0440');
      assert.equal(statSync(image.volume.path('tls.key')).gid, runAsGroup);
    });

    test('finds a name in /etc/hosts', async () => {
      const hosts = files.write('hosts', '127.0.0.1 vault.internal\n');
      // Whom to ask is there, and nobody answers.
      const nobody = files.write('nobody', 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
      const { code, stderr } = await render(`https://vault.internal:${port()}`, 'by-hosts', {
        mounts: { '/etc/hosts': hosts, '/etc/resolv.conf': nobody },
      });
      assert.equal(code, 0, stderr);
      assert.equal(image.volume.read('by-hosts/password'), 'pass-1');
    });

    test('asks the name server of /etc/resolv.conf, with its search list', async () => {
      const nameServer = await startNameServer('vault.internal');
      try {
        const hosts = files.write('hosts', '127.0.0.1 localhost\n');
        const asking = `nameserver ${nameServer.address}\nsearch default.svc.cluster.local internal\noptions ndots:5\n`;
        const resolver = files.write('resolv.conf', asking);
        const { code, stderr } = await render(`https://vault:${port()}`, 'by-dns', {
          mounts: { '/etc/hosts': hosts, '/etc/resolv.conf': resolver },
        });
        // It has got as far as the certificate, which is for the whole name.
        assert.equal(code, 9, stderr);
        assert.match(
          failuresOf({ code, stderr, stdout: '' })[0]?.message ?? '',
          /ERR_TLS_CERT_ALTNAME_INVALID/,
        );
        assert.ok(nameServer.asked.includes('vault.default.svc.cluster.local'));
        const whole = await render(`https://vault.internal:${port()}`, 'by-dns', {
          mounts: { '/etc/hosts': hosts, '/etc/resolv.conf': resolver },
        });
        assert.equal(whole.code, 0, whole.stderr);
        assert.equal(image.volume.read('by-dns/password'), 'pass-1');
      } finally {
        nameServer.stop();
      }
    });

    test('knows public CAs without a file of them', async () => {
      // Let's Encrypt's, in the roots of Mozilla since 2018, until 2035.
      const subject = '/C=US/O=Internet Security Research Group/CN=ISRG Root X1';
      const { certFile, keyFile } = await createImitation(files.path('imitation'), subject);
      // Without CAs of its own, of which it would send the real one along.
      const imitation = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), ca: [] });
      await new Promise<void>((resolve) => imitation.listen(0, '127.0.0.1', resolve));
      const address = `https://127.0.0.1:${String((imitation.address() as AddressInfo).port)}`;
      const read = (mounts: EnterOptions['mounts'], env: EnterOptions['env'] = {}) =>
        image.enter(['read', '--address', address, '--auth', 'token', 'secret/web#password'], {
          env: { VAULT_TOKEN: 'none', ...env },
          ...(mounts && { mounts }),
        });
      try {
        // It was the key of the real one that did not fit.
        const known = await read({});
        assert.equal(known.code, 9);
        assert.match(failuresOf(known)[0]?.message ?? '', /\(CERT_SIGNATURE_FAILURE\)/);
        const others = { '/etc/ssl/ca.pem': app.server.certificates.caFile };
        const unknown = await read(others, { SSL_CERT_FILE: '/etc/ssl/ca.pem' });
        assert.equal(unknown.code, 9);
        assert.match(failuresOf(unknown)[0]?.message ?? '', /\((?:UNABLE_TO_|SELF_SIGNED_)[A-Z_]+\)/);
      } finally {
        imitation.close();
      }
    });

    test('has no command that `exec` could become, and says so before it asks for anything', async () => {
      app.server.takeAudit();
      const env = { VAULT_ADDR: app.server.address, VAULT_TOKEN: 'none' };
      const args = [
        'exec',
        '--auth',
        'token',
        '--env',
        'PASSWORD=secret/web#password',
        '--',
        'sh',
        '-c',
        'true',
      ];
      const result = await image.enter(args, { env });
      assert.equal(result.code, 127, result.stderr);
      assert.equal(failuresOf(result)[0]?.kind, 'no_command');
      assert.deepEqual(app.server.takeAudit(), []);
    });

    test('says what to do without a token, although nobody knows the home of its user', async () => {
      const args = ['render', '--out', '/vault/secrets/x=secret/web#password'];
      const { code, stderr } = await image.enter(args, {
        user: '1000620000:0',
        env: { VAULT_ADDR: app.server.address },
      });
      assert.equal(code, 3);
      assert.match(stderr, /there is no token and no auth method/);
    });

    test('says what to do without a config', async () => {
      const { code, stderr } = await image.enter(listOf(kind, 'CMD'));
      assert.equal(code, 3);
      assert.match(stderr, /no config found/);
    });

    describe('what is in it', () => {
      let one: Workspace;
      before(() => {
        one = createWorkspace(tmpdir());
        layImage(kind, one.root);
      });
      after(() => {
        one.remove();
      });

      test('the program, its libraries and licences: no shell, no passwd, no certificates', () => {
        const isFile = (name: string): boolean => statSync(one.path(name)).isFile();
        const isLibrary = (name: string): boolean => /^(?:usr\/)?lib(?:64)?\/.*\.so\.\d+$/.test(name);
        const isLicence = (name: string): boolean => name.startsWith('usr/share/doc/');
        const all = one.list().filter(isFile);
        const programs = all.filter((name) => !isLibrary(name) && !isLicence(name));
        assert.deepEqual(programs.sort(), [...PROGRAMS[kind]].sort());
        assert.ok(all.some((name) => /\/ld-linux[^/]*\.so\.\d$/.test(name)));
        for (const name of ['LICENSE', 'THIRD-PARTY-LICENSES.txt'])
          assert.ok(all.includes(`usr/share/doc/vaultonce/${name}`));
        const notices = one.read('usr/share/doc/vaultonce/THIRD-PARTY-LICENSES.txt');
        assert.equal(notices.includes('JavaScriptCore'), kind === 'standalone');
        assert.equal(all.includes('usr/share/doc/nodejs/LICENSE'), kind === 'node');
        for (const name of all) assert.match(one.mode(name), /^0(?:644|755)$/, name);
      });

      test('equal files make an equal layer, whoever lays it out and when', () => {
        const another = createWorkspace(tmpdir());
        const umask = process.umask(0o077);
        try {
          layImage(kind, another.root);
          assert.ok(tarOf(one.root).equals(tarOf(another.root)));
          another.clear();
          layImage(kind, another.root, { SOURCE_DATE_EPOCH: '1700000000' });
          assert.equal(statSync(another.path('usr/local/bin')).mtimeMs, 1_700_000_000_000);
          assert.equal(statSync(another.path(PROGRAMS[kind][0]!)).mtimeMs, 1_700_000_000_000);
        } finally {
          process.umask(umask);
          another.remove();
        }
      });

      test('its layer is within its budget', () => {
        const megabytes = zstdCompressSync(tarOf(one.root)).length / 1e6;
        assert.ok(megabytes < LARGEST_MB[kind], `${megabytes.toFixed(1)} MB`);
      });
    });
  });
}

test(
  'the binary of the image runs in that of an application, copied to the same path',
  needsOwnNames(),
  async () => {
    const app = await startApp();
    const image = await createImageRoot('standalone');
    const path = listOf('standalone', 'ENTRYPOINT')[0]!;
    const application = await createRoot([path], (directory) => {
      mkdirSync(join(directory, 'usr/local/bin'), { recursive: true });
      copyFileSync(join(image.root, path), join(directory, path));
    });
    try {
      await app.putKv2('web', { password: 'pass-1' });
      const { auth: issued } = await app.server.api.post('auth/token/create', { policies: ['app'] });
      // The system is the one of this machine: its loader, its libraries, its shell.
      const system = ['/bin', '/lib', '/lib64', '/usr/bin', '/usr/lib', '/usr/lib64'].filter((place) =>
        existsSync(place),
      );
      const check = 'test "$PASSWORD" = pass-1 && test -z "$VAULT_TOKEN" && echo "as $$"';
      const result = await application.enter(
        ['exec', '--auth', 'token', '--env', 'PASSWORD=secret/web#password', '--', 'sh', '-c', check],
        {
          env: {
            VAULT_ADDR: app.server.address,
            VAULT_TOKEN: issued?.client_token ?? '',
            PATH: '/usr/bin:/bin',
          },
          mounts: Object.fromEntries(system.map((place) => [place, place])),
        },
      );
      assert.equal(result.code, 0, result.stderr);
      assert.match(result.stdout, /^as \d+\n$/);
    } finally {
      application.remove();
      image.remove();
      await app.stop();
    }
  },
);

test('the Dockerfile says of the images what is so', () => {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const { version, description, license, homepage } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<string, string>;
  const label = (name: string): string | undefined =>
    new RegExp(`org\\.opencontainers\\.image\\.${name}="([^"]*)"`).exec(dockerfile)?.[1];
  assert.equal(label('version'), version);
  assert.equal(label('description'), description);
  assert.equal(label('licenses'), license);
  assert.equal(label('source'), homepage);
  // Its code cache fits its Node.
  const [, base = '', node] = /^ARG BASE=(node:([\d.]+)-\S+)$/m.exec(dockerfile) ?? [];
  assert.equal(node, process.versions.node);
  const guide = readFileSync(join(root, 'examples/kubernetes/README.md'), 'utf8');
  for (const text of [dockerfile, guide])
    for (const [named] of text.matchAll(/\bnode:\d[\w.-]*/g)) assert.equal(named, base);
  assert.match(USER, /^\d+:\d+$/);
});

test('the build context is what the Dockerfile copies: no node_modules, caches and history', () => {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
  const copied = [...dockerfile.matchAll(/^COPY ((?!--from)\S.*) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  );
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
  const [all, ...allowed] = lines.filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(all, '*');
  assert.deepEqual(allowed.sort(), copied.map((source) => `!${source}`).sort());
});

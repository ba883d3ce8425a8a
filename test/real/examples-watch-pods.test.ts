import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { loadAll } from 'js-yaml';
import { startApp, type TestApp } from '../support/app.ts';
import { runCli } from '../support/cli.ts';
import { installed } from '../support/format-readers.ts';
import { freePort } from '../support/free-port.ts';
import { podOf, type KubernetesObject } from '../support/kubernetes.ts';
import { needsOwnProcesses, needsPlugins } from '../support/needs.ts';
import { until } from '../support/patience.ts';
import { playPod, type Machine, type PlayedPod } from '../support/played-pod.ts';
import { setUpServer, startTokenReviews, type TokenReviews } from '../support/token-reviews.ts';

const root = join(import.meta.dirname, '../../examples/kubernetes');
const ADDRESS = 'https://vault.vault.svc.cluster.local:8200';

/** Reads its files at the start, and again when it is asked to; ends on SIGTERM. */
const WEB = `
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
const read = () => console.log('read ' + readFileSync(process.argv[2] + '/db.env', 'utf8').trim());
createServer((request, response) => {
  if (request.method === 'POST' && request.url === '/reload') read();
  response.end();
}).listen(Number(process.argv[3]), '127.0.0.1', read);
process.on('SIGTERM', () => process.exit(0));
`;

/** Has the name of nginx, and does what is looked at here: a certificate that is read again at SIGHUP. */
const NGINX = `#!/usr/bin/env python3
import re, signal, ssl, socket, sys
open('/proc/self/comm', 'w').write('nginx')
config = open(sys.argv[sys.argv.index('-c') + 1]).read()
setting = lambda name: re.search(name + r' ([^; ]+)', config).group(1)
contexts = []
def load(*_):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(setting('ssl_certificate'), setting('ssl_certificate_key'))
    contexts.append(context)
load()
signal.signal(signal.SIGHUP, load)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
listener = socket.create_server(('127.0.0.1', int(setting('listen'))))
while True:
    connection, _ = listener.accept()
    try: contexts[-1].wrap_socket(connection, server_side=True).close()
    except OSError: connection.close()
`;

describe('pods with a sidecar', await needsPlugins('auth/kubernetes', 'secret/pki'), () => {
  let app: TestApp;
  let cluster: TokenReviews;
  let pod: PlayedPod | undefined;
  let machine: Omit<Machine, 'images'>;
  before(async () => {
    app = await startApp({ tls: true });
    cluster = await startTokenReviews();
    const { api } = app.server;
    await api.post('sys/mounts/pki', { type: 'pki' });
    await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '48h' });
    const role = { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', max_ttl: '24h' };
    await api.post('pki/roles/web', { ...role, generate_lease: true });
    // In the place of a database.
    await api.post('sys/mounts/database', { type: 'pki' });
    await api.post('database/root/generate/internal', { common_name: 'root', ttl: '48h' });
  });
  after(async () => {
    cluster.stop();
    await app.stop();
  });
  beforeEach(async () => {
    app.workspace.clear();
    const here = {
      [ADDRESS]: app.server.address,
      ':9102': `:${String(await freePort())}`,
      ':8080': `:${String(await freePort())}`,
      'listen 8443': `listen ${String(await freePort())}`,
    };
    machine = { workspace: app.workspace, here, ca: readFileSync(app.server.certificates.caFile, 'utf8') };
  });
  afterEach(async () => {
    pod?.kill();
    await app.server.revokeTokens();
  });

  const objectsOf = (file: string): readonly KubernetesObject[] =>
    loadAll(readFileSync(join(root, file), 'utf8')) as KubernetesObject[];
  const configOf = ([map]: readonly KubernetesObject[]): string =>
    (map?.['data'] as Record<string, string>)['vaultonce.yaml'] ?? '';
  const withConfig = (
    [map, ...rest]: readonly KubernetesObject[],
    change: (text: string) => string,
  ): readonly KubernetesObject[] => {
    const data = map?.['data'] as Record<string, string>;
    const changed = change(data['vaultonce.yaml'] ?? '');
    assert.notEqual(changed, data['vaultonce.yaml']);
    return [{ ...map!, data: { ...data, 'vaultonce.yaml': changed } }, ...rest];
  };
  const play = async (
    objects: readonly KubernetesObject[],
    images: Machine['images'],
  ): Promise<PlayedPod> => {
    const role = podOf(objects.at(-1)!)?.serviceAccountName ?? '';
    const config = app.workspace.write(
      'vaultonce.yaml',
      configOf(objects)
        .replace(ADDRESS, app.server.address)
        .replace('/etc/vault-ca/ca.crt', app.server.certificates.caFile),
    );
    await setUpServer(app, cluster, config, role);
    pod = playPod(objects, { ...machine, images });
    await pod.start();
    return pod;
  };
  const leases = async (path: string): Promise<number> => {
    const { data } = await app.server.api
      .request('LIST', `sys/leases/lookup/${path}`)
      .catch(() => ({ data: { keys: [] } }));
    return (data as { keys: readonly string[] }).keys.length;
  };
  /** A program in JavaScript, where other users can read it. */
  const script = (name: string, text: string): readonly string[] => [
    process.execPath,
    app.workspace.write(`${name}.mjs`, text, 0o644),
  ];

  test('Deployment: the application starts after the sidecar is ready, is told, and ends first', async () => {
    await app.putKv2('web/db', { password: 'one' });
    const objects = withConfig(objectsOf('sidecar.yaml'), (text) =>
      text.replace('watch:\n', 'watch:\n  refresh: 1s\n  settle: 0\n'),
    );
    const port = machine.here[':8080']?.slice(1) ?? '';
    const secrets = app.workspace.path('volumes/secrets');
    const played = await play(objects, { web: [...script('web', WEB), secrets, port] });
    const log = (): string => played.container('web').log;
    await until('the start', () => log() === 'read DB_PASSWORD=one\n');
    assert.match(readFileSync(played.path('secrets', 'tls.pem'), 'utf8'), /BEGIN CERTIFICATE/);
    assert.equal(await leases('pki/issue/web'), 1);
    assert.equal(await app.server.tokensLeft(), 1);
    await app.putKv2('web/db', { password: 'two' });
    await until('the change', () => log() === 'read DB_PASSWORD=one\nread DB_PASSWORD=two\n');
    assert.deepEqual(await played.delete(), { vaultonce: 0, web: 0 }, played.container('vaultonce').log);
    assert.equal(await app.server.tokensLeft(), 0);
    await until('no lease', async () => (await leases('pki/issue/web')) === 0);
  });

  for (const [file, name, ...more] of [
    ['sidecar.yaml', 'web'],
    ['sidecar-nginx.yaml', 'proxy', '--user', '101'],
  ] as const) {
    test(`\`vaultonce manifest --watch\` makes of its config what the Deployment of ${file} has`, async () => {
      const objects = objectsOf(file);
      const config = app.workspace.write('vaultonce.yaml', configOf(objects));
      const args = ['manifest', '--watch', '--name', name, ...more, '--format', 'full', '-c', config];
      const { stdout, stderr } = await runCli(args);
      const made = loadAll(stdout) as KubernetesObject[];
      assert.ok(made.length > 0, stderr);
      const sidecarOf = (object: KubernetesObject): object => {
        const { shareProcessNamespace, securityContext, initContainers } = podOf(object) ?? {};
        const { volumeMounts, ...rest } = initContainers?.[0] ?? {};
        return {
          ...rest,
          mounts: volumeMounts?.map(({ mountPath }) => mountPath).sort(),
          securityContext,
          shareProcessNamespace,
        };
      };
      assert.deepEqual(sidecarOf(objects.at(-1)!), sidecarOf(made.at(-1)!));
    });
  }

  for (const [code, status] of [
    [0, 'Complete'],
    [3, 'Failed'],
  ] as const) {
    test(`Job: ${status} as its container, exit ${String(code)}, whatever the sidecar; nothing is left`, async () => {
      const { api } = app.server;
      const role = { allow_any_name: true, enforce_hostnames: false, key_type: 'ec', generate_lease: true };
      await api.post('database/roles/migrate', role);
      // A database in the example; what has a lease here is written.
      const objects = withConfig(objectsOf('sidecar-job.yaml'), (text) =>
        text
          .replace(
            'database/creds/migrate',
            '{ path: database/issue/migrate, write: { common_name: user, ttl: 1h } }',
          )
          .replace('format: dotenv', 'format: json')
          .replace(/, keys: [^}]*}/, ''),
      );
      const secrets = app.workspace.path('volumes/secrets');
      const migrate = ['sh', '-c', `test -s "$1/db.env" && sleep 0.5; exit ${String(code)}`, 'sh', secrets];
      const played = await play(objects, { migrate });
      assert.equal(await leases('database/issue/migrate'), 1);
      assert.equal(await played.complete(), status);
      const sidecar = played.container('vaultonce');
      assert.equal(await sidecar.done, 0, sidecar.log);
      assert.equal(await app.server.tokensLeft(), 0);
      await until('no lease', async () => (await leases('database/issue/migrate')) === 0);
    });
  }

  test('nginx: the next certificate by SIGHUP, without a restart', needsOwnProcesses(), async () => {
    if (installed('nginx').length === 0) app.workspace.write('bin/nginx', NGINX, 0o755);
    const objects = withConfig(objectsOf('sidecar-nginx.yaml'), (text) =>
      text.replace('ttl: 24h', 'ttl: 8s'),
    );
    const played = await play(objects, {});
    const port = Number(machine.here['listen 8443']?.split(' ')[1]);
    const served = (): Promise<string | undefined> =>
      new Promise((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          const certificate: PeerCertificate = socket.getPeerCertificate();
          socket.destroy();
          resolve(certificate.serialNumber);
        });
        socket.once('error', () => {
          resolve(undefined);
        });
      });
    await until('that it serves', async () => (await served()) !== undefined);
    const first = await served();
    const { pid } = played.container('nginx');
    await until('the next certificate', async () => ![first, undefined].includes(await served()));
    assert.equal(played.container('nginx').pid, pid);
    assert.match(played.container('vaultonce').log, /"event":"told","handler":"SIGHUP to nginx"/);
    assert.deepEqual(await played.delete(), { vaultonce: 0, nginx: 0 });
    assert.equal(await app.server.tokensLeft(), 0);
  });
});

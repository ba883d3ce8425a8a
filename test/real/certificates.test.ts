import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { connect, createServer, type SecureContextOptions } from 'node:tls';
import { requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { failuresOf, runCli } from '../support/cli.ts';
import { hasJava, readKeystoreWithJava } from '../support/format-readers.ts';
import { needsPlugins } from '../support/needs.ts';

const PASSWORD = 'canary-of-the key store';
const KINDS = { rsa: 'RSA', ec: 'EC', ed25519: 'EdDSA' } as const;

/** What servers and clients need of a certificate: PEM files in any order, and PKCS #12. */
describe('certificates', await needsPlugins('secret/pki'), () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    await createIntermediate(app);
  });
  beforeEach(() => {
    app.workspace.clear();
    app.server.takeAudit();
  });
  after(() => app.stop());

  const tls = { path: 'pki/issue/ec', write: { common_name: 'web.example', ttl: '30m' } };
  const path = (name: string): string => app.workspace.path('out', name);
  const renders = async (outputs: readonly TestConfig[], secrets: TestConfig = { tls }): Promise<void> => {
    const result = await app.render({ secrets, outputs });
    assert.equal(result.code, 0, result.stderr);
  };
  /** The subjects of certificates, and `key`. */
  const blocks = (name: string): string[] =>
    (app.workspace.read(`out/${name}`).match(/-----BEGIN [^]+?-----END [A-Z ]+-----/g) ?? []).map((block) =>
      block.includes('PRIVATE KEY') ? 'key' : new X509Certificate(block).subject.replace('CN=', ''),
    );

  const pem = (name: string, parts?: readonly string[]): TestConfig => ({
    path: name,
    format: 'pem',
    secret: 'tls',
    ...(parts === undefined ? {} : { parts }),
  });

  describe('as PEM', () => {
    const FILES = {
      'fullchain.pem': ['certificate', 'chain'],
      'key.pem': ['key'],
      'haproxy.pem': ['certificate', 'chain', 'key'],
      'kafka.pem': ['key', 'certificate', 'chain'],
      'ca.pem': ['chain', 'root'],
      'intermediates.pem': ['chain'],
      'root.pem': ['root'],
    };

    test('each part in the order that is asked for', async () => {
      await renders([pem('all.pem'), ...Object.entries(FILES).map(([name, parts]) => pem(name, parts))]);
      const found = Object.fromEntries(
        ['all.pem', ...Object.keys(FILES)].map((name) => [name, blocks(name)]),
      );
      assert.deepEqual(found, {
        'all.pem': ['web.example', 'intermediate', 'root', 'key'],
        'fullchain.pem': ['web.example', 'intermediate'],
        'key.pem': ['key'],
        'haproxy.pem': ['web.example', 'intermediate', 'key'],
        'kafka.pem': ['key', 'web.example', 'intermediate'],
        'ca.pem': ['intermediate', 'root'],
        'intermediates.pem': ['intermediate'],
        'root.pem': ['root'],
      });
      assert.equal(requestsOf(app.server).filter((request) => request.includes('pki/issue')).length, 1);
    });

    test('OpenSSL verifies with them, and a TLS client a server', async () => {
      await renders(Object.entries(FILES).map(([name, parts]) => pem(name, parts)));
      const verify = (...args: string[]): number | null =>
        spawnSync('openssl', ['verify', ...args, path('fullchain.pem')]).status;
      assert.equal(verify('-CAfile', path('ca.pem')), 0);
      assert.equal(verify('-partial_chain', '-CAfile', path('intermediates.pem')), 0);
      assert.equal(verify('-CAfile', path('root.pem'), '-untrusted', path('intermediates.pem')), 0);
      assert.notEqual(verify('-CAfile', path('root.pem')), 0, 'the root alone does not lead there');
      const file = (name: string): Buffer => readFileSync(path(name));
      const ca = file('root.pem');
      const nginx = { cert: file('fullchain.pem'), key: file('key.pem') };
      assert.equal(await handshake(nginx, { ca }), 'web.example');
      const haproxy = { cert: file('haproxy.pem'), key: file('haproxy.pem') };
      assert.equal(await handshake(haproxy, { ca }), 'web.example');
      const leaf = { ...nginx, cert: new X509Certificate(nginx.cert).toString() };
      await assert.rejects(handshake(leaf, { ca }), /UNABLE_TO_VERIFY|unable to verify/, 'without its chain');
    });

    test('a certificate of the root itself: its chain is empty, and that is no failure', async () => {
      const secrets = { tls: { path: 'root/issue/ec', write: { common_name: 'direct.example' } } };
      await renders([pem('a.pem', ['certificate', 'chain']), pem('b.pem', ['root'])], secrets);
      assert.deepEqual(blocks('a.pem'), ['direct.example']);
      assert.deepEqual(blocks('b.pem'), ['root']);
    });

    test('a part that is not there, and parts that make no sense', async () => {
      await app.putKv2('own', { certificate: (await issued(app)).certificate });
      const secrets = { tls: 'secret/own' };
      const outputs = ['key', 'root', 'chain'].map((part) => pem(part, [part]));
      const result = await app.render({ secrets, outputs });
      assert.equal(result.code, 8);
      const messages = failuresOf(result).map(({ message }) => message);
      assert.match(messages[0] ?? '', /`private_key` is not there/);
      assert.match(messages[1] ?? '', /`ca_chain` has no root/);
      assert.match(messages[2] ?? '', /`certificate` is not there, and nothing else/);
      for (const output of [
        { format: 'json', secret: 'tls', parts: ['key'] },
        { format: 'pem', secret: 'tls', parts: [] },
        { format: 'pem', secret: 'tls', parts: ['leaf'] },
        { format: 'pem', secret: 'tls', password: 'x' },
        { contents: 'x', friendly_name: 'x' },
        { format: 'pkcs12', secret: 'tls' },
        { format: 'pkcs12', secret: 'tls', password: 'x', password_file: 'y' },
        { format: 'pkcs12', secret: 'tls', password: 'x', parts: ['key'] },
      ]) {
        const refused = await app.render({ secrets, outputs: [{ path: 'x', ...output }] });
        assert.equal(refused.code, 3, JSON.stringify(output));
      }
    });
  });

  describe('as PKCS #12', () => {
    const p12 = (name: string, more: TestConfig = {}): TestConfig => ({
      path: name,
      format: 'pkcs12',
      secret: 'tls',
      password: PASSWORD,
      ...more,
    });
    const openssl = (name: string, ...args: string[]): string =>
      execFileSync(
        'openssl',
        ['pkcs12', '-in', path(name), '-passin', `pass:${PASSWORD}`, '-noenc', ...args],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      );

    for (const [kind, java] of Object.entries(KINDS)) {
      test(`a key of ${kind}, its certificate and chain, for OpenSSL, Node and Java`, async () => {
        const secrets = { tls: { ...tls, path: `pki/issue/${kind}` } };
        await renders(
          [
            p12('web.p12', { friendly_name: 'web' }),
            pem('key.pem', ['key']),
            pem('all.pem', ['certificate', 'chain', 'root']),
          ],
          secrets,
        );
        const key = createPrivateKey(openssl('web.p12', '-nocerts'));
        assert.ok(key.equals(createPrivateKey(app.workspace.read('out/key.pem'))));
        const certificates = openssl('web.p12', '-nokeys').match(
          /-----BEGIN [^]+?-----END CERTIFICATE-----\n/g,
        );
        assert.equal(certificates?.join(''), app.workspace.read('out/all.pem'), 'byte for byte');
        const { stderr } = spawnSync(
          'openssl',
          ['pkcs12', '-in', path('web.p12'), '-passin', `pass:${PASSWORD}`, '-info', '-noout'],
          { encoding: 'utf8' },
        );
        assert.match(stderr, /MAC: sha256, Iteration 10000/);
        assert.equal(
          stderr.match(/PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256/g)?.length,
          2,
        );
        const root = certificates.at(-1) ?? '';
        const server = { pfx: readFileSync(path('web.p12')), passphrase: PASSWORD };
        assert.equal(await handshake(server, { ca: root }), 'web.example');
        if (hasJava()) {
          assert.deepEqual(readKeystoreWithJava(path('web.p12'), PASSWORD), [
            `web|key|${java}|CN=web.example, CN=intermediate, CN=root`,
          ]);
        }
      });
    }

    test('certificates to trust, without a key', async () => {
      await renders([
        p12('trust.p12', { parts: ['root', 'chain'], friendly_name: 'CA' }),
        pem('ca.pem', ['root', 'chain']),
      ]);
      assert.doesNotMatch(openssl('trust.p12'), /PRIVATE KEY/);
      const found = openssl('trust.p12').match(/-----BEGIN [^]+?-----END CERTIFICATE-----\n/g);
      assert.deepEqual(
        new Set(found),
        new Set(app.workspace.read('out/ca.pem').match(/-----BEGIN [^]+?-----END CERTIFICATE-----\n/g)),
      );
      if (hasJava()) {
        assert.deepEqual(readKeystoreWithJava(path('trust.p12'), PASSWORD).sort(), [
          'ca-2|trusted||CN=root',
          'ca|trusted||CN=intermediate',
        ]);
      }
    });

    test('the same content is the same file; another password or name is another', async () => {
      await app.putKv2('own', await issued(app));
      const run = async (more: TestConfig): Promise<string> => {
        await renders([p12('own.p12', more)], { tls: 'secret/own' });
        return readFileSync(path('own.p12'), 'latin1');
      };
      const first = await run({});
      const before = app.workspace.snapshot('out');
      assert.equal(await run({}), first);
      assert.deepEqual(app.workspace.snapshot('out'), before, 'left alone, times included');
      const named = await run({ friendly_name: 'web' });
      const other = await run({ password: 'another' });
      const salts = [first, named, other].map((file) => file.slice(-60));
      assert.equal(new Set(salts).size, 3, 'nothing of the seal is shared');
    });

    test('the password from a file, and from a value of a secret', async () => {
      await app.putKv2('store', { password: PASSWORD });
      const file = app.workspace.write('password', `${PASSWORD}\n`);
      await renders(
        [
          p12('file.p12', { password: undefined, password_file: file }),
          p12('path.p12', { password: undefined, password_value: 'secret/store#password' }),
          p12('name.p12', { password: undefined, password_value: 'store#/password' }),
        ],
        { tls, store: 'secret/store' },
      );
      for (const name of ['file.p12', 'path.p12', 'name.p12'])
        assert.match(openssl(name), /BEGIN PRIVATE KEY/);
    });

    test('what cannot be written is told, without the password', async () => {
      const [one, two] = [await issued(app), await issued(app)];
      await app.putKv2('mixed', { certificate: one.certificate, private_key: two.private_key });
      await app.putKv2('odd', { password: 'canary-ö', empty: '', bad_key: 'x' });
      const key = '-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----';
      await app.putKv2('broken', { certificate: one.certificate, private_key: key });
      const fetched = { password: undefined, secret: 'own' };
      await app.putKv2('own', one);
      const result = await app.render({
        secrets: { mixed: 'secret/mixed', broken: 'secret/broken', own: 'secret/own', odd: 'secret/odd' },
        outputs: [
          p12('a', { secret: 'mixed' }),
          p12('b', { secret: 'broken' }),
          p12('c', { ...fetched, password_value: 'odd#password' }),
          p12('d', { ...fetched, password_value: 'odd#empty' }),
          p12('e', { ...fetched, password_value: 'odd#gone' }),
          p12('f', { secret: 'own', keys: { exclude: ['private_key'] } }),
        ],
      });
      assert.equal(result.code, 6, result.stderr);
      assert.doesNotMatch(result.stderr, /canary|Y2FuYXJ5/);
      assert.deepEqual(
        failuresOf(result).map(({ message }) => message),
        [
          'the key `private_key` does not belong to the certificate',
          'the key `private_key` is not a private key that can be read',
          'the key `password` must be ASCII text: readers understand other characters differently',
          'the key `password` must be ASCII text: readers understand other characters differently',
          'the secret `odd` has no key `gone`',
          'the key `private_key` is not there',
        ],
      );
      assert.deepEqual(app.workspace.list(), ['vaultonce.yaml']);
    });

    test('a password file that is missing is told before anything is requested', async () => {
      const missing = app.workspace.path('nowhere');
      const config = {
        secrets: { tls },
        outputs: [p12('a', { password: undefined, password_file: missing })],
      };
      const result = await app.render(config);
      assert.equal(result.code, 3, result.stderr);
      assert.match(result.stderr, /the password of the key store cannot be read: there is no such file/);
      assert.deepEqual(requestsOf(app.server), []);
      const plan = await runCli(['check', '-c', app.config(config)]);
      assert.equal(plan.code, 0, plan.stderr);
      assert.match(plan.stdout, /pkcs12/);
    });
  });
});

/** A root in one mount, and an intermediate of it in another, which knows the root. */
async function createIntermediate({ server: { api } }: TestApp): Promise<void> {
  for (const mount of ['root', 'pki']) {
    await api.post(`sys/mounts/${mount}`, { type: 'pki', config: { max_lease_ttl: '48h' } });
  }
  await api.post('root/root/generate/internal', { common_name: 'root', ttl: '48h' });
  const { data: request } = await api.post('pki/intermediate/generate/internal', {
    common_name: 'intermediate',
  });
  const { data: signed } = await api.post('root/root/sign-intermediate', {
    csr: request?.['csr'],
    ttl: '24h',
  });
  const chain = [signed?.['certificate'], signed?.['issuing_ca']].join('\n');
  await api.post('pki/intermediate/set-signed', { certificate: chain });
  const names = { allow_any_name: true, enforce_hostnames: false, ttl: '1h' };
  for (const kind of Object.keys(KINDS)) await api.post(`pki/roles/${kind}`, { ...names, key_type: kind });
  await api.post('root/roles/ec', { ...names, key_type: 'ec' });
  await api.post('sys/policies/acl/app', {
    policy: ['secret/*', 'pki/*', 'root/*', 'sys/internal/ui/mounts']
      .map((path) => `path "${path}" { capabilities = ["create", "read", "update"] }`)
      .join('\n'),
  });
}

async function issued({ server: { api } }: TestApp): Promise<{ certificate: string; private_key: string }> {
  const { data } = await api.post('pki/issue/ec', { common_name: 'web.example' });
  return { certificate: String(data?.['certificate']), private_key: String(data?.['private_key']) };
}

/** @returns the name of the certificate that a client has verified */
async function handshake(server: SecureContextOptions, client: SecureContextOptions): Promise<string> {
  const listening = createServer(server, (socket) => socket.end());
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const { port } = listening.address() as AddressInfo;
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({ ...client, port, host: '127.0.0.1', servername: 'web.example' });
      socket.once('secureConnect', () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.end();
      });
      socket.once('error', reject);
    });
  } finally {
    listening.close();
  }
}

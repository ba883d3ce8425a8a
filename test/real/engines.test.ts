import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  verify,
  X509Certificate,
  type JsonWebKey,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, beforeEach, describe, test } from 'node:test';
import { dataTakenBy } from '../../src/engines/takes-data.ts';
import { createRole, requestsOf, startApp, type TestApp, type TestConfig } from '../support/app.ts';
import { runCli } from '../support/cli.ts';
import { needsPlugins } from '../support/needs.ts';

const engines = await needsPlugins('secret/pki', 'secret/ssh', 'secret/totp', 'secret/transit');

/** RFC 6238, appendix B. */
const TOTP_KEY = Buffer.from('12345678901234567890');

/** What other engines than KV give, with the policy that `vaultonce policy` prints and nothing more. */
describe('engines', engines, () => {
  let app: TestApp;
  before(async () => {
    app = await startApp();
    const { api } = app.server;
    for (const type of ['pki', 'ssh', 'totp', 'transit']) await api.post(`sys/mounts/${type}`, { type });
    await api.post('pki/root/generate/internal', { common_name: 'root', ttl: '24h' });
    const names = { allow_any_name: true, enforce_hostnames: false };
    await api.post('pki/roles/web', { ...names, key_type: 'ec', ttl: '1h' });
    await api.post('pki/roles/any', { ...names, key_type: 'any', ttl: '1h' });
    await api.post('ssh/config/ca', { generate_signing_key: true, key_type: 'ed25519' });
    const users = { allow_user_certificates: true, allowed_users: 'deploy', default_user: 'deploy' };
    await api.post('ssh/roles/deploy', { ...users, key_type: 'ca', ttl: '1h' });
    await api.post('totp/keys/app', {
      key: base32(TOTP_KEY),
      issuer: 'test',
      account_name: 'app',
      digits: 8,
      period: 30,
    });
    await api.post('transit/keys/app');
    await api.post('identity/oidc/key/app', { allowed_client_ids: ['*'] });
    await api.post('identity/oidc/role/app', { key: 'app', ttl: '10m' });
    app.server.takeAudit();
  });
  beforeEach(() => {
    app.workspace.clear();
  });
  after(() => app.stop());

  /** Renders with the least policy, and looks that no token of the run is left. */
  const renders = async (config: TestConfig, others = 0): Promise<void> => {
    await app.server.api.post('sys/policies/acl/all', {
      policy: 'path "*" { capabilities = ["create", "read", "update", "list"] }',
    });
    const anybody = await createRole(app.server, 'all', { token_policies: ['all'] });
    const printed = await runCli(['policy', '-c', app.config({ ...config, auth: anybody })]);
    assert.equal(printed.code, 0, printed.stderr);
    await app.server.api.post('sys/policies/acl/least', { policy: printed.stdout });
    const role = { token_policies: ['least'], token_no_default_policy: true };
    const auth = await createRole(app.server, 'least', role);
    app.server.takeAudit();
    const result = await app.render({ ...config, auth });
    assert.equal(result.code, 0, result.stderr);
    assert.equal(await app.server.tokensLeft(), others);
  };
  const read = (name: string): string => app.workspace.read(`out/${name}`);

  test('pki: a certificate with its key, issued; one for a request of our own, signed', async () => {
    const csr = app.workspace.path('own.csr');
    const subject = ['-subj', '/CN=own.example', '-keyout', app.workspace.path('own.key'), '-out', csr];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-new', ...kind, ...subject], { stdio: 'ignore' });
    await renders({
      secrets: {
        issued: { path: 'pki/issue/web', write: { common_name: 'web.example', ttl: '30m' }, min_ttl: '20m' },
        signed: {
          path: 'pki/sign/any',
          write: { common_name: 'own.example', csr: readFileSync(csr, 'utf8') },
        },
        ca: 'pki/cert/ca',
      },
      outputs: [
        { path: 'cert', secret: 'issued', key: 'certificate' },
        { path: 'key', secret: 'issued', key: 'private_key' },
        { path: 'signed', format: 'pem', secret: 'signed', keys: { include: ['certificate'] } },
        { path: 'ca', secret: 'ca', key: 'certificate' },
      ],
    });
    const ca = new X509Certificate(read('ca'));
    const issued = new X509Certificate(read('cert'));
    assert.equal(issued.subject, 'CN=web.example');
    assert.ok(issued.verify(ca.publicKey));
    assert.ok(issued.publicKey.equals(createPublicKey(read('key'))), 'certificate and key are a pair');
    const signed = new X509Certificate(read('signed'));
    assert.equal(signed.subject, 'CN=own.example');
    assert.ok(signed.publicKey.equals(createPublicKey(app.workspace.read('own.key'))));
    const requests = requestsOf(app.server);
    assert.equal(requests.filter((request) => request.startsWith('update pki/')).length, 2);
  });

  test('ssh: a signed key', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const field = (bytes: Uint8Array): Buffer => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    };
    const blob = Buffer.concat([field(Buffer.from('ssh-ed25519')), field(raw)]);
    await renders({
      secrets: {
        ssh: { path: 'ssh/sign/deploy', write: { public_key: `ssh-ed25519 ${blob.toString('base64')}` } },
      },
      outputs: [{ path: 'id-cert.pub', secret: 'ssh', key: 'signed_key' }],
    });
    const [type, certificate = ''] = read('id-cert.pub').split(' ');
    assert.equal(type, 'ssh-ed25519-cert-v01@openssh.com');
    const bytes = Buffer.from(certificate, 'base64');
    assert.ok(bytes.includes(raw), 'it is for the key that was sent');
    assert.ok(bytes.includes('deploy'));
  });

  test('totp: the code of the moment', async () => {
    const around = [Date.now()];
    await renders({
      secrets: { code: 'totp/code/app' },
      outputs: [{ path: 'code', secret: 'code', key: 'code' }],
    });
    around.push(Date.now());
    assert.ok(around.map(totp).includes(read('code')), read('code'));
  });

  test('transit: encrypt, decrypt, hmac; what belongs together is asked for once', async () => {
    const plaintext = Buffer.from('a secret of the application').toString('base64');
    const { data } = await app.server.api.post('transit/encrypt/app', { plaintext });
    const decrypt = { path: 'transit/decrypt/app', write: { ciphertext: data?.['ciphertext'] } };
    await renders({
      secrets: {
        encrypted: { path: 'transit/encrypt/app', write: { plaintext } },
        decrypted: decrypt,
        again: decrypt,
        hmac: { path: 'transit/hmac/app/sha2-256', write: { input: plaintext } },
      },
      outputs: [
        { path: 'ciphertext', secret: 'encrypted', key: 'ciphertext' },
        { path: 'plain', secret: 'decrypted', key: 'plaintext', decode: 'base64' },
        { path: 'same', secret: 'again', key: 'plaintext', decode: 'base64' },
        { path: 'hmac', secret: 'hmac', key: 'hmac' },
      ],
    });
    assert.equal(read('plain'), 'a secret of the application');
    assert.equal(read('same'), read('plain'));
    const decrypts = requestsOf(app.server).filter((request) => request === 'update transit/decrypt/app');
    assert.equal(decrypts.length, 1);
    const back = await app.server.api.post('transit/decrypt/app', { ciphertext: read('ciphertext') });
    assert.equal(back.data?.['plaintext'], plaintext);
    const verified = await app.server.api.post('transit/verify/app/sha2-256', {
      input: plaintext,
      hmac: read('hmac'),
    });
    assert.equal(verified.data?.['valid'], true);
  });

  test('identity: a signed OIDC token, with its ttl for min_ttl', async () => {
    const oidc = { path: 'identity/oidc/token/app', min_ttl: '5m' };
    await renders({
      secrets: { oidc, keys: 'identity/oidc/.well-known/keys' },
      outputs: [
        { path: 'jwt', secret: 'oidc', key: 'token' },
        { path: 'keys', format: 'json', secret: 'keys' },
      ],
    });
    const [header = '', claims = '', signature = ''] = read('jwt').split('.');
    const decode = (part: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
    const { keys } = JSON.parse(read('keys')) as { keys: JsonWebKey[] };
    const key = keys.find((one) => (one as { kid?: string }).kid === decode(header)['kid']);
    assert.ok(key, 'signed by a key that is published');
    const publicKey = createPublicKey({ key, format: 'jwk' });
    assert.ok(
      verify('sha256', Buffer.from(`${header}.${claims}`), publicKey, Buffer.from(signature, 'base64url')),
    );
    const auth = await createRole(app.server, 'all', { token_policies: ['all'] });
    const short = await app.render({ auth, secrets: { oidc: { ...oidc, min_ttl: '20m' } } });
    assert.equal(short.code, 10, short.stderr);
  });

  test('cubbyhole: what this token, and no other, has stored', async () => {
    const { auth } = await app.server.api.post('auth/token/create', { policies: ['app', 'default'] });
    const token = auth?.client_token ?? '';
    await fetch(`${app.server.address}/v1/cubbyhole/note`, {
      method: 'POST',
      headers: { 'X-Vault-Token': token },
      body: '{"text":"own"}',
    });
    const config = {
      secrets: { note: 'cubbyhole/note', names: { path: 'cubbyhole', list: true } },
      outputs: [{ path: 'note', contents: '{{note.text}} {{names.keys}}' }],
    };
    const own = await app.render({ ...config, auth: { method: 'token', token } });
    assert.equal(own.code, 0, own.stderr);
    assert.equal(read('note'), 'own ["note"]');
    await app.server.revokeTokens();
    assert.equal((await app.render(config)).code, 6);
  });

  test('sys: a wrapping token looked up and unwrapped', async () => {
    const wrap = async (): Promise<string> => {
      const response = await fetch(`${app.server.address}/v1/sys/wrapping/wrap`, {
        method: 'POST',
        headers: { 'X-Vault-Token': app.server.rootToken, 'X-Vault-Wrap-TTL': '300' },
        body: '{"handed":"on"}',
      });
      return ((await response.json()) as { wrap_info: { token: string } }).wrap_info.token;
    };
    const token = await wrap();
    const looking = {
      secrets: { looked: { path: 'sys/wrapping/lookup', write: { token } } },
      outputs: [{ path: 'path', secret: 'looked', key: 'creation_path' }],
    };
    await renders(looking, 1);
    assert.equal(read('path'), 'sys/wrapping/wrap');
    await renders({
      secrets: { handed: { path: 'sys/wrapping/unwrap', write: { token } } },
      outputs: [{ path: 'handed', secret: 'handed', key: 'handed' }],
    });
    assert.equal(read('handed'), 'on');
  });

  test('an endpoint that only takes data answers 405, and one that is read does not', async () => {
    const { api, address, rootToken } = app.server;
    await api.post('totp/keys/generated', { generate: true, issuer: 'a', account_name: 'b' });
    await api.post('transit/keys/listed', {});
    const statusOf = async (path: string): Promise<number> =>
      (await fetch(`${address}/v1/${path}`, { headers: { 'X-Vault-Token': rootToken } })).status;
    const dataOf = (path: string): string | undefined => {
      const [mount = '', ...below] = path.split('/');
      return dataTakenBy(mount === 'sys' ? 'system' : mount, below.join('/'));
    };
    for (const [path, data] of [
      ['pki/issue/x', 'common_name: '],
      ['pki/issuer/default/issue/x', 'common_name: '],
      ['pki/sign/x', 'csr: '],
      ['pki/sign-verbatim', 'csr: '],
      ['pki/issuer/default/sign-verbatim/x', 'csr: '],
      ['pki/root/sign-intermediate', 'csr: '],
      ['pki/root/sign-self-issued', 'certificate: '],
      ['ssh/sign/x', 'public_key: '],
      ['ssh/creds/x', 'ip: '],
      ['ssh/issue/x', 'key_type: '],
      ['transit/encrypt/x', 'plaintext: '],
      ['transit/decrypt/x', 'ciphertext: '],
      ['transit/rewrap/x', 'ciphertext: '],
      ['transit/hmac/x', 'input: '],
      ['transit/sign/x/sha2-256', 'input: '],
      ['transit/hash', 'input: '],
      ['transit/hash/sha2-512', 'input: '],
      ['transit/verify/x', 'input: …, signature: '],
      ['transit/random/32', 'bytes: '],
      ['transit/datakey/plaintext/x', 'bits: '],
      ['sys/tools/random', 'bytes: '],
      ['sys/tools/hash', 'input: '],
      ['identity/lookup/entity', 'name: '],
    ] as const) {
      assert.equal(await statusOf(path), 405, path);
      assert.ok(dataOf(path)?.startsWith(data), path);
    }
    for (const path of ['totp/keys/generated', 'totp/code/generated', 'transit/keys/listed', 'pki/cert/ca']) {
      assert.equal(await statusOf(path), 200, path);
      assert.equal(dataOf(path), undefined, path);
    }
  });
});

/** RFC 4648 §6, for bytes whose count is a multiple of 5. */
function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  return (bits.match(/.{5}/g) ?? []).map((five) => alphabet[Number.parseInt(five, 2)] ?? '').join('');
}

/** RFC 6238 with eight digits of SHA-1. */
function totp(nowMs: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(nowMs / 30_000)));
  const mac = createHmac('sha1', TOTP_KEY).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 100_000_000).padStart(8, '0');
}

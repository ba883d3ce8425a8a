import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, hash, verify, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { failuresOf } from '../support/cli.ts';
import { startCloudApp, withService, type CloudApp, type SeenLogin } from '../support/cloud.ts';

const TENANCY = 'ocid1.tenancy.oc1..tenancy';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PUBLIC = publicKey.export({ type: 'spki', format: 'pem' }).toString();

/** Checks an `Authorization` against the headers that it names. */
function signedWith(
  headers: Readonly<Record<string, string>>,
  key: string,
): { names: string; keyId: string } {
  const [, names = '', keyId = '', signature = ''] =
    /^Signature version="1",headers="(.+)",keyId="(.+)",algorithm="rsa-sha256",signature="(.+)"$/.exec(
      headers['authorization'] ?? '',
    ) ?? [];
  const text = names.split(' ').map((name) => `${name}: ${headers[name] ?? ''}`);
  assert.ok(verify('sha256', Buffer.from(text.join('\n')), key, Buffer.from(signature, 'base64')));
  return { names, keyId };
}

describe('oci', () => {
  let cloud: CloudApp;
  let keyFile: string;
  before(async () => {
    cloud = await startCloudApp();
    keyFile = cloud.app.workspace.write(
      'key.pem',
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary-pass' }),
    );
  });
  after(() => cloud.stop());

  const apikey = { method: 'oci', type: 'apikey', role: 'Web' };

  /** @returns the id of the key that has signed */
  const accepted = ({ result, path, body, address }: SeenLogin, key = PUBLIC): string => {
    assert.equal(result.code, 0, result.stderr);
    assert.doesNotMatch(result.stderr, /canary/);
    assert.equal(path, 'auth/oci/login/web');
    assert.deepEqual(Object.keys(body), ['request_headers']);
    const lists = body['request_headers'] as Record<string, string[]>;
    const headers = Object.fromEntries(Object.entries(lists).map(([name, [value = '']]) => [name, value]));
    assert.equal(headers['(request-target)'], 'get /v1/auth/oci/login/web');
    assert.equal(headers['host'], address.replace('http://', ''));
    assert.ok(Math.abs(Date.parse(headers['date'] ?? '') - Date.now()) < 60_000);
    const { names, keyId } = signedWith(headers, key);
    assert.equal(names, 'date (request-target) host');
    return keyId;
  };

  test('a signing key: of the config, of the environment, of a profile, of a session', async () => {
    const { workspace } = cloud.app;
    const key = {
      tenancy_ocid: TENANCY,
      user_ocid: 'user',
      fingerprint: '20:3b',
      private_key_file: keyFile,
      passphrase: 'canary-pass',
    };
    assert.equal(accepted(await cloud.login({ ...apikey, ...key })), `${TENANCY}/user/20:3b`);
    const environment = {
      OCI_tenancy_ocid: TENANCY,
      OCI_user_ocid: 'env-user',
      OCI_fingerprint: '20:3b',
      OCI_private_key_path: keyFile,
      OCI_private_key_password: 'canary-pass',
    };
    assert.equal(accepted(await cloud.login(apikey, environment)), `${TENANCY}/env-user/20:3b`);

    const common = `tenancy=${TENANCY}\nfingerprint = 20:3b\nkey_file=~/key.pem\npass_phrase=canary-pass\n`;
    workspace.write(
      '.oci/config',
      `# profiles\n[DEFAULT]\nuser=default-user\n${common}\n[WEB]\nuser=web-user\n[SESSION]\nsecurity_token_file=~/session\n`,
    );
    workspace.write('session', 'canary-session\n');
    const home = { HOME: workspace.root };
    assert.equal(accepted(await cloud.login(apikey, home)), `${TENANCY}/default-user/20:3b`);
    const web = { ...apikey, profile: 'WEB' };
    assert.equal(accepted(await cloud.login(web, home)), `${TENANCY}/web-user/20:3b`);
    assert.equal(accepted(await cloud.login({ ...apikey, profile: 'SESSION' }, home)), 'ST$canary-session');

    const absent = await cloud.login({ ...apikey, profile: 'NOBODY' }, home);
    assert.equal(absent.result.code, 3);
    const wrong = await cloud.login({ ...apikey, ...key, passphrase: 'canary-wrong' });
    assert.equal(wrong.result.code, 3);
    assert.equal(failuresOf(wrong.result)[0]?.where, keyFile);
    assert.doesNotMatch(wrong.result.stderr, /canary/);
  });

  test('a machine: its certificate for a token, and a key of this run', async () => {
    const { workspace } = cloud.app;
    const leafKey = workspace.path('leaf.key');
    const subject = `/CN=instance/OU=opc-certtype:instance/OU=opc-tenant:${TENANCY}`;
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', subject, '-days', '1'];
    execFileSync('openssl', [...args, '-keyout', leafKey, '-out', workspace.path('leaf.crt')], {
      stdio: 'ignore',
    });
    const cert = workspace.read('leaf.crt');
    let status = 200;
    await withService(
      ({ path }) => {
        if (path.endsWith('x509')) return { status, body: { token: 'canary-token' } };
        return { status: 200, text: path.endsWith('key.pem') ? workspace.read('leaf.key') : cert };
      },
      async (service) => {
        const auth = {
          ...apikey,
          type: 'instance',
          metadata_endpoint: `${service.address}/opc/v2`,
          federation_endpoint: service.address,
        };
        const login = await cloud.login(auth);
        const exchange = service.seen.at(-1);
        assert.ok(exchange);
        const sent = JSON.parse(exchange.body) as { publicKey: string; certificate: string };
        assert.equal(sent.certificate, cert.replace(/-----[A-Z ]+-----|\s/g, ''));
        const session = createPublicKey({
          key: Buffer.from(sent.publicKey, 'base64'),
          format: 'der',
          type: 'spki',
        });
        const sessionPem = session.export({ type: 'spki', format: 'pem' }).toString();
        assert.equal(accepted(login, sessionPem), 'ST$canary-token');

        const headers: Record<string, string> = {
          ...(exchange.headers as Record<string, string>),
          '(request-target)': 'post /v1/x509',
        };
        assert.equal(headers['x-content-sha256'], hash('sha256', exchange.body, 'base64'));
        const leaf = new X509Certificate(cert);
        const signer = signedWith(headers, leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString());
        assert.equal(signer.names, 'date (request-target) content-length content-type x-content-sha256');
        assert.equal(signer.keyId, `${TENANCY}/fed-x509/${leaf.fingerprint.toLowerCase()}`);
        const asked = service.seen.slice(0, -1);
        assert.ok(asked.every((one) => one.headers['authorization'] === 'Bearer Oracle'));

        status = 401;
        const refused = await cloud.login(auth);
        assert.equal(refused.result.code, 4);
        assert.doesNotMatch(refused.result.stderr, /canary|PRIVATE/);
      },
    );
  });

  test('elsewhere a list goes on; a service that is named and not there; configs that fit nothing', async () => {
    const instance = { ...apikey, type: 'instance' };
    const { result } = await cloud.login([instance, apikey, cloud.app.auth]);
    assert.equal(result.code, 0, result.stderr);
    const down = await cloud.login({ ...instance, metadata_endpoint: 'http://127.0.0.1:1' });
    assert.equal(down.result.code, 9);
    for (const wrong of [
      { type: 'user' },
      { tenancy_ocid: 't' },
      { role: 'a/b' },
      { passphrase: 'a', passphrase_file: 'b' },
    ]) {
      assert.equal((await cloud.login({ ...apikey, ...wrong })).result.code, 3, JSON.stringify(wrong));
    }
  });
});

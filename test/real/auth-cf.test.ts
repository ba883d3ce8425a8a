import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { failuresOf } from '../support/cli.ts';
import { startCloudApp, type CloudApp } from '../support/cloud.ts';

describe('cf', () => {
  let cloud: CloudApp;
  let env: { CF_INSTANCE_CERT: string; CF_INSTANCE_KEY: string };
  before(async () => {
    cloud = await startCloudApp();
    const { workspace } = cloud.app;
    env = {
      CF_INSTANCE_CERT: workspace.path('instance.crt'),
      CF_INSTANCE_KEY: workspace.path('instance.key'),
    };
    const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=instance', '-days', '1'];
    execFileSync('openssl', [...args, '-keyout', env.CF_INSTANCE_KEY, '-out', env.CF_INSTANCE_CERT], {
      stdio: 'ignore',
    });
  });
  after(() => cloud.stop());

  test('the signature over time, certificate and role, as the server checks it', async () => {
    const { result, path, body } = await cloud.login({ method: 'cf', role: 'web' }, env);
    assert.equal(result.code, 0, result.stderr);
    assert.equal(path, 'auth/cf/login');
    assert.deepEqual(Object.keys(body).sort(), ['cf_instance_cert', 'role', 'signature', 'signing_time']);
    const cert = cloud.app.workspace.read('instance.crt');
    assert.equal(body['cf_instance_cert'], cert);
    const time = String(body['signing_time']);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const [version, signature = ''] = String(body['signature']).split(':');
    assert.equal(version, 'v1');
    const key = createPublicKey(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'pem' }));
    const options = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 222 };
    assert.ok(verify('sha256', Buffer.from(`${time}${cert}web`), options, Buffer.from(signature, 'base64')));
  });

  test('elsewhere; a file that is none; a key that is none', async () => {
    const auth = { method: 'cf', role: 'web' };
    const { result } = await cloud.login([auth, cloud.app.auth]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal((await cloud.login(auth)).result.code, 3);
    const junk = cloud.app.workspace.write('junk', 'canary-junk');
    for (const wrong of [{ cf_instance_key: junk }, { cf_instance_cert: junk }]) {
      const broken = await cloud.login({ ...auth, ...wrong }, env);
      assert.equal(broken.result.code, 3);
      assert.match(failuresOf(broken.result)[0]?.where ?? '', /junk$/);
      assert.doesNotMatch(broken.result.stderr, /canary/);
    }
  });
});

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { createCertificates, type Certificates } from '../support/certificates.ts';
import { failuresOf } from '../support/cli.ts';
import { decoded, startCloudApp, withService, type CloudApp, type SeenLogin } from '../support/cloud.ts';
import { startStandIn } from '../support/stand-in.ts';

const TEMPORARY = {
  AccessKeyId: 'STS.role',
  AccessKeySecret: 'canary-role-secret',
  SecurityToken: 'canary-role-token',
  Expiration: '2099-01-01T00:00:00Z',
};
const USER = { access_key: 'LTAI.user', access_secret: 'canary-user-secret' };
const DISABLED = { ALIBABA_CLOUD_ECS_METADATA_DISABLED: 'true' };

/** The signature of a query, computed anew from the decoded parameters. */
function signatureOf(query: URLSearchParams, secret: string): string {
  const parts = [...query]
    .filter(([name]) => name !== 'Signature')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll('*', '%2A')}`);
  const text = `POST&%2F&${encodeURIComponent(parts.join('&'))}`;
  return createHmac('sha1', `${secret}&`).update(text).digest('base64');
}

describe('alicloud', () => {
  let cloud: CloudApp;
  let certificates: Certificates;
  before(async () => {
    cloud = await startCloudApp();
    certificates = await createCertificates(cloud.app.workspace.root);
  });
  after(() => cloud.stop());

  const auth = { method: 'alicloud', role: 'web', region: 'cn-hangzhou' };

  /** The request as STS gets it from the server. */
  const stsRequest = ({ result, path, body }: SeenLogin, secret: string): URL => {
    assert.equal(result.code, 0, result.stderr);
    assert.doesNotMatch(result.stderr, /canary/);
    assert.equal(path, 'auth/alicloud/login');
    assert.equal(body['role'], 'web');
    const headers = JSON.parse(decoded(body['identity_request_headers'])) as Record<string, string[]>;
    assert.deepEqual(headers['Content-Type'], ['application/x-www-form-urlencoded']);
    const url = new URL(decoded(body['identity_request_url']));
    const query = url.searchParams;
    assert.equal(query.get('Action'), 'GetCallerIdentity');
    assert.equal(query.get('Format'), 'JSON');
    assert.equal(query.get('Version'), '2015-04-01');
    assert.equal(query.get('RegionId'), 'cn-hangzhou');
    assert.match(query.get('Timestamp') ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(query.get('Signature'), signatureOf(query, secret));
    return url;
  };

  test('keys of the config and of the environment', async () => {
    const file = cloud.app.workspace.write('token', 'canary-token/+=*\n');
    const configured = stsRequest(
      await cloud.login({ ...auth, ...USER, security_token_file: file }),
      USER.access_secret,
    );
    assert.equal(configured.host, 'sts.cn-hangzhou.aliyuncs.com');
    assert.equal(configured.searchParams.get('AccessKeyId'), USER.access_key);
    for (const env of [
      {
        ALIBABA_CLOUD_ACCESS_KEY_ID: 'STS.a',
        ALIBABA_CLOUD_ACCESS_KEY_SECRET: 'canary-a',
        ALIBABA_CLOUD_SECURITY_TOKEN: 'canary-t',
      },
      { ALICLOUD_ACCESS_KEY: 'STS.a', ALICLOUD_SECRET_KEY: 'canary-a', ALICLOUD_SECURITY_TOKEN: 'canary-t' },
    ]) {
      const { searchParams } = stsRequest(await cloud.login(auth, env), 'canary-a');
      assert.equal(searchParams.get('SecurityToken'), 'canary-t');
    }
  });

  test('a role that is assumed: by a key, and by the token of a service account (RRSA)', async () => {
    let status = 200;
    const sts = await startStandIn({
      tls: { cert: readFileSync(certificates.certFile), key: readFileSync(certificates.keyFile) },
      answer: () => ({ status, body: status === 200 ? { Credentials: TEMPORARY } : { Message: 'canary' } }),
    });
    const trust = { NODE_EXTRA_CA_CERTS: certificates.caFile };
    const at = { ...auth, sts_endpoint: sts.address };
    try {
      const assumed = stsRequest(
        await cloud.login({ ...at, ...USER, role_arn: 'acs:ram::1:role/web' }, trust),
        TEMPORARY.AccessKeySecret,
      );
      assert.equal(assumed.searchParams.get('SecurityToken'), TEMPORARY.SecurityToken);
      const asked = new URL(`https://x${sts.seen[0]?.path ?? ''}`).searchParams;
      assert.equal(asked.get('Action'), 'AssumeRole');
      assert.equal(asked.get('RoleArn'), 'acs:ram::1:role/web');
      assert.equal(asked.get('Signature'), signatureOf(asked, USER.access_secret));

      const rrsa = {
        ...trust,
        ALIBABA_CLOUD_OIDC_TOKEN_FILE: cloud.app.workspace.write('oidc', 'canary.oidc.token\n'),
        ALIBABA_CLOUD_OIDC_PROVIDER_ARN: 'acs:ram::1:oidc-provider/p',
        ALIBABA_CLOUD_ROLE_ARN: 'acs:ram::1:role/pod',
      };
      stsRequest(await cloud.login(at, rrsa), TEMPORARY.AccessKeySecret);
      assert.match(sts.seen[1]?.path ?? '', /Action=AssumeRoleWithOIDC/);
      assert.deepEqual(Object.fromEntries(new URLSearchParams(sts.seen[1]?.body)), {
        RoleArn: rrsa.ALIBABA_CLOUD_ROLE_ARN,
        OIDCProviderArn: rrsa.ALIBABA_CLOUD_OIDC_PROVIDER_ARN,
        OIDCToken: 'canary.oidc.token',
        RoleSessionName: 'vaultonce',
      });
      status = 403;
      const refused = await cloud.login(at, rrsa);
      assert.equal(refused.result.code, 4);
      assert.match(failuresOf(refused.result)[0]?.message ?? '', /STS of Alibaba Cloud refused \(403\)/);
      assert.doesNotMatch(refused.result.stderr, /canary/);
    } finally {
      await sts.stop();
    }
  });

  test('a machine, in its hardened mode; a container', async () => {
    await withService(
      ({ path }) => {
        if (path.endsWith('/api/token')) return { status: 200, text: 'session' };
        if (path.endsWith('/security-credentials/')) return { status: 200, text: 'web-role' };
        return { status: 200, body: { Code: 'Success', ...TEMPORARY } };
      },
      async (service) => {
        stsRequest(
          await cloud.login({ ...auth, metadata_endpoint: service.address }),
          TEMPORARY.AccessKeySecret,
        );
        const [first, ...others] = service.seen;
        assert.equal(first?.method, 'PUT');
        assert.equal(first.headers['x-aliyun-ecs-metadata-token-ttl-seconds'], '60');
        assert.ok(others.every(({ headers }) => headers['x-aliyun-ecs-metadata-token'] === 'session'));
        assert.match(others.at(-1)?.path ?? '', /security-credentials\/web-role$/);
        const env = { ALIBABA_CLOUD_CREDENTIALS_URI: `${service.address}/container` };
        stsRequest(await cloud.login(auth, env), TEMPORARY.AccessKeySecret);
      },
    );
  });

  test('elsewhere a list goes on; a service that is named and not there; configs that fit nothing', async () => {
    const { result } = await cloud.login([auth, cloud.app.auth]);
    assert.equal(result.code, 0, result.stderr);
    assert.equal((await cloud.login(auth, DISABLED)).result.code, 3);
    assert.equal((await cloud.login({ ...auth, metadata_endpoint: 'http://127.0.0.1:1' })).result.code, 9);
    for (const wrong of [
      { access_key: 'a' },
      { access_secret: 'canary' },
      { security_token: 'canary' },
      { region: 'a/b' },
      { ...USER, sts_endpoint: 'http://sts.aliyuncs.com' },
    ]) {
      assert.equal(
        (await cloud.login({ ...auth, ...wrong }, DISABLED)).result.code,
        3,
        JSON.stringify(wrong),
      );
    }
  });
});

import assert from 'node:assert/strict';
import { createHmac, hash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { failuresOf } from '../support/cli.ts';
import { decoded, startCloudApp, withService, type CloudApp, type SeenLogin } from '../support/cloud.ts';

const KEY = 'AKIDEXAMPLE';
const SECRET = 'canary-secret-key';
const KEYS = { AccessKeyId: KEY, SecretAccessKey: SECRET, Token: 'canary-token' };
const EXPIRES = new Date(Date.now() + 3600_000).toISOString();
/** Nothing that a machine in a cloud would answer. */
const NOWHERE = { AWS_EC2_METADATA_DISABLED: 'true' };

describe('aws', () => {
  let cloud: CloudApp;
  before(async () => {
    cloud = await startCloudApp();
  });
  after(() => cloud.stop());

  const auth = { method: 'aws', role: 'web' };

  /** The request as STS gets it from the server; its signature is computed anew, from what was sent alone. */
  const stsRequest = (
    { result, path, body }: SeenLogin,
    secret = SECRET,
  ): { url: string; headers: Record<string, string> } => {
    assert.equal(result.code, 0, result.stderr);
    assert.doesNotMatch(result.stderr, /canary/);
    assert.equal(path, 'auth/aws/login');
    assert.equal(body['role'], 'web');
    assert.equal(body['iam_http_request_method'], 'POST');
    const sent = decoded(body['iam_request_body']);
    assert.equal(sent, 'Action=GetCallerIdentity&Version=2011-06-15');
    const headers = JSON.parse(decoded(body['iam_request_headers'])) as Record<string, string>;
    const parts =
      /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d+)\/([^/]+)\/sts\/aws4_request, SignedHeaders=(.+), Signature=(.+)$/.exec(
        headers['Authorization'] ?? '',
      );
    assert.ok(parts);
    const [, key, day = '', region = '', names = '', signature] = parts;
    assert.equal(key, KEY);
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const canonical = names.split(';').map((name) => `${name}:${lower[name] ?? ''}\n`);
    const request = `POST\n/\n\n${canonical.join('')}\n${names}\n${hash('sha256', sent)}`;
    let signingKey: string | Buffer = `AWS4${secret}`;
    for (const part of [day, region, 'sts', 'aws4_request'])
      signingKey = createHmac('sha256', signingKey).update(part).digest();
    const text = `AWS4-HMAC-SHA256\n${lower['x-amz-date'] ?? ''}\n${day}/${region}/sts/aws4_request\n${hash('sha256', request)}`;
    assert.equal(createHmac('sha256', signingKey).update(text).digest('hex'), signature);
    return { url: decoded(body['iam_request_url']), headers: { ...lower, region, names } };
  };

  test('keys of the config, of files and of the environment; the region and its address; the header of the server', async () => {
    const secret_access_key_file = cloud.app.workspace.write('secret-key', `${SECRET}\n`);
    const configured = stsRequest(
      await cloud.login(
        {
          ...auth,
          type: 'iam',
          access_key_id: KEY,
          secret_access_key_file,
          header_value: 'vault.example.com',
        },
        NOWHERE,
      ),
    );
    assert.equal(configured.url, 'https://sts.amazonaws.com/');
    assert.equal(configured.headers['host'], 'sts.amazonaws.com');
    assert.equal(configured.headers['region'], 'us-east-1');
    assert.equal(configured.headers['x-vault-aws-iam-server-id'], 'vault.example.com');
    assert.equal(configured.headers['names'], 'content-type;host;x-amz-date;x-vault-aws-iam-server-id');

    const environment = {
      AWS_ACCESS_KEY_ID: KEY,
      AWS_SECRET_ACCESS_KEY: SECRET,
      AWS_SESSION_TOKEN: 'canary-token',
    };
    const regional = stsRequest(await cloud.login(auth, { ...environment, AWS_REGION: 'eu-west-1' }));
    assert.equal(regional.url, 'https://sts.eu-west-1.amazonaws.com/');
    assert.equal(regional.headers['region'], 'eu-west-1');
    assert.equal(regional.headers['x-amz-security-token'], 'canary-token');
    assert.match(regional.headers['names'] ?? '', /x-amz-security-token/);

    const china = stsRequest(await cloud.login({ ...auth, region: 'cn-north-1' }, environment));
    assert.equal(china.url, 'https://sts.cn-north-1.amazonaws.com.cn/');
    const own = {
      ...auth,
      sts_endpoint: 'https://vpce-1.sts.eu-west-1.vpce.amazonaws.com',
      region: 'eu-west-1',
    };
    assert.equal(
      stsRequest(await cloud.login(own, environment)).headers['host'],
      'vpce-1.sts.eu-west-1.vpce.amazonaws.com',
    );
  });

  test('a profile of the shared files', async () => {
    const { workspace } = cloud.app;
    const AWS_SHARED_CREDENTIALS_FILE = workspace.write(
      'credentials',
      `[default]\naws_access_key_id = other\naws_secret_access_key = other\n[web]\naws_access_key_id = ${KEY}\naws_secret_access_key = ${SECRET}\n`,
    );
    const AWS_CONFIG_FILE = workspace.write('config', '[default]\nregion = eu-west-1\n');
    const files = { ...NOWHERE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE };
    stsRequest(await cloud.login({ ...auth, profile: 'web' }, files));
    stsRequest(await cloud.login(auth, { ...files, AWS_PROFILE: 'web' }));
    assert.equal((await cloud.login({ ...auth, profile: 'nobody' }, files)).result.code, 3);
  });

  test('a container: the address and the token that it is told', async () => {
    await withService(
      () => ({ status: 200, body: { ...KEYS, Expiration: EXPIRES } }),
      async (service) => {
        const token = cloud.app.workspace.write('container-token', 'container-token');
        const env = {
          AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.address}/v1/credentials`,
          AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: token,
        };
        assert.equal(
          stsRequest(await cloud.login(auth, env)).headers['x-amz-security-token'],
          'canary-token',
        );
        assert.equal(service.seen[0]?.headers['authorization'], 'container-token');
      },
    );
    const down = await cloud.login(auth, { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/' });
    assert.equal(down.result.code, 9, down.result.stderr);
    assert.match(failuresOf(down.result)[0]?.message ?? '', /\$AWS_CONTAINER_CREDENTIALS_FULL_URI/);
  });

  test('a machine: IMDSv2', async () => {
    await withService(
      ({ path }) => {
        if (path.endsWith('/api/token')) return { status: 200, text: 'imds-token' };
        if (path.endsWith('/security-credentials/')) return { status: 200, text: 'node-role' };
        return { status: 200, body: { Code: 'Success', ...KEYS, Expiration: EXPIRES } };
      },
      async (service) => {
        stsRequest(await cloud.login(auth, { AWS_EC2_METADATA_SERVICE_ENDPOINT: service.address }));
        const [first, ...others] = service.seen;
        assert.equal(first?.method, 'PUT');
        assert.ok(first.headers['x-aws-ec2-metadata-token-ttl-seconds']);
        assert.ok(others.every(({ headers }) => headers['x-aws-ec2-metadata-token'] === 'imds-token'));
        assert.match(others.at(-1)?.path ?? '', /security-credentials\/node-role$/);
      },
    );
  });

  test('a service account of EKS (IRSA): its token for a role; a refusal', async () => {
    const answer = `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/web/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>${KEY}</AccessKeyId><SecretAccessKey>${SECRET}</SecretAccessKey><SessionToken>canary-token</SessionToken><Expiration>${EXPIRES}</Expiration></Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`;
    const refusal =
      '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>canary</Message></Error></ErrorResponse>';
    const env = {
      AWS_WEB_IDENTITY_TOKEN_FILE: cloud.app.workspace.write('web-identity', 'canary.web.identity'),
      AWS_ROLE_ARN: 'arn:aws:iam::1:role/web',
      AWS_REGION: 'eu-west-1',
    };
    await withService(
      () => ({ status: 200, text: answer, headers: { 'Content-Type': 'text/xml' } }),
      async (service) => {
        stsRequest(await cloud.login(auth, { ...env, AWS_ENDPOINT_URL_STS: service.address }));
        const sent = new URLSearchParams(service.seen[0]?.body);
        assert.equal(sent.get('Action'), 'AssumeRoleWithWebIdentity');
        assert.equal(sent.get('RoleArn'), env.AWS_ROLE_ARN);
        assert.equal(sent.get('WebIdentityToken'), 'canary.web.identity');
      },
    );
    await withService(
      () => ({ status: 403, text: refusal, headers: { 'Content-Type': 'text/xml' } }),
      async (service) => {
        const { result } = await cloud.login(auth, { ...env, AWS_ENDPOINT_URL_STS: service.address });
        assert.equal(result.code, 4, result.stderr);
        assert.match(failuresOf(result)[0]?.message ?? '', /AccessDenied, 403/);
        assert.doesNotMatch(result.stderr, /canary/);
      },
    );
    const down = await cloud.login(auth, { ...env, AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' });
    assert.equal(down.result.code, 9, down.result.stderr);
    assert.match(failuresOf(down.result)[0]?.message ?? '', /\(ECONNREFUSED\)/);
  });

  test('elsewhere a list goes on; a config that fits nothing is refused', async () => {
    const { result } = await cloud.login([auth, cloud.app.auth], NOWHERE);
    assert.equal(result.code, 0, result.stderr);
    const alone = await cloud.login(auth, NOWHERE);
    assert.equal(alone.result.code, 3);
    assert.match(failuresOf(alone.result)[0]?.message ?? '', /finds no credentials/);
    for (const wrong of [
      { access_key_id: KEY },
      { secret_access_key: SECRET },
      { session_token: SECRET },
      { access_key_id: KEY, secret_access_key: SECRET, profile: 'web' },
      { access_key_id: KEY, secret_access_key: SECRET, secret_access_key_file: '/x' },
      { region: '../x' },
      { type: 'ec2' },
      { sts_endpoint: 'http://sts.amazonaws.com' },
    ]) {
      assert.equal((await cloud.login({ ...auth, ...wrong }, NOWHERE)).result.code, 3, JSON.stringify(wrong));
    }
  });
});

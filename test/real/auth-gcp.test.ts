import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { failuresOf } from '../support/cli.ts';
import { startCloudApp, withService, type CloudApp } from '../support/cloud.ts';
import type { StandIn } from '../support/stand-in.ts';

const EMAIL = 'web@project.iam.gserviceaccount.com';
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY = {
  type: 'service_account',
  private_key_id: 'key-1',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  client_email: EMAIL,
};
const SIGNED = 'signed.by.google';

const json = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;

describe('gcp', () => {
  let cloud: CloudApp;
  before(async () => {
    cloud = await startCloudApp();
  });
  after(() => cloud.stop());

  const gce = { method: 'gcp', type: 'gce', role: 'web' };
  const iam = { method: 'gcp', type: 'iam', role: 'web' };
  const hostOf = ({ address }: StandIn): string => address.replace('http://', '');

  /** Everything that Google answers: metadata, tokens, signatures. */
  const google = (work: (service: StandIn) => Promise<void>): Promise<void> =>
    withService(({ path }) => {
      if (path.includes('/identity?')) return { status: 200, text: 'machine.identity.token\n' };
      if (path.endsWith('/email')) return { status: 200, text: EMAIL };
      if (path.endsWith(':signJwt')) return { status: 200, body: { keyId: 'k', signedJwt: SIGNED } };
      if (path.endsWith(':generateAccessToken')) return { status: 200, body: { accessToken: 'canary-own' } };
      if (path === '/subject') return { status: 200, body: { id_token: 'canary-subject' } };
      return { status: 200, body: { access_token: 'canary-access', expires_in: 3600, token_type: 'Bearer' } };
    }, work);

  test('gce: the identity of the machine, for this server and role', async () => {
    await google(async (service) => {
      const { result, path, body, address } = await cloud.login(gce, { GCE_METADATA_HOST: hostOf(service) });
      assert.equal(result.code, 0, result.stderr);
      assert.equal(path, 'auth/gcp/login');
      assert.deepEqual(body, { role: 'web', jwt: 'machine.identity.token' });
      const url = new URL(`http://x${service.seen[0]?.path ?? ''}`);
      // Without `/v1/`, which the stand-in leaves out.
      assert.equal(url.pathname, '/computeMetadatainstance/service-accounts/default/identity');
      assert.equal(url.searchParams.get('audience'), `${address}/vault/web`);
      assert.equal(url.searchParams.get('format'), 'full');
      assert.equal(service.seen[0]?.headers['metadata-flavor'], 'Google');
    });
  });

  test('iam: signed with the key of the service account', async () => {
    const file = cloud.app.workspace.write('key.json', JSON.stringify(KEY));
    for (const [auth, env] of [
      [{ ...iam, credentials_file: file }, {}],
      [{ ...iam, credentials: JSON.stringify(KEY) }, {}],
      [iam, { GOOGLE_APPLICATION_CREDENTIALS: file }],
    ] as const) {
      const { result, body } = await cloud.login(auth, env);
      assert.equal(result.code, 0, result.stderr);
      assert.equal(body['role'], 'web');
      const [header, payload, signature = ''] = String(body['jwt']).split('.');
      assert.deepEqual(json(header), { alg: 'RS256', typ: 'JWT', kid: 'key-1' });
      const { sub, aud, exp } = json(payload);
      assert.deepEqual({ sub, aud }, { sub: EMAIL, aud: 'vault/web' });
      const left = Number(exp) - Date.now() / 1000;
      assert.ok(left > 500 && left <= 900, String(left));
      const signed = Buffer.from(`${header ?? ''}.${payload ?? ''}`);
      assert.ok(verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url')));
    }
  });

  test('iam: signed by Google for a machine, a workload of elsewhere, and a user', async () => {
    await google(async (service) => {
      const { workspace } = cloud.app;
      const signs = async (auth: object, env: Record<string, string>, token: string): Promise<void> => {
        const from = service.seen.length;
        const { result, body } = await cloud.login({ ...iam, iam_endpoint: service.address, ...auth }, env);
        assert.equal(result.code, 0, result.stderr);
        assert.doesNotMatch(result.stderr, /canary/);
        assert.equal(body['jwt'], SIGNED);
        const last = service.seen.slice(from).at(-1);
        assert.ok(last);
        assert.match(
          last.path,
          /projects\/-\/serviceAccounts\/web%40project\.iam\.gserviceaccount\.com:signJwt$/,
        );
        assert.equal(last.headers['authorization'], `Bearer ${token}`);
        const { payload } = JSON.parse(last.body) as { payload: string };
        const { sub, aud } = JSON.parse(payload) as Record<string, unknown>;
        assert.deepEqual({ sub, aud }, { sub: EMAIL, aud: 'vault/web' });
      };
      await signs({}, { GCE_METADATA_HOST: hostOf(service) }, 'canary-access');
      await signs({ metadata_host: hostOf(service), service_account: EMAIL }, {}, 'canary-access');

      const federated = {
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${service.address}/token`,
        service_account_impersonation_url: `${service.address}/v1/projects/-/serviceAccounts/${EMAIL}:generateAccessToken`,
      };
      const subject = workspace.write('subject', 'canary-subject\n');
      const format = { type: 'json', subject_token_field_name: 'id_token' };
      for (const credential_source of [{ file: subject }, { url: `${service.address}/subject`, format }]) {
        const from = service.seen.length;
        const credentials = JSON.stringify({ ...federated, credential_source });
        await signs({ credentials }, {}, 'canary-own');
        const exchange = service.seen.slice(from).find(({ path }) => path === '/token');
        assert.equal(new URLSearchParams(exchange?.body).get('subject_token'), 'canary-subject');
      }

      const user = {
        type: 'authorized_user',
        client_id: 'c',
        client_secret: 'canary-client',
        refresh_token: 'canary-refresh',
        token_uri: `${service.address}/token`,
      };
      const CLOUDSDK_CONFIG = workspace.path('gcloud');
      workspace.write('gcloud/application_default_credentials.json', JSON.stringify(user));
      await signs({ service_account: EMAIL }, { CLOUDSDK_CONFIG }, 'canary-access');
      const unnamed = await cloud.login({ ...iam, iam_endpoint: service.address }, { CLOUDSDK_CONFIG });
      assert.equal(unnamed.result.code, 3);
      assert.match(failuresOf(unnamed.result)[0]?.where ?? '', /service_account/);
    });
  });

  test('elsewhere a list goes on; a service that is named and not there; refusals; junk', async () => {
    const { result } = await cloud.login([gce, iam, cloud.app.auth]);
    assert.equal(result.code, 0, result.stderr);
    await withService(
      () => ({ status: 404, text: 'not found' }),
      async (service) => {
        const metadata_host = hostOf(service);
        const list = await cloud.login([{ ...gce, metadata_host }, cloud.app.auth]);
        assert.equal(list.result.code, 0, list.result.stderr);
      },
    );
    assert.equal((await cloud.login({ ...gce, metadata_host: '127.0.0.1:1' })).result.code, 9);
    assert.equal((await cloud.login({ ...gce, metadata_host: 'a b' })).result.code, 3);
    await withService(
      ({ path }) =>
        path.endsWith(':signJwt')
          ? { status: 403, body: { error: 'canary' } }
          : { status: 200, body: { access_token: 'canary-access' } },
      async (service) => {
        const auth = { ...iam, service_account: EMAIL, iam_endpoint: service.address };
        const refused = await cloud.login(auth, { GCE_METADATA_HOST: hostOf(service) });
        assert.equal(refused.result.code, 4);
        assert.match(failuresOf(refused.result)[0]?.hint ?? '', /signJwt/);
        assert.doesNotMatch(refused.result.stderr, /canary/);
      },
    );
    for (const credentials of [
      'canary-no-json',
      '{"type": "canary"}',
      JSON.stringify({ ...KEY, private_key: 'canary' }),
      '{"type": "external_account", "credential_source": {"environment_id": "aws1"}}',
    ]) {
      const broken = await cloud.login({ ...iam, credentials });
      assert.equal(broken.result.code, 3, credentials);
      assert.doesNotMatch(broken.result.stderr, /canary/);
    }
    assert.equal((await cloud.login({ ...gce, credentials: '{}' })).result.code, 3);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { failuresOf } from '../support/cli.ts';
import { startCloudApp, withService, type CloudApp } from '../support/cloud.ts';
import type { StandIn } from '../support/stand-in.ts';

const RESOURCE = 'https://management.azure.com/';
const TOKEN = { access_token: 'entra.access.token', expires_in: '3599', token_type: 'Bearer' };
const COMPUTE = {
  subscriptionId: '11111111-1111-1111-1111-111111111111',
  resourceGroupName: 'group',
  name: 'machine_0',
  vmScaleSetName: 'scale-set',
};

describe('azure', () => {
  let cloud: CloudApp;
  before(async () => {
    cloud = await startCloudApp();
  });
  after(() => cloud.stop());

  const auth = { method: 'azure', role: 'web' };
  const entra = (work: (service: StandIn) => Promise<void>, compute: object = COMPUTE): Promise<void> =>
    withService(
      ({ path }) => ({ status: 200, body: path.startsWith('/metadata/instance') ? { compute } : TOKEN }),
      work,
    );
  const asked = ({ seen }: StandIn, nth = 0): URL => new URL(`http://x${seen[nth]?.path ?? ''}`);

  test('a machine: the token of its identity, and where it is', async () => {
    await entra(async (service) => {
      const { result, path, body } = await cloud.login({
        ...auth,
        metadata_endpoint: `${service.address}/`,
        client_id: 'user-assigned',
      });
      assert.equal(result.code, 0, result.stderr);
      assert.doesNotMatch(result.stderr, /entra\.access/);
      assert.equal(path, 'auth/azure/login');
      assert.deepEqual(body, {
        role: 'web',
        jwt: TOKEN.access_token,
        subscription_id: COMPUTE.subscriptionId,
        resource_group_name: 'group',
        vm_name: 'machine_0',
        vmss_name: 'scale-set',
      });
      assert.equal(asked(service).pathname, '/metadata/identity/oauth2/token');
      assert.deepEqual(Object.fromEntries(asked(service).searchParams), {
        'api-version': '2018-02-01',
        resource: RESOURCE,
        client_id: 'user-assigned',
      });
      assert.equal(asked(service, 1).pathname, '/metadata/instance');
      assert.ok(service.seen.every(({ headers }) => headers['metadata'] === 'true'));
    });
    const alone = { ...COMPUTE, vmScaleSetName: '' };
    await entra(async (service) => {
      const env = { AZURE_POD_IDENTITY_AUTHORITY_HOST: service.address };
      const { body } = await cloud.login({ ...auth, object_id: 'o', resource: 'api://vault' }, env);
      assert.equal('vmss_name' in body, false);
      assert.equal(asked(service).searchParams.get('object_id'), 'o');
      assert.equal(asked(service).searchParams.get('resource'), 'api://vault');
      const named = await cloud.login(
        { ...auth, resource_id: '/subscriptions/s/x', subscription_id: 's' },
        env,
      );
      assert.deepEqual(named.body, {
        role: 'web',
        jwt: TOKEN.access_token,
        subscription_id: 's',
        resource_id: '/subscriptions/s/x',
      });
    }, alone);
  });

  test('an app: App Service and its likes, and the older interface', async () => {
    await entra(async (service) => {
      const env = { IDENTITY_ENDPOINT: `${service.address}/msi/token`, IDENTITY_HEADER: 'canary-header' };
      const { result, body } = await cloud.login({ ...auth, client_id: 'c' }, env);
      assert.equal(result.code, 0, result.stderr);
      assert.doesNotMatch(result.stderr, /canary/);
      assert.deepEqual(body, { role: 'web', jwt: TOKEN.access_token });
      assert.equal(service.seen[0]?.headers['x-identity-header'], 'canary-header');
      assert.deepEqual(Object.fromEntries(asked(service).searchParams), {
        'api-version': '2019-08-01',
        resource: RESOURCE,
        client_id: 'c',
      });
      await cloud.login(auth, { MSI_ENDPOINT: `${service.address}/older`, MSI_SECRET: 'canary-secret' });
      assert.equal(asked(service, 1).searchParams.get('api-version'), '2017-09-01');
      assert.equal(service.seen[1]?.headers['secret'], 'canary-secret');
      await cloud.login(auth, { MSI_ENDPOINT: `${service.address}/shell` });
      assert.equal(service.seen[2]?.method, 'POST');
      assert.equal(service.seen[2].body, new URLSearchParams({ resource: RESOURCE }).toString());
    });
  });

  test('a workload of AKS: the token of the service account for one of Entra; a refusal', async () => {
    const env = {
      AZURE_FEDERATED_TOKEN_FILE: cloud.app.workspace.write('federated', 'canary.federated.token\n'),
      AZURE_CLIENT_ID: 'client',
      AZURE_TENANT_ID: 'tenant',
    };
    await entra(async (service) => {
      const { result, body } = await cloud.login(auth, {
        ...env,
        AZURE_AUTHORITY_HOST: `${service.address}/`,
      });
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(body, { role: 'web', jwt: TOKEN.access_token });
      assert.equal(asked(service).pathname, '/tenant/oauth2/v2.0/token');
      assert.deepEqual(Object.fromEntries(new URLSearchParams(service.seen[0]?.body)), {
        grant_type: 'client_credentials',
        client_id: 'client',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: 'canary.federated.token',
        scope: 'https://management.azure.com//.default',
      });
    });
    await withService(
      () => ({ status: 401, body: { error: 'invalid_client', error_description: 'canary' } }),
      async (service) => {
        const { result } = await cloud.login(auth, { ...env, AZURE_AUTHORITY_HOST: service.address });
        assert.equal(result.code, 4);
        assert.match(failuresOf(result)[0]?.message ?? '', /Microsoft Entra refused \(401\)/);
        assert.doesNotMatch(result.stderr, /canary/);
      },
    );
    const half = await cloud.login(auth, { ...env, AZURE_TENANT_ID: '' });
    assert.equal(half.result.code, 3);
    assert.match(failuresOf(half.result)[0]?.message ?? '', /\$AZURE_TENANT_ID/);
  });

  test('elsewhere, and on a machine without an identity, a list goes on; a service that is named and not there', async () => {
    const { result } = await cloud.login([auth, cloud.app.auth]);
    assert.equal(result.code, 0, result.stderr);
    await withService(
      () => ({ status: 400, body: { error: 'invalid_request', error_description: 'Identity not found' } }),
      async ({ address: metadata_endpoint }) => {
        const list = await cloud.login([{ ...auth, metadata_endpoint }, cloud.app.auth]);
        assert.equal(list.result.code, 0, list.result.stderr);
        assert.equal((await cloud.login({ ...auth, metadata_endpoint })).result.code, 3);
      },
    );
    assert.equal((await cloud.login({ ...auth, metadata_endpoint: 'http://127.0.0.1:1' })).result.code, 9);
    assert.equal((await cloud.login({ ...auth, metadata_endpoint: 'nowhere' })).result.code, 3);
    assert.equal((await cloud.login({ ...auth, client_id: 'a', object_id: 'b' })).result.code, 3);
  });
});

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { needsDriver, textsOf, type MountResult } from '../support/csi-driver.ts';
import type { RunningProvider } from '../support/csi-provider.ts';
import { PROVIDER, startVaultonce } from '../support/csi-vaultonce.ts';
import {
  startCsiWorld,
  type CsiWorld,
  type Parameters as Texts,
  type VolumeOptions,
} from '../support/csi-world.ts';
import type { ApiPod } from '../support/kubernetes-api.ts';
import { allOf, needsPlugins } from '../support/needs.ts';
import { until } from '../support/patience.ts';
import { startStandIn, type StandInOptions } from '../support/stand-in.ts';

const needs = allOf(await needsDriver(), await needsPlugins('auth/kubernetes', 'secret/pki'));

const CANARY = 'canary';
const KV = '- { objectName: kv, secretPath: secret/data/app, secretKey: password }';
const WEB = { roleName: 'web', objects: KV };
const LOGIN = {
  auth: { client_token: `hvs.${CANARY}`, lease_duration: 3600, renewable: true, accessor: 'a' },
};
const MIB = 2 ** 20;

describe('what happens to one volume is no affair of the others', needs, () => {
  let world: CsiWorld;
  let provider: RunningProvider;
  let pods = 0;

  before(async () => {
    world = await startCsiWorld();
    provider = await startVaultonce(world, {
      args: ['--log-level', 'debug'],
      env: { VAULT_MAX_RETRIES: '0' },
    });
    await world.putKv2('app', { password: `${CANARY}-fetched`, other: 'x' });
  });
  after(async () => {
    await provider.stop();
    await world.stop();
  });

  const newPod = (other?: Partial<ApiPod>): ApiPod => world.startPod(`pod-${String((pods += 1))}`, other);
  const mount = (parameters: Texts, options?: VolumeOptions, pod = newPod()): Promise<MountResult> =>
    world.mount(PROVIDER, pod, parameters, options);
  const served = async (): Promise<void> => {
    const { code, message, durationMs } = await mount(WEB);
    assert.equal(code, 'OK', message);
    assert.ok(durationMs < 5000, `after ${String(durationMs)} ms`);
  };
  /** Does something with a server that answers a login itself. */
  const withServer = async (
    answer: StandInOptions['answer'],
    use: (parameters: Texts, seen: () => number) => Promise<void>,
  ): Promise<void> => {
    const server = await startStandIn({
      answer: (request, nth) =>
        request.path.endsWith('/login') ? { status: 200, body: LOGIN } : answer(request, nth),
    });
    try {
      await use({ ...WEB, vaultAddress: server.address }, () => server.seen.length);
    } finally {
      await server.stop();
    }
  };
  const kvOf = (password: string): object => ({
    data: { data: { password }, metadata: { version: 1 } },
    lease_id: '',
    lease_duration: 0,
    renewable: false,
  });

  test('a server that hangs', async () => {
    await withServer(
      () => 'hang',
      async (parameters, seen) => {
        const pod = newPod();
        const hanging = Array.from({ length: 20 }, () => mount(parameters, { deadlineMs: 4000 }));
        hanging.push(
          mount(parameters, { deadlineMs: 4000 }, pod),
          mount(parameters, { deadlineMs: 4000 }, pod),
        );
        await until('all have asked', () => seen() >= 41);
        await served();
        const results = await Promise.all(hanging);
        assert.deepEqual([...new Set(results.map(({ code }) => code))], ['DeadlineExceeded']);
      },
    );
    await served();
  });

  test('a server that was reached and is stopped', async () => {
    let isHanging = false;
    await withServer(
      () => (isHanging ? 'hang' : { status: 200, body: kvOf('one') }),
      async (parameters) => {
        const pod = newPod();
        assert.deepEqual(textsOf(await mount(parameters, {}, pod)), { kv: 'one' });
        isHanging = true;
        const hanging = mount(parameters, { deadlineMs: 2000 }, pod);
        await served();
        assert.equal((await hanging).code, 'DeadlineExceeded');
        isHanging = false;
        assert.deepEqual(textsOf(await mount(parameters, {}, pod)), { kv: 'one' });
      },
    );
  });

  test('an answer of 100 MB', async () => {
    const text = JSON.stringify(kvOf('x'.repeat(100 * MIB)));
    await withServer(
      () => ({ status: 200, text }),
      async (parameters) => {
        const large = mount(parameters);
        await served();
        const { code, message } = await large;
        assert.notEqual(code, 'OK');
        assert.match(message, /secret\/data\/app.*(?:MiB|bytes|too large)/);
      },
    );
    await served();
  });

  test('a volume that is larger than the driver takes', async () => {
    await withServer(
      ({ path }) => ({ status: 200, body: kvOf('x'.repeat(path.endsWith('large') ? 4.3e6 : 4.1e6)) }),
      async (parameters) => {
        const object = '- { objectName: a, secretPath: secret/data/SIZE, secretKey: password }';
        const just = await mount({ ...parameters, objects: object.replace('SIZE', 'just') });
        assert.equal(just.files[0]?.content.length, 4.1e6, just.message);
        const { code, message } = await mount({ ...parameters, objects: object.replace('SIZE', 'large') });
        assert.equal(code, 'ResourceExhausted');
        assert.match(message, /^the volume takes 4300\d\d\d bytes, and the driver accepts 4194304/);
      },
    );
  });

  test('tokens that are missing, expired, of another audience, of a pod that is gone, or none', async () => {
    const cases: readonly (readonly [VolumeOptions, RegExp])[] = [
      // Then the cluster makes one, for no audience in particular, which this role does not take.
      [{ audiences: [] }, /audience/],
      [{ audiences: ['other'] }, /audience/],
    ];
    for (const [options, why] of cases) {
      const { code, message } = await mount(WEB, options);
      assert.equal(code, 'Unauthenticated');
      assert.match(message, why);
    }
    const pod = newPod();
    const sent = world.attributesOf(pod, WEB);
    const place = { sockets: [world.sockets], provider: PROVIDER, targetPath: world.targetOf(pod) };
    const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';
    const withTokens = (tokens: string): Promise<MountResult> =>
      world.driver.mount({ ...place, attributes: { ...sent, [TOKENS]: tokens } });
    const expired = world.api.issueToken(pod, ['vault'], -10).token;
    const old = await withTokens(JSON.stringify({ vault: { token: expired } }));
    assert.equal(old.code, 'Unauthenticated', old.message);
    const none = await withTokens(JSON.stringify({ vault: { token: `${CANARY}.${CANARY}.${CANARY}` } }));
    assert.equal(none.code, 'Unauthenticated', none.message);
    for (const broken of [`{"vault": {"token": 1, "x": "${CANARY}`, '{"vault": {}}', `["${CANARY}"]`]) {
      const { code, message } = await withTokens(broken);
      assert.equal(code, 'InvalidArgument');
      assert.ok(!message.includes(CANARY));
    }
    world.removePod(pod);
    assert.equal((await world.driver.mount({ ...place, attributes: sent })).code, 'Unauthenticated');
  });

  test('two hundred at once, some of them wrong, round after round: nothing is left of them', async () => {
    const name = 'many';
    // With room for more, Node would collect its garbage later, and nothing could be told from what it holds.
    const env = { NODE_OPTIONS: '--max-old-space-size=64' };
    const many = await startVaultonce(world, { name, env });
    const descriptors = (): number => readdirSync(`/proc/${String(many.pid)}/fd`).length;
    const all = Array.from({ length: 200 }, () => newPod());
    const held: (readonly [descriptors: number, mib: number])[] = [];
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.all(
        all.map((pod, index) =>
          world.mount(name, pod, index % 10 === 9 ? { ...WEB, objects: `${KV}\n${KV}` } : WEB),
        ),
      );
      assert.equal(results.filter(({ code }) => code === 'OK').length, 180);
      assert.equal(results.filter(({ code }) => code === 'InvalidArgument').length, 20);
      held.push([descriptors(), many.memory().residentMib]);
    }
    assert.equal(await many.stop(), 0);
    const [second, last] = [held[1], held.at(-1)];
    assert.ok(second !== undefined && last !== undefined);
    // One left by each mount would be 540 by then; a pool of connections may fill in any round.
    assert.ok(last[0] <= second[0] + 100, `descriptors: ${held.map(([count]) => count).join()}`);
    assert.ok(last[1] <= second[1] + 40, `MiB: ${held.map(([, mib]) => mib).join()}`);
  });

  test('no secret shows in a log at debug level, or in a status', async () => {
    const texts: string[] = [];
    const told = async (...args: Parameters<typeof mount>): Promise<void> => {
      texts.push((await mount(...args)).message);
    };
    const key = (secretKey: string, more = ''): string =>
      `- { objectName: a, secretPath: secret/data/app, secretKey: ${secretKey}${more} }`;
    const cases: readonly (readonly [Texts, VolumeOptions?])[] = [
      [WEB],
      [{ ...WEB, objects: key('missing') }],
      [{ ...WEB, objects: key('password', ', encoding: hex') }],
      [
        {
          ...WEB,
          objects: `- { objectName: a, secretPath: sys/raw/x, method: PUT, secretArgs: { password: ${CANARY} } }`,
        },
      ],
      [
        {
          ...WEB,
          objects: `- { objectName: a, secretPath: pki/issue/web, method: PUT, secretArgs: { ttl: ${CANARY}h } }`,
        },
      ],
      [{ ...WEB, objects: `a: ${CANARY}: {` }],
      [{ ...WEB, vaultAddress: `http://user:${CANARY}@127.0.0.1:1` }],
      [{ ...WEB, roleName: 'unknown' }, { secrets: { password: `${CANARY}-in-secret` } }],
      [
        {
          config: `auth: { method: userpass, username: web, password: '\${P}' }\noutputs: [{ path: a, contents: x }]`,
        },
        { secrets: { P: `${CANARY}-password` } },
      ],
      [{ config: `auth: { method: token, token: hvs.${CANARY} }\noutputs: [{ path: a, contents: x }]` }],
      [
        {
          config: `auth: { method: kubernetes, role: web }\noutputs: [{ path: a, contents: '{{#x}}${CANARY}' }]`,
        },
      ],
    ];
    for (const one of cases) await told(...one);
    const issued = JSON.stringify(world.attributesOf(newPod(), WEB)).match(/eyJ[\w-]+/)?.[0] ?? '';
    assert.ok(issued.length > 20);
    assert.match(provider.log(), /logged in|logged_in/);
    for (const text of [...texts, provider.log()]) {
      const at = text.search(new RegExp(`${CANARY}|${issued}`));
      assert.equal(at, -1, text.slice(Math.max(0, at - 300), at + 100));
    }
  });
});

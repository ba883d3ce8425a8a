import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { EXIT_CODES, RunError, type Failure, type FailureKind } from '../../src/base/errors.ts';
import { csiMetricsText, type ProviderStatus } from '../../src/csi/protocol/csi-metrics.ts';
import { csiPages, type ProviderHealth } from '../../src/csi/protocol/csi-pages.ts';
import { callStatusOf } from '../../src/csi/protocol/grpc-status.ts';
import { mountRequestOf, podNameOf } from '../../src/csi/protocol/mount-request.ts';
import { createMountStatistics } from '../../src/csi/protocol/mount-statistics.ts';
import { MountRequest, MountResponse } from '../../src/csi/protocol/proto/service.pb.ts';
import { answerTo } from '../../src/watch/health/health-answer.ts';
import { mountRequest, POD } from '../support/csi-caller.ts';
import { prometheusParser, readMetrics } from '../support/prometheus.ts';

const TOKENS = 'csi.storage.k8s.io/serviceAccount.tokens';

function failuresOf(message: MountRequest): readonly Failure[] {
  try {
    mountRequestOf(message);
  } catch (error) {
    assert.ok(error instanceof RunError);
    return error.failures;
  }
  return [];
}

describe('the request of the driver', () => {
  const wheres = (message: MountRequest): (string | undefined)[] =>
    failuresOf(message).map(({ where }) => where);

  test('of a measured request', () => {
    const tokens = JSON.stringify({ vault: { token: 'a' }, '': { token: 'b' } });
    const request = mountRequestOf(
      mountRequest({ objects: '- {}', secretProviderClass: 'x', [TOKENS]: tokens }, { secrets: '{"k":"v"}' }),
    );
    assert.deepEqual(request.pod, {
      name: POD.name,
      uid: POD.uid,
      namespace: POD.namespace,
      serviceAccount: POD.account,
    });
    assert.equal(request.className, 'x');
    assert.deepEqual(request.parameters, { objects: '- {}' });
    assert.deepEqual(
      [...request.tokens].map(([audience, token]) => [audience, token.reveal()]),
      [
        ['vault', 'a'],
        ['', 'b'],
      ],
    );
    assert.deepEqual(
      [...request.secrets].map(([name, secret]) => [name, secret.reveal()]),
      [['k', 'v']],
    );
    assert.equal(request.permission, 0o644);
  });

  test('tokens that come among the secrets only', () => {
    const { tokens, secrets } = mountRequestOf(
      mountRequest({}, { secrets: JSON.stringify({ [TOKENS]: '{"vault":{"token":"a"}}' }) }),
    );
    assert.equal(tokens.get('vault')?.reveal(), 'a');
    assert.equal(secrets.size, 0);
  });

  test('a name that is special to JavaScript is a name', () => {
    const attributes = mountRequest({}).attributes.replace('{', '{"__proto__":"a","constructor":"b",');
    const { parameters } = mountRequestOf({ ...mountRequest({}), attributes });
    assert.deepEqual(Object.entries(parameters), [
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  test('what is wrong, all at once', () => {
    const uid = { 'csi.storage.k8s.io/pod.uid': '' };
    for (const [message, expected] of [
      [mountRequest(uid), ['csi.storage.k8s.io/pod.uid']],
      [{ ...mountRequest({}), permission: '' }, ['permission']],
      [{ ...mountRequest({}), permission: '0644' }, ['permission']],
      [{ ...mountRequest({}), permission: '0' }, []],
      [{ ...mountRequest({}), permission: '512' }, ['permission']],
      [{ ...mountRequest({}), permission: '-1' }, ['permission']],
      [{ ...mountRequest({}), permission: '4.2' }, ['permission']],
      [{ ...mountRequest({}), targetPath: '' }, ['target_path']],
      [{ ...mountRequest({}), targetPath: 'a/b' }, ['target_path']],
      [{ ...mountRequest({}), targetPath: '/a/../b' }, ['target_path']],
      [{ ...mountRequest({}), targetPath: '/a..b/..c' }, []],
      [{ ...mountRequest({}), targetPath: '/var/lib/kubelet/pods/other/volumes/x/mount' }, ['target_path']],
      [{ ...mountRequest({}), targetPath: `/data/pods/${POD.uid}/volumes/x` }, []],
      [{ ...mountRequest({}), secrets: '[]', permission: 'x' }, ['secrets', 'permission']],
      [{ ...mountRequest({}), secrets: '{"a":1,"b":null}' }, ['secrets, a', 'secrets, b']],
      [mountRequest({ [TOKENS]: 'x' }), [TOKENS]],
      [mountRequest({ [TOKENS]: '{"a":{}}' }), [`${TOKENS}, a`]],
      [mountRequest({ [TOKENS]: '{"hvs.CAESIsecret":{"token":1}}' }), [`${TOKENS}, [not shown]`]],
    ] as const) {
      assert.deepEqual(wheres(message), expected, JSON.stringify(message));
    }
    assert.equal(wheres({ ...mountRequest({}), attributes: 'null' }).length, 4);
    assert.equal(wheres({ ...mountRequest({}), attributes: '' })[0], 'attributes');
  });

  test('any text is taken or refused in words, none of which is a secret', () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constantFrom('null', '{', '420', '/pods/x/'));
    const secret = 'hvs.CAESIJverysecret';
    fc.assert(
      fc.property(text, text, text, text, (attributes, secrets, targetPath, permission) => {
        const message = { attributes, secrets, targetPath, permission, currentObjectVersion: [] };
        for (const { kind, message: said } of failuresOf(message)) {
          assert.equal(kind, 'config');
          assert.match(said, /^[\w `.]+$/);
        }
        podNameOf(message);
        const bad = { ...message, secrets: `{"a":"${secret}"`, permission: secret, targetPath: secret };
        assert.ok(!JSON.stringify(failuresOf(bad)).includes(secret));
      }),
    );
  });

  test("parameters come through unchanged, but what is the driver's", () => {
    const name = fc.string().filter((one) => !one.startsWith('csi.') && one !== 'secretProviderClass');
    fc.assert(
      fc.property(fc.dictionary(name, fc.string(), { noNullPrototype: true }), (parameters) => {
        const request = mountRequestOf(mountRequest(parameters));
        assert.deepEqual({ ...request.parameters }, { ...parameters });
        assert.equal(request.className, 'web');
      }),
    );
  });

  test('messages are the same after a way over the wire', () => {
    const plain = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> =>
      fc.record<T>(model, { noNullPrototype: true });
    const record = plain({
      attributes: fc.string({ unit: 'grapheme' }),
      secrets: fc.string({ unit: 'grapheme' }),
      targetPath: fc.string(),
      permission: fc.string(),
      currentObjectVersion: fc.array(plain({ id: fc.string(), version: fc.string() })),
    });
    const answer = plain({
      objectVersion: fc.array(plain({ id: fc.string(), version: fc.string() })),
      error: fc.option(plain({ code: fc.string() }), { nil: undefined }),
      files: fc.array(plain({ path: fc.string(), mode: fc.integer({ min: 0 }), contents: fc.uint8Array() })),
    });
    fc.assert(
      fc.property(record, answer, (message, response) => {
        assert.deepEqual(MountRequest.decode(MountRequest.encode(message).finish()), message);
        const back = MountResponse.decode(MountResponse.encode(response).finish());
        const files = back.files.map((file) => ({ ...file, contents: new Uint8Array(file.contents) }));
        assert.deepEqual({ ...back, files }, response);
      }),
    );
  });
});

describe('the status of a failed mount', () => {
  test('every kind has its code', () => {
    const codes: Readonly<Record<FailureKind, string>> = {
      internal: 'INTERNAL',
      usage: 'INVALID_ARGUMENT',
      config: 'INVALID_ARGUMENT',
      auth: 'UNAUTHENTICATED',
      denied: 'PERMISSION_DENIED',
      not_found: 'NOT_FOUND',
      template: 'INVALID_ARGUMENT',
      output: 'FAILED_PRECONDITION',
      unavailable: 'UNAVAILABLE',
      policy: 'FAILED_PRECONDITION',
      deadline: 'DEADLINE_EXCEEDED',
      not_executable: 'INTERNAL',
      no_command: 'INTERNAL',
      hung_up: 'UNAVAILABLE',
      interrupted: 'UNAVAILABLE',
      quit: 'UNAVAILABLE',
      terminated: 'UNAVAILABLE',
    };
    for (const kind of Object.keys(EXIT_CODES) as FailureKind[])
      assert.equal(status[callStatusOf(new RunError(kind, 'x')).code], codes[kind], kind);
    assert.equal(callStatusOf(new RunError([], 1)).code, status.INTERNAL);
  });

  test('what decides comes first, and what does not fit is counted', () => {
    const many = Array.from({ length: 99 }, (_one, index) => ({
      kind: 'not_found' as const,
      where: `objects[${String(index)}]`,
      message: `there is no secret ${'x'.repeat(100)}`,
      hint: 'does it exist?',
    }));
    const { code, details } = callStatusOf(
      new RunError([...many, { kind: 'denied', message: 'not allowed' }]),
    );
    assert.equal(code, status.PERMISSION_DENIED);
    assert.match(details, /^not allowed; objects\[0\]: /);
    assert.match(details, /; and \d\d more$/);
    assert.equal(details.split('does it exist?').length, 2);
  });

  test('it is one line that can be sent, whatever failed', () => {
    const text = fc.string({ unit: 'binary', maxLength: 1500 });
    const failure = fc.record({
      kind: fc.constantFrom<FailureKind>('config', 'denied', 'internal'),
      message: text,
      where: fc.option(text, { nil: undefined }),
      details: fc.option(fc.array(text, { maxLength: 3 }), { nil: undefined }),
      hint: fc.option(text, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(failure, { minLength: 1, maxLength: 9 }), (failures) => {
        const { details } = callStatusOf(new RunError(failures));
        // Throws for half a character.
        encodeURI(details);
        assert.doesNotMatch(details, /[\0-\x1f\x7f-\x9f\u2028\u2029]/);
        assert.ok(Buffer.byteLength(details) <= 3100);
      }),
    );
  });
});

describe('metrics of a provider, as the parser of Prometheus reads them', () => {
  let parser = '';
  before(async () => {
    parser = await prometheusParser();
  });

  test('every number', () => {
    const mounts = createMountStatistics();
    for (const seconds of [0.005, 0.01, 0.2, 3, 500]) {
      mounts.begin();
      mounts.end(seconds > 1 ? 'deadline' : 'ok', seconds);
    }
    mounts.begin();
    const volumes = {
      volumes: 3,
      staleVolumes: 1,
      logins: 4,
      tokenRenewals: 5,
      leaseRenewals: 6,
      requests: 70,
    };
    const samples = readMetrics(parser, [csiMetricsText({ startedAtS: 1_800_000_000.5, mounts, volumes })]);
    const valueOf = (name: string, label?: string): number | undefined =>
      samples.find(
        (one) =>
          one.name === `vaultonce_${name}` &&
          (label === undefined || Object.values(one.labels).includes(label)),
      )?.value;
    assert.equal(valueOf('build_info'), 1);
    assert.equal(valueOf('start_time_seconds'), 1_800_000_000.5);
    assert.equal(valueOf('mounts_total', 'ok'), 3);
    assert.equal(valueOf('mounts_total', 'deadline'), 2);
    assert.equal(valueOf('mounts_under_way'), 1);
    for (const [bound, count] of [
      ['0.01', 2],
      ['0.1', 2],
      ['0.25', 3],
      ['2.5', 3],
      ['5', 4],
      ['120', 4],
      ['+Inf', 5],
    ] as const)
      assert.equal(valueOf('mount_duration_seconds_bucket', bound), count, bound);
    assert.equal(valueOf('mount_duration_seconds_sum'), 503.215);
    assert.equal(valueOf('mount_duration_seconds_count'), 5);
    assert.deepEqual(
      [
        'volumes',
        'volumes_stale',
        'logins_total',
        'token_renewals_total',
        'lease_renewals_total',
        'requests_total',
      ].map((name) => valueOf(name)),
      Object.values(volumes),
    );
  });
});

describe('health of a provider', () => {
  const status = (): ProviderStatus => assert.fail('metrics are not asked for');
  const asked = async (target: string, health: Partial<ProviderHealth> = {}): Promise<[number, string]> => {
    const all: ProviderHealth = {
      status,
      hasSocket: () => true,
      answers: () => Promise.resolve(true),
      isServerReachable: undefined,
      isStopping: () => false,
      now: () => 0,
      ...health,
    };
    const { status: code, text } = await answerTo('GET', target, csiPages(all));
    return [code, text];
  };
  const no = (): Promise<boolean> => Promise.resolve(false);

  test('it lives while there is a socket, and is ready while somebody answers at it and at the server', async () => {
    assert.deepEqual(await asked('/livez'), [200, 'alive\n']);
    assert.equal((await asked('/livez', { hasSocket: () => false }))[0], 503);
    assert.deepEqual(await asked('/readyz'), [200, 'ready\n']);
    assert.deepEqual(await asked('/readyz', { answers: no, isServerReachable: no }), [
      503,
      'not ready: no provider answers at the socket\nnot ready: the server cannot be reached\n',
    ]);
    assert.equal((await asked('/readyz', { isServerReachable: () => Promise.resolve(true) }))[0], 200);
    assert.equal((await asked('/readyz', { isServerReachable: () => Promise.reject(new Error()) }))[0], 503);
    assert.equal((await asked('/readyz', { isStopping: () => true }))[0], 503);
  });

  test('those who ask often make no requests of it', async () => {
    let [count, now] = [0, 0];
    const isServerReachable = (): Promise<boolean> => {
      count += 1;
      return Promise.resolve(true);
    };
    const pages = csiPages({
      status,
      hasSocket: () => true,
      answers: () => Promise.resolve(true),
      isServerReachable,
      isStopping: () => false,
      now: () => now,
    });
    const ask = async (): Promise<unknown> => answerTo('GET', '/readyz', pages);
    await Promise.all([ask(), ask(), ask()]);
    now += 2999;
    await ask();
    assert.equal(count, 1);
    now += 2;
    await ask();
    assert.equal(count, 2);
  });
});

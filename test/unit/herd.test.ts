import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { delayMs } from '../../src/http/delay.ts';
import { startsOf } from '../bench/herd/arrivals.ts';
import { createCores } from '../bench/herd/cores.ts';
import { createEventQueue } from '../bench/herd/event-queue.ts';
import { runOnce } from '../bench/herd/pod-once.ts';
import { seededRandom } from '../bench/herd/random.ts';
import { restartDelayMs } from '../bench/herd/restart.ts';
import { createSimServer, type ServiceTimes } from '../bench/herd/sim-server.ts';
import { reachedBy, simulate, type Herd } from '../bench/herd/simulate.ts';
import { createVirtualTime, sleep, within, type Start } from '../bench/herd/virtual-time.ts';
import { createQuota } from '../bench/herd/window-quota.ts';

const ONE_EACH: ServiceTimes = {
  handshake: 1,
  login: 2,
  mounts: 1,
  mount: 1,
  read: 1,
  renew: 1,
  revoke: 1,
  rejected: 0,
};
const NOTHING: ServiceTimes = {
  ...ONE_EACH,
  handshake: 0,
  login: 0,
  mounts: 0,
  mount: 0,
  read: 0,
  renew: 0,
  revoke: 0,
};

const once = { kind: 'once', http2: true, jitterMs: 0, timeoutMs: 60_000 } as const;
const HERD: Herd = {
  pods: 3,
  secrets: 1,
  arrivals: { kind: 'at once' },
  client: once,
  cost: { cpuMs: 0, idleMs: 0 },
  serviceMs: ONE_EACH,
  cores: 1,
  roundTripMs: 0,
  seed: 1,
};

describe('the simulation of a herd', () => {
  test('three pods on one core, by hand', () => {
    // Handshakes until 3, logins until 9, mounts until 12, reads until 15, revocations until 18.
    assert.deepEqual(simulate(HERD).readyMs, [16, 17, 18]);
    // With two cores handshakes end at 1, 1 and 2, logins at 3, 4 and 5, mounts at 5, 6 and 6, reads at 7, 7 and 8.
    assert.deepEqual(simulate({ ...HERD, cores: 2 }).readyMs, [8, 9, 9]);
    assert.deepEqual(simulate({ ...HERD, arrivals: { kind: 'lanes', atOnce: 1 } }).readyMs, [6, 12, 18]);
    // Two round trips for the connection, one for each request.
    assert.deepEqual(simulate({ ...HERD, pods: 1, roundTripMs: 10 }).readyMs, [66]);
    // Half of the client's work comes first.
    const cost = { cpuMs: 4, idleMs: 5 };
    assert.deepEqual(simulate({ ...HERD, pods: 1, cost }).readyMs, [15]);
    assert.deepEqual(simulate({ ...HERD, pods: 1, cost, sharesCores: true, speed: 1 / 2 }).readyMs, [25]);
  });

  test('HTTP/1.1 pays a handshake for each connection that reads, as far as there are more secrets', () => {
    const client = { ...once, http2: false };
    const { serverCpuMs } = simulate({ ...HERD, pods: 1, secrets: 20, client });
    assert.equal(serverCpuMs, 16 + 2 + 1 + 20 + 1);
    assert.equal(simulate({ ...HERD, pods: 1, secrets: 20 }).serverCpuMs, 1 + 2 + 1 + 20 + 1);
  });

  test('the agent asks twice for each secret, over a connection for each', () => {
    const agent = simulate({ ...HERD, pods: 1, secrets: 10, client: { kind: 'agent' } });
    assert.deepEqual([agent.served, agent.serverCpuMs], [22, 11 + 2 + 1 + 20]);
  });

  /** One pod for which the server does no work, with these numbers by chance. */
  const alone = (secrets: number, quota: number, random: () => number): unknown[] => {
    const time = createVirtualTime();
    const cores = createCores(time, 1);
    const letsThrough = createQuota(quota, () => time.now());
    const server = createSimServer(time, { serviceMs: NOTHING, roundTripMs: 0, cores, letsThrough });
    const compute = (ms: number) => sleep(time, ms);
    const pod = { time, server, random, address: 0, secrets, cost: HERD.cost, compute };
    let ready: unknown[] = [];
    time.begin(runOnce({ http2: true, jitterMs: 0, timeoutMs: 60_000 })(pod), (isReady) => {
      ready = [isReady, time.now()];
    });
    time.run();
    return [...ready, server.served(), server.rejected()];
  };

  test('one pod, a quota of one request in a second, and the longest delays, by hand', () => {
    assert.deepEqual(
      [1, 2, 3].map((attempt) => delayMs(attempt, 1)),
      [200, 400, 800],
    );
    // Login at 0; the mounts are refused at 0, 200 and 600, and served at 1400; the read is refused then and at 1600, and served at
    // 2000; the revocation is refused then, at 2200 and 2600, and served at 3400.
    assert.deepEqual(
      alone(1, 1, () => 1),
      [true, 3400, 4, 8],
    );
  });

  test('a 429 holds back the other requests of its run, by hand', () => {
    // The first number is for the jitter; then the longest delay and none, in turns.
    let draws = 0;
    const inTurns = (): number => {
      draws += 1;
      return draws % 2 === 0 ? 1 : 0;
    };
    // The first read is refused at 0, and twice at 200, then to wait until 1000. The second one is not sent meanwhile: both are served
    // at 1000. The revocation is refused twice then, and twice at 1400, and served at 3000.
    assert.deepEqual(alone(2, 2, inTurns), [true, 3000, 5, 7]);
  });

  test('a run that cannot end in time fails, and the kubelet starts it again', () => {
    assert.deepEqual([1, 2, 3, 4, 9].map(restartDelayMs), [0, 10_000, 20_000, 40_000, 300_000]);
    const slow = { ...HERD, pods: 1, serviceMs: { ...ONE_EACH, handshake: 0, login: 40_000 } };
    const hopeless = simulate(slow);
    assert.equal(hopeless.readyMs.length, 0);
    assert.ok(hopeless.restarts > 10);
    // With twice the time a request is awaited for as long as it takes.
    const patient = simulate({ ...slow, client: { ...once, timeoutMs: 120_000 } });
    assert.deepEqual([patient.readyMs, patient.restarts], [[40_003], 0]);
  });

  const herds = fc.record({
    pods: fc.integer({ min: 1, max: 60 }),
    secrets: fc.integer({ min: 0, max: 20 }),
    cores: fc.integer({ min: 1, max: 4 }),
    roundTripMs: fc.integer({ min: 0, max: 5 }),
    quota: fc.option(fc.integer({ min: 50, max: 500 }), { nil: undefined }),
    seed: fc.integer(),
    arrivals: fc.constantFrom<Herd['arrivals']>(
      { kind: 'at once' },
      { kind: 'waves', size: 7, everyMs: 500 },
      { kind: 'image pulls', nodes: 5, spreadMs: 3000 },
      { kind: 'lanes', atOnce: 4 },
    ),
    client: fc.constantFrom<Herd['client']>(
      once,
      { ...once, http2: false },
      { ...once, jitterMs: 5000 },
      { kind: 'agent' },
    ),
  });

  test('nothing is lost: each pod is ready once, each request is answered, and the server did that work', () => {
    fc.assert(
      fc.property(herds, (some) => {
        const herd: Herd = { ...HERD, ...some };
        const outcome = simulate(herd);
        const { pods, secrets } = herd;
        assert.equal(outcome.readyMs.length, pods);
        assert.equal(outcome.restarts, 0);
        assert.equal(outcome.answerMs.length, outcome.served + outcome.rejected);
        const isAgent = herd.client.kind === 'agent';
        const most = pods * (isAgent ? 2 * secrets + 2 : secrets + 3);
        // Under a quota a revocation is given up at last, and of the agent a renewal, and look-ups of mounts.
        const least = herd.quota === undefined ? most : most - pods * (isAgent ? secrets + 1 : 1);
        assert.ok(outcome.served >= least && outcome.served <= most, String(outcome.served));
        if (herd.quota === undefined) assert.equal(outcome.rejected, 0);
        // Nobody waits for the agent's renewal.
        const awaitedMs = outcome.serverCpuMs - (isAgent ? pods * ONE_EACH.renew : 0);
        const lastMs = outcome.readyMs.at(-1) ?? 0;
        assert.ok(lastMs >= awaitedMs / herd.cores - 1e-6, 'no core did more than it can');
        assert.deepEqual(simulate(herd), outcome, 'the same herd has the same outcome');
      }),
      { numRuns: 40 },
    );
  });

  test('more of what the server needs is never slower, more pods are never faster', () => {
    const herd: Herd = { ...HERD, pods: 200, secrets: 10, client: { ...once, jitterMs: 1000 } };
    const lastMs = (some: Partial<Herd>): number => simulate({ ...herd, ...some }).readyMs.at(-1)!;
    const falls = (values: readonly number[]): boolean =>
      values.every((value, index) => index === 0 || value <= values[index - 1]!);
    assert.ok(falls([1, 2, 4, 8].map((cores) => lastMs({ cores }))));
    assert.ok(falls([100, 200, 400, 1600].map((quota) => lastMs({ quota }))));
    assert.ok(falls([1, 4, 16].map((addresses) => lastMs({ quota: 50, addresses }))));
    assert.ok(falls([800, 400, 200, 100].map((pods) => lastMs({ pods }))));
    assert.ok(falls([20, 10, 5].map((secrets) => lastMs({ secrets }))));
    const answered = [0, 1000, 4000, 16_000].map((jitterMs) =>
      reachedBy(simulate({ ...herd, client: { ...once, jitterMs } }).answerMs, 0.99),
    );
    assert.ok(falls(answered), String(answered));
  });
});

describe('the parts of the simulation', () => {
  test('events come in the order of their times, and of their beginning; those called off do not', () => {
    const event = fc.record({ atMs: fc.integer({ min: 0, max: 9 }), isCalledOff: fc.boolean() });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const queue = createEventQueue();
        const happened: number[] = [];
        const callOff = events.map(({ atMs }, index) => queue.add(atMs, () => happened.push(index)));
        for (const [index, { isCalledOff }] of events.entries()) if (isCalledOff) callOff[index]?.();
        for (let next = queue.next(); next !== undefined; next = queue.next()) next.happen();
        // What has happened cannot be called off.
        for (const off of callOff) off();
        const left = [...events.entries()].filter(([, { isCalledOff }]) => !isCalledOff);
        // Sorting keeps the order of equals.
        const expected = left.sort(([, a], [, b]) => a.atMs - b.atMs).map(([index]) => index);
        assert.deepEqual(happened, expected);
        assert.equal(queue.next(), undefined);
      }),
    );
  });

  test('a long piece of work lets short ones pass after a slice', () => {
    const time = createVirtualTime();
    const cores = createCores(time, 1);
    const ends: [string, number][] = [];
    for (const [name, ms] of [
      ['long', 25],
      ['short', 2],
    ] as const) {
      cores.work(ms)(() => ends.push([name, time.now()]));
    }
    time.run();
    assert.deepEqual(ends, [
      ['short', 12],
      ['long', 27],
    ]);
    assert.equal(cores.doneMs(), 27);
  });

  test('what takes too long goes on without anybody waiting for it', () => {
    const time = createVirtualTime();
    let ended = 0;
    const slow: Start<string> = (resume) => {
      time.after(10, () => {
        ended = time.now();
        resume('late');
      });
    };
    const results: unknown[] = [];
    within(time, 4, slow)((result) => results.push([result, time.now()]));
    within(time, 11, slow)((result) => results.push([result, time.now()]));
    time.run();
    assert.deepEqual(
      [results, ended],
      [
        [
          [undefined, 4],
          ['late', 10],
        ],
        10,
      ],
    );
  });

  test('a quota counts each address by itself, in seconds from its first request', () => {
    let nowMs = 300;
    const letsThrough = createQuota(2, () => nowMs);
    const at = (ms: number, address: number): boolean => {
      nowMs = ms;
      return letsThrough(address);
    };
    assert.deepEqual([at(300, 1), at(1299, 1), at(1299, 1)], [true, true, false]);
    assert.equal(at(1299, 2), true);
    assert.deepEqual([at(1300, 1), at(1300, 1), at(1301, 1)], [true, true, false]);
  });

  test('arrivals: all pods start once, those of a node together', () => {
    const random = seededRandom(3);
    assert.deepEqual(startsOf({ kind: 'waves', size: 2, everyMs: 5 }, 5, random), [0, 0, 5, 5, 10]);
    assert.deepEqual(startsOf({ kind: 'lanes', atOnce: 2 }, 3, random), [0, 0, undefined]);
    const pulls = startsOf({ kind: 'image pulls', nodes: 4, spreadMs: 1000 }, 40, random);
    assert.equal(new Set(pulls).size, 4);
    assert.ok(pulls.every((startMs) => startMs !== undefined && startMs >= 0 && startMs < 1000));
  });

  test('chance is even, and the same for the same seed', () => {
    const draw = (seed: number): number[] => Array.from({ length: 4000 }, seededRandom(seed));
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    const tenths = Map.groupBy(draw(7), (value) => Math.floor(value * 10));
    assert.equal(tenths.size, 10);
    assert.ok([...tenths.values()].every(({ length }) => length > 320 && length < 480));
  });

  test('how many are ready by when', () => {
    const sorted = Array.from({ length: 10 }, (_, index) => index + 1);
    assert.deepEqual(
      [0.5, 0.99, 1].map((share) => reachedBy(sorted, share)),
      [5, 10, 10],
    );
    assert.ok(Number.isNaN(reachedBy(sorted, 0.99, 100)), 'ten of a hundred are not 99 %');
  });
});
